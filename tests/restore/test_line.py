"""What is known of a line, from what was heard on it."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.restore.line import AboveCutoff, Line, line_over
from hifisr_cli.results import Bandwidth, CutoffSource

CUTOFF_HZ = 4_000.0


@pytest.fixture(scope="module")
def levels() -> BandLevels:
    """Noise that comes and goes, with a break at the cutoff and nothing above."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(480_000) * np.repeat(rng.random(100) < 0.5, 4_800))
    spectrum[np.fft.rfftfreq(480_000, 1 / 48_000) > CUTOFF_HZ] = 0.0
    found = BandLevels(48_000)
    found.push(np.fft.irfft(spectrum)[None].astype(np.float32) * 0.1)
    return found.finished()


def line(levels: BandLevels, source: CutoffSource = "edge", above: AboveCutoff = "auto") -> Line:
    return line_over(levels, Bandwidth(CUTOFF_HZ, 0.9, source), above)


@pytest.mark.parametrize(
    ("source", "above", "done"),
    [
        ("edge", "auto", "complement"),
        ("edge", "replace", "replace"),
        ("given", "auto", "complement"),
        ("images", "auto", "replace"),
        ("images", "complement", "complement"),
        ("full-band", "replace", None),
    ],
)
def test_what_becomes_of_what_stands_above(
    levels: BandLevels, source: CutoffSource, above: AboveCutoff, done: str | None
) -> None:
    found = line(levels, source, above)
    assert found.above == done
    assert found.restores == (done is not None)


def test_a_steep_edge_is_known_and_its_ringing_makes_room(levels: BandLevels) -> None:
    found = line(levels)
    assert found.bandwidth.slope is not None
    assert found.bandwidth.slope.steep
    assert found.background is not None
    at_edge, above = found.background[round(CUTOFF_HZ / 50)], found.background[round(1.2 * CUTOFF_HZ / 50)]
    assert at_edge > 1e6 * above


def test_what_stands_below_an_image_is_content(levels: BandLevels) -> None:
    found = line(levels, "images")
    assert found.background is not None
    below, above = found.background[round(0.95 * CUTOFF_HZ / 50)], found.background[round(1.05 * CUTOFF_HZ / 50)]
    assert above > 1e6 * below
    assert (found.background[round(1.05 * CUTOFF_HZ / 50) :] == above).all()
