"""Long-term spectra, and recordings in the colour of another."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.degrade.band_limit import apply
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.timbre import Colour, colours, recoloured


def noise(seed: int) -> np.ndarray:
    return (0.05 * np.random.default_rng(seed).standard_normal(96_000)).astype(np.float32)


def treble(wave: np.ndarray, gain_db: float) -> np.ndarray:
    """With this gain above 6 kHz, over half an octave."""
    frequency = np.fft.rfftfreq(wave.size, 1 / 48_000)
    return apply(wave, 10 ** (gain_db * np.clip(2 * np.log2((frequency + 1) / 6_000), 0, 1) / 20) + 0j)


def clip(wave: np.ndarray, speaker: str, edge: float = 24_000.0) -> Clip:
    return Clip(f"{speaker}.wav", speaker, np.rint(wave * 32_767).astype(np.int16), 1.0, edge, 24_000.0, None)


def gain_db(after: np.ndarray, before: np.ndarray, low: float, high: float) -> float:
    frequency = np.fft.rfftfreq(before.size, 1 / 48_000)
    inside = (frequency > low) & (frequency < high)
    power = [np.square(np.abs(np.fft.rfft(wave)[inside])).sum() for wave in (after, before)]
    return float(10 * np.log10(power[0] / power[1]))


@pytest.mark.parametrize(("difference", "expected"), [(6.0, 6.0), (-9.0, -9.0), (-30.0, -12.0)])
def test_the_borrowed_colour_is_that_of_the_other_within_limits(difference: float, expected: float) -> None:
    plain, other = noise(1), treble(noise(2), difference)
    found = colours([clip(plain, "plain"), clip(other, "other")])
    lent = recoloured(plain, found["plain"], found["other"])
    assert gain_db(lent, plain, 300, 3_000) == pytest.approx(0.0, abs=0.3)
    assert gain_db(lent, plain, 10_000, 20_000) == pytest.approx(expected, abs=0.5)


def test_nothing_is_learnt_of_a_colour_above_what_is_known_of_it() -> None:
    """The other ends at 15 kHz by its codec: that is no part of its colour."""
    plain, other = noise(3), noise(4)
    frequency = np.fft.rfftfreq(other.size, 1 / 48_000)
    cut = apply(other, np.where(frequency < 15_000, 1.0, 1e-4) + 0j)
    found = colours([clip(plain, "plain"), clip(cut, "cut", 14_500.0)])
    lent = recoloured(plain, found["plain"], found["cut"])
    assert gain_db(lent, plain, 16_000, 23_000) == pytest.approx(0.0, abs=0.7)


def test_a_speaker_has_one_colour_known_as_far_as_the_widest_recording() -> None:
    clips = [clip(noise(5), "ada", 10_000.0), clip(treble(noise(6), 6.0), "ada")]
    both, first, second = colours(clips)["ada"], colours(clips[:1])["ada"], colours(clips[1:])["ada"]
    assert both.bandwidth_hz == second.bandwidth_hz == 24_000.0
    assert first.bandwidth_hz <= 10_000.0
    assert both.level_db[:20] == pytest.approx((first.level_db[:20] + second.level_db[:20]) / 2)
    assert both.level_db[-1] == pytest.approx(second.level_db[-1])


@pytest.mark.parametrize("bandwidth", [0.0, 350.0])
def test_of_an_unknown_colour_nothing_is_borrowed(bandwidth: float) -> None:
    wave = noise(7)
    unknown = Colour(np.zeros(40), bandwidth)
    assert recoloured(wave, unknown, colours([clip(wave, "ada")])["ada"]) is wave
