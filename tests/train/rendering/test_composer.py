"""Random music: always something, all of it inside the piece, mostly bright."""

from __future__ import annotations

import numpy as np

from hifisr_cli.train.rendering.composer import compose
from hifisr_cli.train.rendering.instruments import Instrument
from hifisr_cli.train.rendering.midi import DRUMS, Event

BAND = [Instrument(1, 20_000.0, 5.0), Instrument(2, 9_000.0, 5.0), Instrument(3, 9_000.0, 40.0)]


def pieces(count: int) -> list[list[Event]]:
    return [compose(8.0, BAND, np.random.default_rng(seed)) for seed in range(count)]


def test_every_piece_has_notes_that_begin_inside_it_and_end() -> None:
    for events in pieces(60):
        starts = [event for event in events if event.message[0] >> 4 == 9]
        ends = [event for event in events if event.message[0] >> 4 == 8]
        assert starts
        assert len(starts) == len(ends)
        assert 0.0 <= min(event.seconds for event in starts) <= max(event.seconds for event in starts) < 12.0
        assert all(byte < 128 for event in events for byte in event.message[1:])


def test_most_have_drums_and_some_have_none() -> None:
    drummed = sum(any(event.message[0] & 15 == DRUMS for event in events) for events in pieces(100))
    assert 55 <= drummed <= 85


def test_no_instrument_that_was_low_passed_is_chosen() -> None:
    chosen = [
        event.message[1]
        for events in pieces(100)
        for event in events
        if event.message[0] >> 4 == 12 and event.message[0] & 15 != DRUMS
    ]
    assert set(chosen) == {1, 2}
    assert 0.7 < chosen.count(1) / len(chosen) < 0.9


def test_the_same_seed_is_the_same_piece() -> None:
    one, two = (compose(8.0, BAND, np.random.default_rng(3)) for _ in range(2))
    assert one == two
    assert one != compose(8.0, BAND, np.random.default_rng(4))
