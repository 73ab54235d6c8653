"""Pieces of work side by side: their order, and what ends them."""

from __future__ import annotations

import threading

import pytest

from hifisr_cli.engines.hifigan.threads import InterruptedWorkError, Threads


def test_results_come_back_in_their_order() -> None:
    got = Threads(3, threading.Event()).map(lambda a, b: 10 * a + b, range(7), range(1, 8))
    assert got == [1, 12, 23, 34, 45, 56, 67]


def test_an_error_ends_the_others_and_is_raised() -> None:
    interrupt, under_way = threading.Event(), threading.Event()
    ended: list[bool] = []

    def work(piece: int) -> None:
        if piece == 0:
            under_way.wait(20.0)
            raise ValueError("first piece")
        under_way.set()
        ended.append(interrupt.wait(20.0))
        raise InterruptedWorkError

    with pytest.raises(ValueError, match="first piece"):
        Threads(2, interrupt).map(work, range(2))
    assert ended == [True]
    assert not interrupt.is_set()
