"""The measures of TFNet's paper, and what is done to recordings before."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.evaluate.tfnet_protocol import (
    PATCH,
    RATE,
    evaluate_patches,
    patch_lsd,
    patch_snr_db,
    resampled_back,
    spline,
    summarize_patches,
    thinned,
)
from tests.restore.conftest import Unchanged


@pytest.fixture
def patches() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, PATCH)).astype(np.float32)


@pytest.mark.parametrize("gain", [2.0, 0.25])
def test_a_gain_is_twice_its_logarithm_to_the_base_ten(patches: np.ndarray, gain: float) -> None:
    """With the natural logarithm of Kuleshov et al., which the paper's table mixes in, it would be 2.303 times that."""
    assert patch_lsd(gain * patches, patches) == pytest.approx(2 * abs(math.log10(gain)), rel=1e-4)
    assert patch_lsd(patches, patches) == 0.0


def test_empty_bins_cost_more_than_wrong_ones(patches: np.ndarray) -> None:
    spectrum = np.fft.rfft(patches)
    spectrum[:, 1024:] = 0
    empty = np.fft.irfft(spectrum).astype(np.float32)
    noise = np.random.default_rng(1).standard_normal(patches.shape).astype(np.float32)
    assert patch_lsd(empty, patches) > 5.0
    assert patch_lsd(noise, patches) < 1.0


def test_snr_is_the_mean_over_patches_and_bounded(patches: np.ndarray) -> None:
    assert patch_snr_db(0.9 * patches, patches) == pytest.approx(20.0, abs=1e-2)
    both = np.stack([0.9 * patches[0], 0.99 * patches[1]])
    assert patch_snr_db(both, patches[:2]) == pytest.approx(30.0, abs=0.1)
    assert patch_snr_db(1e-3 * patches, 1e-3 * patches) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("factor", [4, 6, 8])
def test_a_low_tone_comes_back_and_a_high_one_is_gone(factor: int) -> None:
    time = np.arange(24 * 512) / RATE
    for hz, most in ((300.0, 0.03), (0.9 * RATE / 2, None)):
        tone = np.sin(2 * np.pi * hz * time).astype(np.float32)
        for back in (resampled_back, spline):
            again = back(thinned(tone, factor), factor)
            assert again.shape == tone.shape
            inner = slice(2_000, -2_000)
            if most is None:
                assert np.abs(again[inner]).max() < 1e-3
            else:
                assert np.abs(again - tone)[inner].max() < most


def test_every_system_is_scored_at_every_factor(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> None:
    soundfile.write(tmp_path / "long.wav", speech_like(1.5)[0], 48_000)
    soundfile.write(tmp_path / "short.wav", speech_like(0.3)[0], 48_000)
    model = Unchanged()
    scores = evaluate_patches(tmp_path, sorted(tmp_path.glob("*.wav")), model)  # type: ignore[arg-type]
    rows = summarize_patches(scores)
    assert [row["condition"] for row in rows[:3]] == ["4x, resampled input", "4x, cubic spline", "4x, unchanged"]
    assert len(rows) == 9
    assert {score.recording for score in scores} == {"long.wav"}
    given, _, same = rows[:3]
    assert same["snr_db"] == pytest.approx(given["snr_db"], abs=0.1)
    assert given["snr_db"] > rows[6]["snr_db"]  # the more is thinned out, the less comes back
