"""What the first pass over a recording makes of what it measured."""

from __future__ import annotations

import pickle

import pytest

from hifisr_cli.restore.survey import Survey
from hifisr_cli.results import Bandwidth, Stretch

NARROW = Bandwidth(3_400.0, 0.9, "edge")


def surveyed(channel_edges_hz: tuple[float, ...] | None = None) -> Survey:
    return Survey(16_000, 8_000, NARROW, rms=0.1, peak=0.5, kept_hz=3_300.0, channel_edges_hz=channel_edges_hz)


def test_a_recording_with_one_cutoff_is_one_stretch() -> None:
    assert surveyed().stretches == (Stretch(None, 0.0, 2.0, NARROW),)


def test_channels_that_end_at_different_frequencies_are_stretches_of_their_own() -> None:
    stretches = surveyed((3_400.0, 1_500.0)).stretches
    assert [(each.channel, each.bandwidth.cutoff_hz) for each in stretches] == [(1, 3_400.0), (2, 1_500.0)]
    assert {(each.start_seconds, each.end_seconds) for each in stretches} == {(0.0, 2.0)}


@pytest.mark.parametrize("edges", [None, (3_400.0, 1_500.0)])
def test_stretches_go_between_processes(edges: tuple[float, ...] | None) -> None:
    stretches = surveyed(edges).stretches
    assert pickle.loads(pickle.dumps(stretches)) == stretches
