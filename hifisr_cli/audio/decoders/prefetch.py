"""Blocks read ahead by a thread, so that what waits for a pipe can still be interrupted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Self

from hifisr_cli.audio.recording import Block


class Prefetched:
    """The blocks of an iterator, made in a thread of its own; what it raises is raised here.

    The thread may be waiting for a stream, inside a decoder that no signal gets out of. It is left alone then: it dies
    with the process.

    Args:
        blocks: where they come from.
        ahead: how many are read before somebody asks.
    """

    def __init__(self, blocks: Iterator[Block], ahead: int) -> None:
        self._blocks = blocks
        self._queue: queue.Queue[Block | BaseException | None] = queue.Queue(max(1, ahead))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="hifisr-prefetch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    def __iter__(self) -> Iterator[Block]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def _fill(self) -> None:
        try:
            for block in self._blocks:
                if not self._put(block):
                    return
            self._put(None)
        except BaseException as error:  # raised in the thread that asks
            self._put(error)

    def _put(self, item: Block | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
