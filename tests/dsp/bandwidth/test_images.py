"""Images of poor interpolation, by their definition; what is none; and the arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.images import SUMS, Image, image_in, possible_cutoffs_hz
from tests.dsp.bandwidth.conftest import RATE, babble, brick_wall, measure

Sound = npt.NDArray[np.float64]


def bright(seconds: float = 3.0, seed: int = 0) -> Sound:
    """White noise in syllables."""
    rng = np.random.default_rng(seed)
    knots = np.arange(0, seconds + 0.1, 0.1)
    loud = np.interp(np.arange(round(seconds * RATE)) / RATE, knots, rng.choice([0.001, 0.03, 0.3], len(knots)))
    return np.asarray(loud * rng.standard_normal(len(loud)))


def by_lines(audio: Sound, low: int) -> Sound:
    """Through a low rate, and up by linear interpolation."""
    common = np.gcd(RATE, low)
    few = signal.resample_poly(audio, low // common, RATE // common, window=("kaiser", 12.0))
    return np.interp(np.arange(len(audio)) * low / RATE, np.arange(len(few)), few)


def levels(audio: npt.NDArray[np.floating], rate: int = RATE, blocks: int = 65_536) -> BandLevels:
    meter = BandLevels(rate)
    data = np.atleast_2d(audio).astype(np.float32)
    for start in range(0, data.shape[1], blocks):
        meter.push(data[:, start : start + blocks])
    return meter


def image(audio: npt.NDArray[np.floating], rate: int = RATE, blocks: int = 65_536) -> Image | None:
    return image_in(levels(audio, rate, blocks).mirrored, rate)


@pytest.mark.parametrize("low", [6000, 8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000])
def test_the_rate_that_was_interpolated_from_is_found(low: int) -> None:
    found = image(by_lines(bright(), low))
    assert found is not None
    assert found.cutoff_hz == low / 2
    assert found.coherence > 0.9


def test_it_is_the_cutoff_and_a_reason_of_its_own() -> None:
    found = measure(by_lines(bright(), 16_000))
    assert (found.cutoff_hz, found.source) == (8000, "images")
    assert found.certain and found.restorable and not found.full_band


def test_a_call_ends_where_it_ends_and_not_at_half_its_rate() -> None:
    found = measure(by_lines(brick_wall(bright(), 3400), 8000))
    assert found.source == "images"
    assert found.cutoff_hz == pytest.approx(3400, rel=0.03)


@pytest.mark.parametrize("gain_db", [-6.0, -20.0, -40.0])
def test_the_level_of_an_image_is_its_gain(gain_db: float) -> None:
    below = brick_wall(bright(), 8000)
    time = np.arange(len(below)) / RATE
    mirrored = brick_wall(2 * below * np.cos(2 * np.pi * 16_000 * time), 16_000)
    found = image(below + 10 ** (gain_db / 20) * mirrored)
    assert found is not None
    assert found.cutoff_hz == 8000
    assert found.level_db == pytest.approx(gain_db, abs=0.5)


@pytest.mark.parametrize("delay", [0.0, 0.3, 5.7])
def test_neither_delay_nor_level_nor_channels_matter(delay: float) -> None:
    audio = by_lines(bright(), 8000)
    turned = np.fft.rfft(audio) * np.exp(-2j * np.pi * np.fft.rfftfreq(len(audio)) * delay)
    found = image(np.stack([1e-3 * np.fft.irfft(turned, len(audio)), np.zeros(len(audio))]))
    assert found is not None
    assert found.cutoff_hz == 4000


@pytest.mark.parametrize("blocks", [777, 4096, 10**6])
def test_blocks_do_not_matter(blocks: int) -> None:
    audio = np.stack([by_lines(bright(), 8000), bright(seed=1)])
    np.testing.assert_allclose(levels(audio, blocks=blocks).mirrored, levels(audio).mirrored, rtol=1e-4, atol=1e-9)


def test_a_long_silence_within_keeps_the_phase() -> None:
    silence = np.zeros(10 * RATE + 331)
    whole = by_lines(np.concatenate([bright(2.0), silence, bright(2.0, seed=1)]), 11_025)
    whole[np.abs(whole) < 1e-6] = 0.0
    assert np.max(np.diff(np.flatnonzero(whole))) > 9 * RATE
    found = image(whole)
    assert found is not None
    assert found.coherence > 0.9


@pytest.mark.parametrize("sound", [bright(), babble(), brick_wall(babble(), 3400), brick_wall(bright(), 8000)])
def test_content_and_its_absence_are_no_image(sound: Sound) -> None:
    assert image(sound) is None


@pytest.mark.parametrize("seconds", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(10))
def test_short_sounds_are_no_image(seconds: float, seed: int) -> None:
    assert image(bright(seconds, seed)) is None


@pytest.mark.parametrize("count", [1, 2])
def test_a_click_is_coherent_but_no_image(count: int) -> None:
    audio = 1e-4 * np.random.default_rng(2).standard_normal(2 * RATE)
    audio[[30_000, 70_001][:count]] = 1.0
    assert image(audio) is None


@pytest.mark.parametrize("pitch", [50.0, 100.0, 125.0, 150.0, 440.0, 500.0])
def test_a_drone_is_coherent_but_no_image(pitch: float) -> None:
    time = np.arange(5 * RATE) / RATE
    assert image(signal.sawtooth(2 * np.pi * pitch * time)) is None
    assert image(signal.sawtooth(2 * np.pi * pitch * time) + 0.01 * bright(5.0)) is None


@pytest.mark.parametrize("pitch", [100.0, 125.0, 500.0])
def test_so_is_one_that_comes_and_goes(pitch: float) -> None:
    time = np.arange(5 * RATE) / RATE
    assert image(signal.sawtooth(2 * np.pi * pitch * time) * (np.sin(2 * np.pi * 3 * time) > 0)) is None


def test_a_good_converter_leaves_none() -> None:
    audio = bright()
    few = signal.resample(audio, len(audio) // 3)
    assert image(signal.resample(few, len(audio))) is None


def test_content_that_is_louder_than_an_image_remains_content() -> None:
    assert image(by_lines(bright(), 16_000) + bright(seed=1)) is None


@pytest.mark.parametrize(("rate", "count"), [(4000, 0), (8000, 1), (16_000, 4), (44_100, 8), (96_000, 8)])
def test_a_cutoff_needs_room_above_it(rate: int, count: int) -> None:
    assert len(possible_cutoffs_hz(rate)) == count
    assert image_in(np.zeros((count, SUMS)), rate) is None
    assert levels(np.random.default_rng(0).standard_normal(rate), rate).mirrored.shape == (count, SUMS)
