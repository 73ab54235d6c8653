"""A worker process: loads the model once, then does what it is told to, a few short recordings at a time.

Orders come over standard input and replies go over standard output, both kept away from everything else in the process.
The first thing to come is the lock of the output folder, which it holds as long as it lives where that can be done.
When its orders end, because the run ended or died, the worker ends, too: between two items at once, within an item by
unwinding, so that no temporary file stays (on Windows at once, and the run sweeps after it).
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import queue
import signal
import sys
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, Literal

from hifisr_cli.batch.workers.messages import (
    Do,
    Done,
    Hello,
    NoStart,
    Order,
    Progressed,
    Ready,
    Reply,
    Said,
    receive,
    send,
)
from hifisr_cli.batch.workers.perform import perform
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome, failed
from hifisr_cli.engines.numerics import numerics
from hifisr_cli.system.children import receive_line
from hifisr_cli.system.streams import keep_streams

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.file import Progress

_QUIET = 0.1
"""Seconds between two messages about the progress within an item."""

_WRITERS = 8
"""Threads that write recordings: each waits for the disk several times, for as long as a short one takes to restore."""

_NEEDED = ("hifisr_cli.restore.file", "hifisr_cli.restore.batches")
"""What takes a second to import, PyTorch above all: done before it is known what the run is."""

_PATIENCE = 5
"""How many seconds a worker that should end has for it."""


class _Stop(BaseException):
    """The run is over. Not an Exception, so that nothing on the way takes it for a file's failure."""


def main() -> None:
    """Work until there are no more orders."""
    orders, replies = _take_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all of a terminal: the run tells its workers itself
    signal.signal(signal.SIGTERM, _stop_at_once)
    sys.unraisablehook = _ignore_stops
    status = 0
    with contextlib.suppress(_Stop):  # which may come a second time
        try:
            pending: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
            threading.Thread(target=_listen, args=(orders, pending), daemon=True).start()
            with contextlib.suppress(Exception):  # what fails here fails again, and is reported, with the model
                for needed in _NEEDED:
                    importlib.import_module(needed)
            hello = pending.get()
            if isinstance(hello, Hello):
                _serve(hello, pending, replies)
        except _Stop:
            status = 128 + signal.SIGTERM
        except OSError:  # nobody listens any more
            status = 1
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os._exit(status)  # threads and libraries may have ideas of their own about ending


class _Replies:
    """The way back to the run, for any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def send(self, message: Reply) -> None:
        with self._lock:
            send(self._stream, message)


def _serve(hello: Hello, pending: queue.SimpleQueue[Order | None], stream: BinaryIO) -> None:
    replies = _Replies(stream)
    logger = logging.getLogger("hifisr_cli")
    logger.addHandler(_Sender(replies))
    logger.setLevel(logging.DEBUG if hello.verbose else logging.WARNING)
    try:
        model = hello.model.load()
    except Exception as error:
        replies.send(NoStart(error))
        return
    signal.signal(signal.SIGTERM, _stop)
    replies.send(Ready(model.identity, numerics(model)))
    writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="hifisr-write")
    while isinstance(order := pending.get(), Do):
        _do(order.items, model, hello, replies, writers)


def _do(items: tuple[WorkItem, ...], model: Engine, hello: Hello, replies: _Replies, writers: Executor) -> None:
    for item, outcome in perform(
        items,
        model=model,
        options=hello.options,
        manner=hello.manner,
        progress_of=lambda item: _reporter(item.index, replies),
        pool=writers,
    ):
        if isinstance(outcome, BrokenPipeError):  # not of standard output, which no worker writes to
            outcome = WorkOutcome(failed(item.job, outcome))  # noqa: PLW2901
        replies.send(Done(item.index, outcome))


def _reporter(index: int, replies: _Replies) -> Progress:
    last = time.monotonic()

    def on_progress(stage: Literal["survey", "restore"], seconds: float, total: float | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _QUIET:
            last = now
            replies.send(Progressed(index, stage, seconds, total))

    return on_progress


def _take_streams() -> tuple[int, BinaryIO]:
    """The ways from and to the run; all that is not Python's own standard error then leads nowhere."""
    orders, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(null, number)
    os.close(null)
    keep_streams()
    return orders, os.fdopen(replies, "wb")


def _listen(orders: int, pending: queue.SimpleQueue[Order | None]) -> None:
    """Pass the orders on; at their end, see to it that the process ends."""
    with contextlib.suppress(OSError):
        stream = receive_line(orders)  # with the lock, which this process holds from here on
        while isinstance(order := receive(stream), Hello | Do):
            pending.put(order)
    pending.put(None)
    for _ in range(_PATIENCE):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.0)
    os._exit(1)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _Stop


def _stop_at_once(_signal: int, _frame: FrameType | None) -> None:
    """While the model is being loaded there is nothing to clean up, and imports do not like to be broken off."""
    os._exit(128 + signal.SIGTERM)


def _ignore_stops(lost: sys.UnraisableHookArgs) -> None:
    """One that was raised where nothing can be raised is no news: the next one comes in a second."""
    if not isinstance(lost.exc_value, _Stop):
        sys.__unraisablehook__(lost)


class _Sender(logging.Handler):
    """Sends the library's log to the run."""

    def __init__(self, replies: _Replies) -> None:
        super().__init__(logging.DEBUG)
        self._replies = replies

    def emit(self, record: logging.LogRecord) -> None:
        self._replies.send(Said(record.levelno, self.format(record)))


if __name__ == "__main__":
    main()
