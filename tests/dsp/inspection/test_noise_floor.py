"""What is there without the sound: DC offset and noise floor."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.inspection.dc_offset import OffsetMeter
from hifisr_cli.dsp.inspection.noise_floor import NoiseFloorMeter

RATE = 16_000


def floor_of(wave: np.ndarray, rate: int = RATE, block: int = 4321) -> float | None:
    meter = NoiseFloorMeter(rate)
    for start in range(0, wave.shape[1], block):
        meter.push(wave[:, start : start + block].astype(np.float32))
    return meter.level_db()


def noise(level_db: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(10 ** (level_db / 20) * rng.standard_normal((1, round(seconds * RATE))))


@pytest.mark.parametrize("level", [-90.0, -60.0, -30.0])
def test_steady_noise_is_its_own_floor(level: float, rng: np.random.Generator) -> None:
    assert floor_of(noise(level, 10, rng)) == pytest.approx(level, abs=0.6)


def test_pauses_show_the_floor(rng: np.random.Generator) -> None:
    talking = np.arange(10 * RATE) // (RATE // 2) % 4 != 0  # three quarters of the time
    wave = np.where(talking, noise(-20, 10, rng), noise(-65, 10, rng))
    assert floor_of(wave) == pytest.approx(-65, abs=0.6)
    with_offset = wave + 0.1
    assert floor_of(with_offset) == pytest.approx(-65, abs=0.6)
    assert floor_of(np.concatenate([wave, 0.1 * wave])) == floor_of(wave)
    padded = np.concatenate([wave, np.zeros((1, 30 * RATE))], axis=1)
    assert floor_of(padded) == pytest.approx(floor_of(wave), abs=0.1)


def test_digital_silence_has_no_floor() -> None:
    assert floor_of(np.zeros((2, RATE))) is None
    assert floor_of(np.full((1, RATE), 0.25)) is None
    assert NoiseFloorMeter(RATE).level_db() is None


def test_blocks_do_not_matter(rng: np.random.Generator) -> None:
    wave = noise(-40, 2, rng)
    assert len({floor_of(wave, block=block) for block in (1, 799, 800, 65_536)}) == 1


def test_the_mean_is_the_offset(rng: np.random.Generator) -> None:
    meter = OffsetMeter()
    wave = 0.1 * rng.standard_normal((2, 50_001))
    wave -= wave.mean(axis=1, keepdims=True)
    wave[1] -= 0.02
    for start in range(0, 50_001, 7000):
        meter.push(wave[:, start : start + 7000].astype(np.float32))
    assert meter.result() == pytest.approx(-0.02, abs=1e-6)
    assert OffsetMeter().result() == 0.0
