"""Active level: exact under gain, deaf to appended silence and to how blocks are cut."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.level import LevelMeter, active_rms


def test_gain_scales_the_level_exactly(rng: np.random.Generator) -> None:
    wave = (rng.standard_normal(16_000) * np.linspace(0, 0.1, 16_000)).astype(np.float32)
    assert active_rms(wave * np.float32(0.1), 16_000) == pytest.approx(0.1 * active_rms(wave, 16_000), rel=1e-5)


@pytest.mark.parametrize("silence", [1, 319, 320, 50_000])
def test_appended_silence_does_not_count(rng: np.random.Generator, silence: int) -> None:
    wave = (0.1 * rng.standard_normal(16_123)).astype(np.float32)
    longer = np.concatenate((wave, np.zeros(silence, np.float32)))
    assert active_rms(longer, 16_000) == active_rms(wave, 16_000)


def test_blocks_may_be_cut_anywhere(rng: np.random.Generator) -> None:
    wave = (0.1 * rng.standard_normal((2, 30_000))).astype(np.float32)
    whole, parts = LevelMeter(44_100), LevelMeter(44_100)
    whole.push(wave)
    for part in np.split(wave, [1, 2, 500, 8000, 8001, 29_999], axis=1):
        parts.push(part)
    assert parts.rms() == whole.rms()
    assert parts.peak == whole.peak


def test_known_levels() -> None:
    assert active_rms(np.zeros(8000, np.float32), 8000) == 0.0
    sine = np.sin(2 * np.pi * 100 * np.arange(8000) / 8000).astype(np.float32)
    assert active_rms(sine, 8000) == pytest.approx(np.sqrt(0.5), rel=1e-3)
    assert LevelMeter(8000).rms() == 0.0
