"""A stream passes some seconds late, and by then its lines are known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.track import TrackMeter
from hifisr_cli.restore.following import Following
from hifisr_cli.restore.survey import survey
from tests.dsp.bandwidth.conftest import RATE, babble, brick_wall

BLOCK = RATE // 10
HELD_SECONDS = 10


def blocks(audio: np.ndarray) -> list[np.ndarray]:
    wave = np.atleast_2d(audio).astype(np.float32)
    return [wave[:, start : start + BLOCK] for start in range(0, wave.shape[1], BLOCK)]


def followed(audio: np.ndarray) -> tuple[Following, Iterator[np.ndarray], list[int]]:
    """How many samples had gone in when each block came out is in the list."""
    every, gone_in = blocks(audio), [0]
    held = every[: HELD_SECONDS * RATE // BLOCK]
    meter = TrackMeter(RATE)
    changes = survey(held, RATE, cutoff_meter=meter, goes_on=True).changes

    def rest() -> Iterator[np.ndarray]:
        for block in every[len(held) :]:
            gone_in[0] += block.shape[1]
            yield block

    following = Following(RATE, held, meter, changes, "auto")
    return following, following.blocks(rest()), gone_in


@pytest.fixture(scope="module")
def programme() -> np.ndarray:
    """A caller for 13 s, then the studio for 12 s."""
    return np.concatenate([brick_wall(babble(13.0, seed=1), 3_400.0), babble(12.0, seed=2)])


def test_every_sample_passes_once_and_never_later_than_held_back(programme: np.ndarray) -> None:
    _, passed, gone_in = followed(programme)
    out = []
    for block in passed:
        out.append(block)
        waiting = HELD_SECONDS * RATE + gone_in[0] - sum(each.shape[1] for each in out[:-1])
        assert waiting <= HELD_SECONDS * RATE
        if gone_in[0]:
            assert waiting <= HELD_SECONDS * RATE / 2 + BLOCK
    assert np.array_equal(np.concatenate(out, axis=1), np.concatenate(blocks(programme), axis=1))


def test_a_change_is_known_before_it_passes(programme: np.ndarray) -> None:
    following, passed, _ = followed(programme)
    place = 0
    for block in passed:
        place += block.shape[1]
        if place > 13.5 * RATE:
            break
    ((start, narrow), (changed, wide)) = following.changes[0]
    assert (start, narrow.restores, wide.restores) == (0, True, False)
    assert narrow.cutoff_hz == pytest.approx(3_400.0, rel=0.08)
    assert changed / RATE == pytest.approx(13.0, abs=0.5)
    assert following.course.lines == [narrow]


def test_a_uniform_stream_keeps_its_line() -> None:
    following, passed, _ = followed(brick_wall(babble(25.0, seed=3), 5_000.0))
    for _ in passed:
        pass
    assert [len(channel) for channel in following.changes] == [1]
