"""What the first pass over a recording makes of what it measured."""

from __future__ import annotations

import pickle

import pytest

from hifisr_cli.restore.line import Line
from hifisr_cli.restore.survey import Changes, Survey
from hifisr_cli.results import Bandwidth, Stretch

NARROW, WIDE, FULL = (
    Line(Bandwidth(hz, 0.9, source), 0.98 * hz)
    for hz, source in ((3_400.0, "edge"), (7_000.0, "edge"), (24_000.0, "full-band"))
)
ONE: Changes = (((0, NARROW),),)
LEGS: Changes = (((0, NARROW),), ((0, WIDE),))
CHANGING: Changes = (((0, WIDE), (4_000, NARROW), (12_000, FULL)),)


def surveyed(changes: Changes) -> Survey:
    return Survey(16_000, 8_000, changes, rms=0.1, peak=0.5)


def test_a_recording_with_one_cutoff_is_one_stretch() -> None:
    assert surveyed(ONE).stretches == (Stretch(None, 0.0, 2.0, NARROW.bandwidth, "replace"),)


def test_channels_that_end_at_different_frequencies_are_stretches_of_their_own() -> None:
    stretches = surveyed(LEGS).stretches
    assert [(each.channel, each.bandwidth.cutoff_hz) for each in stretches] == [(1, 3_400.0), (2, 7_000.0)]
    assert {(each.start_seconds, each.end_seconds) for each in stretches} == {(0.0, 2.0)}


def test_stretches_join_to_the_whole_and_the_longest_that_is_restored_speaks_for_all() -> None:
    found = surveyed(CHANGING)
    assert [(each.start_seconds, each.end_seconds) for each in found.stretches] == [(0.0, 0.5), (0.5, 1.5), (1.5, 2.0)]
    assert found.main is NARROW
    assert found.restorable
    assert not surveyed((((0, FULL),),)).restorable


def test_a_course_is_told_in_samples_at_48_khz() -> None:
    course = surveyed(CHANGING).restoration(None).course
    assert [place for place, _ in course.channels[0]] == [0, 24_000, 72_000]


@pytest.mark.parametrize("changes", [ONE, LEGS, CHANGING])
def test_stretches_go_between_processes(changes: Changes) -> None:
    stretches = surveyed(changes).stretches
    assert pickle.loads(pickle.dumps(stretches)) == stretches
