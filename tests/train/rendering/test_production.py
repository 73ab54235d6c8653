"""Shelves, saturation, compression, rooms and floors do what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.train.rendering.production import (
    FLOOR_DBFS,
    compressed,
    in_a_room,
    produced,
    saturated,
    shelved,
    with_floor,
)

RATE = 48_000


def tone(frequency_hz: float, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(RATE) / RATE)).astype(np.float32)


def level_db(wave: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(wave, dtype=np.float64)) + 1e-20))


@pytest.mark.parametrize("gain_db", [-3.0, 12.0])
def test_a_shelf_lifts_the_treble_alone(gain_db: float) -> None:
    for frequency, expected in ((1_000.0, 0.0), (2_900.0, 0.0), (6_100.0, gain_db), (15_000.0, gain_db)):
        change = level_db(shelved(tone(frequency), 3_000.0, gain_db)) - level_db(tone(frequency))
        assert change == pytest.approx(expected, abs=0.01)


def test_saturation_makes_odd_harmonics_and_no_aliases() -> None:
    power = np.abs(np.fft.rfft(saturated(tone(7_000.0), 10.0))) ** 2
    assert power[21_000] > 1e-3 * power[7_000]
    others = np.delete(power, [7_000, 21_000])
    assert others.max() < 1e-6 * power[7_000], "the fifth harmonic, 35 kHz, does not come back as 13 kHz"
    quiet = saturated(tone(7_000.0), -40.0)
    assert np.allclose(quiet, tone(7_000.0), atol=1e-5)


def test_compression_brings_loud_and_quiet_together_by_its_ratio() -> None:
    loud, quiet = tone(500.0, 0.5), tone(500.0, 0.05)
    out = compressed(np.concatenate([loud, quiet]), -30.0, 4.0, 0.02)
    inner = [part[RATE // 4 : -RATE // 4] for part in (out[:RATE], out[RATE:])]
    assert level_db(inner[0]) - level_db(inner[1]) == pytest.approx(20.0 / 4.0, abs=0.2)
    assert level_db(inner[1]) == pytest.approx(level_db(quiet) - 10.0 * 0.75, abs=0.2)


def test_a_room_dies_away_in_its_time() -> None:
    hit = np.zeros(2 * RATE, np.float32)
    hit[0] = 1.0
    tail = in_a_room(hit, 0.5, -6.0, np.random.default_rng(1))
    assert tail[0] == pytest.approx(1.0, abs=0.1)
    levels = [level_db(tail[start : start + RATE // 20]) for start in (RATE // 20, RATE // 20 + RATE // 4)]
    assert levels[0] - levels[1] == pytest.approx(30.0, abs=5.0), "60 dB in 0.5 s, the treble faster"
    assert level_db(tail[1 : RATE // 2]) + 10 * np.log10(RATE / 2) == pytest.approx(-6.0, abs=1.5)


def test_the_floor_goes_up_to_the_top_and_is_as_loud_as_said() -> None:
    silence = np.zeros(RATE, np.float32)
    levels = [level_db(with_floor(silence, np.random.default_rng(seed))) for seed in range(40)]
    assert FLOOR_DBFS[0] - 0.5 < min(levels) < max(levels) < FLOOR_DBFS[1] + 0.5
    assert max(levels) - min(levels) > 25
    noise = np.abs(np.fft.rfft(with_floor(silence, np.random.default_rng(1)))) ** 2
    assert noise[23_000:].mean() > 0.01 * noise[10_000:12_000].mean()


def test_a_production_is_its_seed() -> None:
    wave = tone(440.0)
    one, two, other = (produced(wave, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert np.isfinite(one).all()
