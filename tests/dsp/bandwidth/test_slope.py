"""The shape of an edge, from sound that went through filters whose shape is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.slope import edge_slope, missing_share, taken_db
from hifisr_cli.results import Slope
from tests.dsp.bandwidth.conftest import RATE, Audio, babble, brick_wall


def slope(audio: Audio, cutoff_hz: float) -> Slope:
    levels = BandLevels(RATE)
    levels.push(audio[None].astype(np.float32))
    finished = levels.finished()
    taken = taken_db(finished, cutoff_hz)
    assert taken is not None
    return edge_slope(finished, taken)


def butterworth(order: int, cutoff_hz: float) -> Callable[[Audio], Audio]:
    sections = signal.butter(order, cutoff_hz, fs=RATE, output="sos")
    return lambda audio: np.asarray(signal.sosfilt(sections, audio))


@pytest.mark.parametrize("cutoff_hz", [1_000.0, 1_500.0, 3_400.0, 8_000.0])
def test_a_break_is_steep(cutoff_hz: float) -> None:
    assert slope(brick_wall(babble(20.0), cutoff_hz), cutoff_hz).steep


@pytest.mark.parametrize("cutoff_hz", [1_000.0, 1_500.0, 3_400.0, 8_000.0])
def test_a_filter_is_no_break(cutoff_hz: float) -> None:
    assert not slope(butterworth(8, cutoff_hz)(babble(20.0)), cutoff_hz).steep


@pytest.mark.parametrize("cutoff_hz", [3_400.0, 8_000.0])
def test_a_filter_falls_where_its_equation_says(cutoff_hz: float) -> None:
    """Butterworth of order 8: -1 dB at 0.92, -20 dB at 1.33 of the cutoff."""
    found = slope(butterworth(8, cutoff_hz)(babble(20.0)), cutoff_hz)
    assert found.from_hz == pytest.approx(0.92 * cutoff_hz, rel=0.08)
    assert found.to_hz == pytest.approx(1.33 * cutoff_hz, rel=0.08)


def test_the_higher_the_order_the_steeper() -> None:
    found = [slope(butterworth(order, 5_000.0)(babble(20.0)), 5_000.0).octave_db for order in (4, 8, 12)]
    assert found == sorted(found)
    assert found[2] > 1.5 * found[0]


def test_silence_has_no_edge() -> None:
    assert taken_db(BandLevels(RATE), 4_000.0) is None


def test_what_is_missing_is_what_the_filter_took() -> None:
    """Some of the power at the cutoff of a Butterworth filter, nothing far below, all far above."""
    levels = BandLevels(RATE)
    levels.push(butterworth(8, 4_000.0)(babble(20.0))[None].astype(np.float32))
    finished = levels.finished()
    taken = taken_db(finished, 4_000.0)
    assert taken is not None
    share = missing_share(finished, taken, 4_000.0, np.array([2_000.0, 4_000.0, 7_000.0]))
    assert share[0] < 0.05
    assert 0.1 < share[1] < 0.7
    assert share[2] > 0.95
