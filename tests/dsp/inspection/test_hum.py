"""Hum: known lines in noise and speech are found with their level, and nothing is found where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.dsp.inspection.hum import Hum, HumMeter

NONE = Hum(present=False, frequency_hz=None, level_db=None)


def heard(wave: np.ndarray, rate: int, block: int = 65_536) -> Hum | None:
    meter = HumMeter(rate)
    for start in range(0, wave.shape[1], block):
        meter.push(wave[:, start : start + block].astype(np.float32))
    return meter.result()


def lines(frequency: float, amplitudes: tuple[float, ...], rate: int, seconds: float) -> tuple[np.ndarray, float]:
    """The sum of harmonics [T] with these amplitudes, and its level in dB."""
    t = np.arange(round(rate * seconds)) / rate
    waves = [a * np.sin(2 * np.pi * (k + 1) * frequency * t + k) for k, a in enumerate(amplitudes)]
    return np.sum(waves, axis=0), 10 * np.log10(np.sum(np.square(amplitudes)) / 2)


@pytest.mark.parametrize("rate", [1000, 8000, 44_100, 48_000])
@pytest.mark.parametrize("frequency", [50.0, 60.0, 49.7, 60.3])
@pytest.mark.parametrize("seconds", [1.5, 12.0])
def test_level_and_mains_are_found(rate: int, frequency: float, seconds: float, rng: np.random.Generator) -> None:
    hum, level = lines(frequency, (0.01, 0.005, 0.003), rate, seconds)
    found = heard((hum + 1e-3 * rng.standard_normal(len(hum)))[None], rate)
    assert found is not None
    assert found.present
    assert found.frequency_hz == round(frequency, -1)
    assert found.level_db == pytest.approx(level, abs=0.4)


def test_opposite_phase_does_not_hide_it(rng: np.random.Generator) -> None:
    hum, level = lines(50.0, (0.01, 0.005), 8000, 10)
    noise = 1e-3 * rng.standard_normal((2, len(hum)))
    found = heard(np.stack([hum, -hum]) + noise, 8000)
    assert found is not None
    assert found.level_db == pytest.approx(level, abs=0.4)


@pytest.mark.parametrize("seconds", [1.1, 3.0, 9.0, 30.0])
def test_noise_has_none(seconds: float) -> None:
    for seed in range(40):
        white = np.random.default_rng(seed).standard_normal((1, round(2000 * seconds)))
        for wave in (white, np.cumsum(white, axis=1)):  # white and brown
            assert heard(wave / np.abs(wave).max(), 2000) == NONE


def test_a_tone_beside_the_mains_is_none(rng: np.random.Generator) -> None:
    for frequency in (46.0, 55.0, 65.4, 110.0):
        tone, _ = lines(frequency, (0.05,), 4000, 10)
        assert heard((tone + 1e-3 * rng.standard_normal(len(tone)))[None], 4000) == NONE


def test_too_short_to_tell() -> None:
    assert heard(np.ones((1, 4000)), 8000) is None
    assert heard(np.zeros((1, 80_000)), 8000) is None
    assert HumMeter(8000).result() is None


def test_blocks_do_not_matter(rng: np.random.Generator) -> None:
    hum, _ = lines(60.0, (0.01, 0.01), 8000, 6)
    wave = (hum + 1e-3 * rng.standard_normal(len(hum)))[None]
    levels = [heard(wave, 8000, block) for block in (37, 8000, 100_000)]
    assert all(found is not None and found.level_db == pytest.approx(levels[0].level_db, abs=1e-4) for found in levels)


def test_speech_hides_none_and_has_none(speech_like: Callable[..., np.ndarray]) -> None:
    speech = speech_like(12.0, 16_000, seed=3)
    assert heard(speech, 16_000) == NONE
    hum, level = lines(50.0, (10 ** (-55 / 20), 10 ** (-55 / 20)), 16_000, 12.0)
    found = heard(speech + hum, 16_000)
    assert found is not None
    assert found.present
    assert level - 4.0 < found.level_db < level + 1.0  # the voice may cover the line at 100 Hz


def test_real_speech(shared_speech: Path) -> None:
    """Recordings without audible hum; with some at -47 dBFS, it is found where there is time to."""
    files = sorted(p for p in (shared_speech / "validation").rglob("*") if p.suffix in (".flac", ".wav"))[::6][:12]
    for path in files:
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
        assert heard(wave.T, rate) == NONE, path.name
        if len(wave) < 6 * rate:
            continue
        hum, _ = lines(50.0, (3e-3, 3e-3, 1e-3), rate, len(wave) / rate)
        found = heard(wave.T + hum, rate)
        assert found is not None
        assert found.present, path.name
