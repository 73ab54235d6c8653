"""A narrower line is told from sound that is darker, by itself or through a gentle filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.lines import MOST_LINES, KnownLine, apart, line_of
from tests.dsp.bandwidth.conftest import RATE, babble, brick_wall


def levels(audio: np.ndarray) -> BandLevels:
    found = BandLevels(RATE)
    found.push(audio[None].astype(np.float32))
    return found


def slope(audio: np.ndarray, corner: float, order: float) -> np.ndarray:
    """A low-pass of 6 dB an octave and order."""
    frequency = np.fft.rfftfreq(len(audio), 1 / RATE)
    return np.fft.irfft(np.fft.rfft(audio) / (1 + (frequency / corner) ** 2) ** (order / 2), len(audio))


@pytest.mark.parametrize("cutoff", [2_500.0, 3_400.0, 7_000.0, 12_000.0])
@pytest.mark.parametrize("gain", [0.01, 1.0])
def test_lines_with_an_edge_are_apart(cutoff: float, gain: float) -> None:
    wide, narrow = levels(babble(seed=1)), levels(gain * brick_wall(babble(seed=2), cutoff))
    assert apart(wide, narrow)
    assert apart(narrow, wide)


@pytest.mark.parametrize("cutoff", [5_000.0, 7_000.0])
@pytest.mark.parametrize("design", [signal.bessel, signal.butter])
def test_lines_with_a_gradual_edge_are_apart(design: Callable[..., Any], cutoff: float) -> None:
    """What a filter attenuates stays visible, in loud sound and in pauses alike."""
    low_pass = design(8, cutoff, fs=RATE, output="sos")
    wide, narrow = levels(babble(seed=1)), levels(signal.sosfilt(low_pass, babble(seed=2)))
    assert apart(wide, narrow)
    assert apart(narrow, wide)


@pytest.mark.parametrize("corner", [1_000.0, 3_400.0])
@pytest.mark.parametrize("order", [1, 2])
def test_what_is_darker_is_not(corner: float, order: int) -> None:
    assert not apart(levels(babble(seed=1)), levels(slope(babble(seed=2), corner, order)))


@pytest.mark.parametrize("cutoff", [3_400.0, 24_000.0])
def test_one_line_is_not_apart_from_itself(cutoff: float) -> None:
    assert not apart(levels(brick_wall(babble(seed=1), cutoff)), levels(brick_wall(babble(seed=2), cutoff)))


def test_little_is_no_line() -> None:
    assert not apart(levels(babble(seed=1)), levels(brick_wall(babble(1.2, seed=2), 3_400.0)))
    assert not apart(levels(babble(seed=1)), BandLevels(RATE))


def test_what_is_heard_again_is_the_line_that_it_was() -> None:
    cutoffs = (24_000.0, 3_400.0, 7_000.0)
    lines = [KnownLine(BandLevels(RATE), levels(babble(seed=0)), 2)]
    assert [line_of(levels(brick_wall(babble(seed=1), c)), i, 0, lines) for i, c in ((0, 3_400.0), (1, 7_000.0))] == [
        1,
        2,
    ]
    for line, cutoff in enumerate(cutoffs):
        current = (line + 1) % 3
        assert line_of(levels(brick_wall(babble(seed=5), cutoff)), (2, 0, 1)[line], current, lines) == line
    assert len(lines) == 3


def test_the_number_of_lines_is_bounded() -> None:
    lines = [KnownLine(BandLevels(RATE), levels(babble(seed=0)), 99)]
    for place in range(MOST_LINES + 2):
        narrow = levels(brick_wall(babble(2.0, seed=place), 2_200.0 * 1.25**place))
        assert line_of(narrow, place, 0, lines) < MOST_LINES
    assert len(lines) == MOST_LINES
