"""Worker processes: started when there is work, replaced when they die, ended with the run."""

from __future__ import annotations

import contextlib
import logging
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from hifisr_cli.batch.workers.messages import Do, Done, Hello, NoStart, Progressed, Ready, Said, receive
from hifisr_cli.batch.workers.process import Launched, Reserve
from hifisr_cli.batch.workers.sharing import Sharing
from hifisr_cli.batch.workers.work_item import Outcome, Task, failed
from hifisr_cli.errors import CrashedError, DeviceError
from hifisr_cli.system.staged_file import sweep

logger = logging.getLogger(__name__)

_ENDS_WITHIN = 5.0
_GRACE = 0.3


@dataclass(eq=False, slots=True)
class _Worker:
    launched: Launched
    tasks: dict[int, Task] = field(default_factory=dict)
    ready: bool = False


class Pool:
    """Up to `sharing.jobs` worker processes. To be closed, whatever happens.

    Args:
        hello: how the workers work.
        lock_fd: what they hold, so that the output folder is locked as long as one of them lives.
        reserve: may have the first of them.
    """

    def __init__(self, sharing: Sharing, hello: Hello, *, lock_fd: int | None, reserve: Reserve | None = None) -> None:
        self._sharing, self._hello, self._lock_fd = sharing, hello, lock_fd
        self._reserve = reserve or Reserve()
        self._workers: list[_Worker] = []
        self._again: deque[Task] = deque()
        self._heard: queue.SimpleQueue[tuple[_Worker, object]] = queue.SimpleQueue()

    @property
    def free(self) -> bool:
        """Whether tasks can be started."""
        return not self._again and self._has_room

    @property
    def busy(self) -> bool:
        """Whether a task is being worked on."""
        return bool(self._again) or any(worker.tasks for worker in self._workers)

    def start(self, tasks: Sequence[Task]) -> None:
        """Hand tasks to a free worker, which does them together."""
        worker = next((worker for worker in self._workers if not worker.tasks), None) or self._spawn()
        worker.tasks = {task.index: task for task in tasks}
        worker.launched.order(Do(tuple(tasks)))

    @property
    def _has_room(self) -> bool:
        return len(self._workers) < self._sharing.jobs or any(not worker.tasks for worker in self._workers)

    def wait(self, timeout: float | None) -> Iterator[Progressed | tuple[Task, Outcome]]:
        """What the workers have to say; waits for the first word, at most `timeout` seconds.

        Raises:
            HifisrError: of the model; a worker that cannot start ends the run.
        """
        with contextlib.suppress(queue.Empty):
            worker, message = self._heard.get(timeout=timeout)
            while True:
                heard = self._take(worker, message)
                while self._again and self._has_room:
                    self.start([self._again.popleft()])
                if heard is not None:
                    yield heard
                worker, message = self._heard.get_nowait()

    def close(self) -> list[tuple[Task, Outcome]]:
        """End all workers; what they were at is given up. Returns what they had finished and nobody heard of yet."""
        for worker in self._workers:
            worker.launched.dismiss()
        self._reserve.close()
        until = time.monotonic() + _ENDS_WITHIN
        for worker in self._workers:
            try:
                worker.launched.process.wait(max(until - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                worker.launched.process.kill()
                worker.launched.process.wait()
        finished = []
        with contextlib.suppress(queue.Empty):
            while True:
                worker, message = self._heard.get(timeout=0.05)
                if isinstance(message, Done) and message.index in worker.tasks:
                    finished.append((worker.tasks.pop(message.index), message.outcome))
        for worker in self._workers:
            for task in worker.tasks.values():
                _sweep(task)
        self._workers.clear()
        return finished

    def _spawn(self) -> _Worker:
        worker = _Worker(self._reserve.take() or Launched())
        self._workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        worker.launched.greet(self._hello, self._lock_fd)
        return worker

    def _listen(self, worker: _Worker) -> None:
        replies = worker.launched.replies
        while True:
            try:
                message = receive(replies)
            except (OSError, ValueError, EOFError):
                message = None
            self._heard.put((worker, message))
            if message is None:
                return

    def _take(self, worker: _Worker, message: object) -> Progressed | tuple[Task, Outcome] | None:
        match message:
            case Progressed():
                return message
            case Done(index=index, outcome=outcome) if index in worker.tasks:
                return worker.tasks.pop(index), outcome
            case Ready(about=about):
                worker.ready = True
                logger.info("%s", about)
            case Said(level=level, text=text):
                logger.log(level, "%s", text)
            case NoStart(error=error):
                raise error
            case None:
                return self._lost(worker)
        return None

    def _lost(self, worker: _Worker) -> tuple[Task, Outcome] | None:
        """A worker died: the recording that it was at fails; of several, the one that kills a worker again, alone."""
        status = worker.launched.process.wait()
        self._workers.remove(worker)
        worker.launched.dismiss()
        if status in (-signal.SIGTERM, 128 + signal.SIGTERM):
            time.sleep(_GRACE)  # whoever ended it may be about to end this process, too
        if not worker.ready:
            raise DeviceError(f"a worker process died before it was ready: {_how(status)}", hint="try --jobs 1")
        tasks = list(worker.tasks.values())
        for task in tasks:
            _sweep(task)
        if len(tasks) != 1:
            self._again.extend(_again(task) for task in tasks)
            return None
        (task,) = tasks
        error = CrashedError(
            f"the process that worked on it died: {_how(status)}",
            path=task.job.label,
            hint="the file may be damaged; the others go on",
        )
        return task, Outcome(failed(task.job, error))


def _how(status: int) -> str:
    """The end of a process in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"{signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def _again(task: Task) -> Task:
    """A task whose worker died, perhaps after the output had its name."""
    return replace(task, mode="same" if task.mode == "new" else task.mode, stray=True)


def _sweep(task: Task) -> None:
    """What a dead worker left beside the output of its task."""
    if task.job.target is not None:
        sweep(task.job.target.parent, below=False)
    if task.job.backup is not None:
        sweep(task.job.backup.parent, below=False)
