"""Threads that each compute windows of their own on one core.

Two windows on one core each take less time than one after the other on two: nothing waits for anything. What comes out
is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Threads:
    """A fixed number of threads, kept so that they find their buffers again.

    Args:
        count: threads.
        interrupt: what the work looks at from time to time, and gives up when it is set.
    """

    def __init__(self, count: int, interrupt: threading.Event) -> None:
        self.count = count
        self._interrupt = interrupt
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="hifisr-window", initializer=_one_core)

    def map_rows(self, work: Callable[[Tensor, Tensor, Tensor], Tensor], *tensors: Tensor) -> Tensor:
        """Does `work` on each row [1, ...] of three tensors of as many rows; the results, one below the other.

        Whatever ends the wait early (Ctrl-C, an error in a row) ends the work of all threads, too.
        """
        import torch

        rows = [
            self._pool.submit(work, *parts) for parts in zip(*(torch.split(each, 1) for each in tensors), strict=True)
        ]
        try:
            return torch.cat([row.result() for row in rows])
        except BaseException:
            for row in rows:
                row.cancel()
            self._interrupt.set()
            wait(rows)
            self._interrupt.clear()
            raise


def _one_core() -> None:
    import torch

    torch.set_num_threads(1)
