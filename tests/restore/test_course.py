"""Where each channel came over which line."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.restore.course import FADE, Course, steady
from hifisr_cli.restore.line import Line
from hifisr_cli.results import Bandwidth

TELEPHONE, STUDIO = (Line(Bandwidth(hz, 1.0, "edge"), 0.9 * hz) for hz in (3_400.0, 15_000.0))
CHANGING = Course([[(0, TELEPHONE), (48_000, STUDIO), (96_000, TELEPHONE)], [(0, STUDIO)]])


@pytest.mark.parametrize(
    ("start", "length"), [(0, 144_000), (40_000, 10_000), (47_900, 200), (95_999, 2), (-5_000, 9_000)]
)
def test_the_shares_of_all_pieces_sum_to_the_whole(start: int, length: int) -> None:
    shares = [piece.share(start, length) for piece in CHANGING.pieces(0, start, length)]
    total = sum(np.ones(length) if share is None else share for share in shares)
    assert np.abs(total - 1.0).max() < 1e-6


def test_a_share_depends_on_the_place_alone() -> None:
    (whole,) = (piece.share(0, 144_000) for piece in CHANGING.pieces(0, 0, 144_000) if piece.line is STUDIO)
    assert whole is not None
    for start in (47_000, 48_100, 95_800):
        (part,) = (piece.share(start, 1_000) for piece in CHANGING.pieces(0, start, 1_000) if piece.line is STUDIO)
        assert np.array_equal(np.ones(1_000) if part is None else part, whole[start : start + 1_000])


def test_far_from_a_change_there_is_one_piece_and_no_fade() -> None:
    for start in (0, 48_000 + FADE, 200_000):
        (piece,) = CHANGING.pieces(0, start, 1_000)
        assert piece.share(start, 1_000) is None


def test_every_channel_goes_its_own_way_and_one_course_serves_all() -> None:
    assert [piece.line for piece in CHANGING.pieces(1, 40_000, 20_000)] == [STUDIO]
    assert steady(4_000.0).pieces(5, 0, 10)[0].line.cutoff_hz == 4_000.0
    assert len(CHANGING.lines) == 4
