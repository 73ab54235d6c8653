from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.reach import Reach, cutoffs_hz

CENTRES_HZ = 300.0 * 2 ** (np.arange(72) / 12)
CUTOFFS_HZ = cutoffs_hz(48_000)


def section(*tops_hz: float, units: int = 40, floor: float = 1e-8) -> np.ndarray:
    """[C, U, K] of a channel a top: content in half of the units, up to there."""
    density = np.full((len(tops_hz), units, len(CENTRES_HZ)), floor)
    for channel, top in enumerate(tops_hz):
        density[channel, ::2, top >= CENTRES_HZ] = 1e-3
    return density


def through(*sections: np.ndarray) -> np.ndarray:
    """The cheapest cutoffs in Hz, [C, U]."""
    reach = Reach(CENTRES_HZ, CUTOFFS_HZ)
    floor = np.min([part.min(axis=1) for part in sections], axis=0)
    return CUTOFFS_HZ[reach.cheapest([reach.advance(part, floor) for part in sections])]


@pytest.mark.parametrize("top", [1_500.0, 3_400.0, 8_000.0, 14_000.0])
def test_what_reaches_so_far_has_that_cutoff(top: float) -> None:
    found = through(section(top, 20_000.0))
    assert (found[0] == found[0, 0]).all()
    assert found[0, 0] == pytest.approx(top, rel=0.13)
    assert (found[1] == CUTOFFS_HZ[-1]).all()


def test_a_change_is_where_content_above_begins_or_ends() -> None:
    found = through(section(15_000.0), section(3_400.0), section(15_000.0))[0]
    changes = np.flatnonzero(np.diff(found)) + 1
    assert changes == pytest.approx([40, 80], abs=2)


def test_a_short_burst_changes_nothing() -> None:
    burst = section(3_400.0)
    burst[0, 20:22] = 1e-3
    assert len(np.unique(through(section(3_400.0), burst, section(3_400.0)))) == 1


def test_silence_says_nothing() -> None:
    found = through(section(3_400.0), section(100.0), section(3_400.0))
    assert len(np.unique(found)) == 1


@pytest.mark.parametrize("rate", [100, 2_000, 8_000, 48_000, 192_000])
def test_cutoffs_rise_to_the_last(rate: int) -> None:
    assert (np.diff(np.append(0.0, cutoffs_hz(rate))) > 0).all()
