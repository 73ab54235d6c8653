"""Worker processes, and those that are started before it is known what the run is."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.request import ModelRequest
from hifisr_cli.batch.workers import pool as module
from hifisr_cli.batch.workers.messages import Do, Hello, NoStart, receive
from hifisr_cli.batch.workers.pool import Launched, Pool
from hifisr_cli.batch.workers.sharing import Sharing
from hifisr_cli.batch.workers.work_item import Manner, WorkItem
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.system.files import open_file, try_lock

HELLO = Hello(ModelRequest("no such model"), RestoreOptions(), Manner(), verbose=False)


def is_free(path: Path) -> bool:
    fd = open_file(path, os.O_RDWR)
    try:
        return bool(try_lock(fd))
    finally:
        os.close(fd)


def ends(launched: Launched) -> int:
    status = launched.process.wait(20)
    launched.replies.close()
    return status


@pytest.mark.posix
def test_a_worker_holds_the_lock_that_it_is_given_later(tmp_path: Path) -> None:
    launched = Launched()
    path = tmp_path / "lock"
    lock = open_file(path, os.O_RDWR | os.O_CREAT)
    assert try_lock(lock)
    os.kill(launched.process.pid, signal.SIGSTOP)
    launched.greet(HELLO, lock)
    os.close(lock)
    assert not is_free(path), "on its way to the worker"
    os.kill(launched.process.pid, signal.SIGCONT)
    assert isinstance(receive(launched.replies), NoStart)
    launched.dismiss()
    ends(launched)
    assert is_free(path)


def test_a_worker_ends_with_its_orders_before_it_was_greeted() -> None:
    for wait in (0.0, 0.1, 2.5):  # before Python is up, while it imports, when it waits
        launched = Launched()
        time.sleep(wait)
        launched.dismiss()
        assert ends(launched) in (0, -signal.SIGTERM, 128 + signal.SIGTERM, signal.SIGTERM)


def test_greeting_a_dead_worker_is_no_error() -> None:
    launched = Launched()
    launched.process.kill()
    launched.process.wait()
    launched.greet(HELLO, None)
    assert receive(launched.replies) is None
    launched.dismiss()
    ends(launched)


@pytest.mark.posix
def test_orders_for_a_worker_that_dies_before_it_reads_them_are_no_error() -> None:
    """Some systems then reset the connection, which is another error than that of a broken pipe."""
    launched = Launched()
    os.kill(launched.process.pid, signal.SIGSTOP)
    launched.greet(HELLO, None)
    launched.process.kill()
    launched.process.wait()
    launched.order(Do(()))
    launched.order(Do(()))
    launched.dismiss()
    ends(launched)


def test_a_worker_that_was_started_early_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    early, later = Launched(), Launched()
    monkeypatch.setattr(module, "Launched", lambda: later)
    pool = Pool(Sharing(2, 1), HELLO, lock_fd=None, early=[early])
    for index in (0, 1):
        pool.start([WorkItem(index, Job(None, None, "-"))])
    assert [worker.launched for worker in pool._workers] == [early, later]
    pool.close()
    assert None not in (early.process.poll(), later.process.poll())


def test_an_early_worker_that_nobody_took_is_ended() -> None:
    early = Launched()
    Pool(Sharing(1, 1), HELLO, lock_fd=None, early=[early]).close()
    assert early.process.poll() == (1 if sys.platform == "win32" else -signal.SIGKILL)
