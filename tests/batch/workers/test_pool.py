from __future__ import annotations

import signal
import sys

import pytest

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.request import ModelRequest
from hifisr_cli.batch.workers import pool as module
from hifisr_cli.batch.workers.messages import Hello
from hifisr_cli.batch.workers.pool import Pool
from hifisr_cli.batch.workers.process import Launched
from hifisr_cli.batch.workers.sharing import Sharing
from hifisr_cli.batch.workers.work_item import Manner, WorkItem
from hifisr_cli.restore.file import RestoreOptions

HELLO = Hello(ModelRequest("no such model"), RestoreOptions(), Manner(), verbose=False)


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
