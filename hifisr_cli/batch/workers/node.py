"""What runs inside a Dask worker: a node, which hands a run's work to worker processes of ours, one for each thread.

A recording that crashes its decoder then kills such a process, never the Dask worker. The node is a Dask task,
`attend`, and lives as long as the run wants that task. Dask takes it back when the run ends or dies, or loses its
scheduler; the node then ends its worker processes at once, so that nobody works on for a run that is no more.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.batch.workers.messages import Hello, Progressed, Ready
from hifisr_cli.batch.workers.pool import Pool
from hifisr_cli.batch.workers.sharing import Sharing
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome
from hifisr_cli.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Worker

TICK = 0.25
"""Seconds until a node notices that it is not wanted any more; a hand chose it: Ctrl-C has to end all within five."""

_QUIET = 1.0
"""Seconds between two words about the progress of a recording: all of them pass through the scheduler."""

_nodes: dict[str, Node] = {}
"""Those in this process, by their run."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file or folder of the run that a node has to see under the same path; `size` in bytes, None for any."""

    path: Path
    size: int | None = None

    def is_here(self) -> bool:
        """Whether it is seen in this process."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        return self.size is None or found.st_size == self.size


def attend(run: str, hello: Hello, shared: Sequence[SharedFile]) -> None:
    """Be a node of the run `run` as long as it wants this task.

    Once the first worker process has its model, the run hears `{"node", "model", "precision", "computed"}`.

    Raises:
        ClusterError: the files of the run are not seen here.
        HifisrError: what hinders a worker process from starting.
    """
    from distributed import get_worker, secede

    worker = get_worker()
    task = worker.get_current_task()
    missing = next((file for file in shared if not file.is_here()), None)
    if missing is not None:
        raise ClusterError(f"does not see {missing.path}", hint="all workers need the run's files under the same paths")
    secede()  # the threads are for the work
    said = _Teller(worker, run)
    _nodes[run] = node = Node(hello, said.tell)
    try:
        ready: Ready | None = None
        while _is_wanted(worker, task):
            if ready is not None:
                time.sleep(TICK)
            elif (ready := node.ready()) is not None:
                known = ready.identity
                about = {"model": known.parameter_hash, "precision": known.precision, "computed": dict(ready.computed)}
                said.tell({"node": worker.address, **about})
    finally:
        if _nodes.get(run) is node:
            del _nodes[run]
        node.close()


def work(run: str, items: Sequence[WorkItem]) -> list[tuple[int, WorkOutcome]]:
    """Do items together in a worker process of the node, and give their outcomes by their indices; not all of them
    where the node ends meanwhile.

    Raises:
        HifisrError: what hinders a worker process from starting.
    """
    node = _nodes.get(run)
    return [] if node is None else node.work(items)


class Node:
    """The worker processes of a run in a Dask worker.

    Args:
        tell: sends what happens to the run.
    """

    def __init__(self, hello: Hello, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._hello, self._tell = hello, tell
        self._left, self._lock = threading.Event(), threading.Condition()
        self._idle = [self._pool()]
        self._idle[0].start(())
        self._working = 0

    def ready(self) -> Ready | None:
        """Wait for the first worker process, but a moment only; what it says once it has its model."""
        (first,) = self._idle
        for _ in first.wait(TICK):
            pass
        return first.ready

    def work(self, items: Sequence[WorkItem]) -> list[tuple[int, WorkOutcome]]:
        """See `work` above."""
        with self._lock:
            pool = self._idle.pop() if self._idle else self._pool()
            self._working += 1
        finished: list[tuple[int, WorkOutcome]] = []
        keep = False
        try:
            pool.start(items)
            last = time.monotonic()
            while pool.busy and not self._left.is_set():
                for news in pool.wait(TICK):
                    if not isinstance(news, Progressed):
                        finished.append((news[0].index, news[1]))
                    elif time.monotonic() - last >= _QUIET:
                        last = time.monotonic()
                        self._tell({"progressed": asdict(news)})
            keep = not self._left.is_set()
        finally:
            if not keep:
                finished += [(item.index, outcome) for item, outcome in pool.close()]
            with self._lock:
                self._working -= 1
                if keep:
                    self._idle.append(pool)
                self._lock.notify_all()
        return finished

    def close(self) -> None:
        """End all worker processes, at once."""
        self._left.set()
        with self._lock:
            self._lock.wait_for(lambda: not self._working)
            for pool in self._idle:
                pool.close()

    def _pool(self) -> Pool:
        return Pool(Sharing(1, 1), self._hello, say=self._say)

    def _say(self, level: int, text: str) -> None:
        self._tell({"level": level, "text": text})


class _Teller:
    """The way to the run, through the scheduler."""

    def __init__(self, worker: Worker, run: str) -> None:
        self._worker, self._run = worker, run

    def tell(self, word: Mapping[str, Any]) -> None:
        with contextlib.suppress(Exception):  # the Dask worker is ending: nobody hears it
            self._worker.log_event(self._run, dict(word))


def _is_wanted(worker: Worker, task: Any) -> bool:
    """Whether Dask has not taken the task back. It does not end one that has begun: it only forgets it."""
    known = worker.state.tasks.get(task)
    return worker.status.name in ("running", "paused") and known is not None and known.state != "cancelled"
