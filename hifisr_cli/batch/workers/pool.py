"""Worker processes: started when there is work, replaced when they die, ended with the run."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

from hifisr_cli.batch.workers.crew import News
from hifisr_cli.batch.workers.messages import Do, Done, Hello, NoStart, Progressed, Ready, Said, receive, send
from hifisr_cli.batch.workers.sharing import Sharing
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome, failed
from hifisr_cli.errors import CrashedError, DeviceError
from hifisr_cli.system.children import start_child
from hifisr_cli.system.staged_file import sweep

logger = logging.getLogger(__name__)

_ENDS_WITHIN = 5.0
_GRACE = 0.3

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from hifisr_cli.batch.workers.worker import main; main()"
)


class Launched:
    """A worker process. Until it is greeted it imports what it will need.

    Attributes:
        process: its standard input is the line of its orders, its standard output the pipe of its replies.
    """

    def __init__(self) -> None:
        environment = dict(os.environ)
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in this process; PyTorch is told by `load_model`
        path = json.dumps([os.path.abspath(path) for path in sys.path])  # noqa: PTH100
        self.process, self._line = start_child([sys.executable, "-c", _START, path], environment)

    @property
    def replies(self) -> BinaryIO:
        """The pipe that its replies come from."""
        return cast(BinaryIO, self.process.stdout)

    def greet(self, hello: Hello, lock_fd: int | None) -> None:
        """Tell it what the run is, and let it hold the lock of the output folder as long as it lives."""
        with contextlib.suppress(OSError):  # it is dead: whoever reads its replies notices
            self._line.open(lock_fd)
            send(self._line.stream, hello)

    def order(self, order: Do) -> None:
        """Tell it what to do next."""
        with contextlib.suppress(OSError):
            send(self._line.stream, order)

    def dismiss(self) -> None:
        """No more orders: it ends by itself, at once."""
        self._line.close()


@dataclass(eq=False, slots=True)
class _Worker:
    launched: Launched
    items: dict[int, WorkItem] = field(default_factory=dict)
    ready: bool = False


class Pool:
    """A crew of up to `sharing.jobs` worker processes.

    Args:
        hello: how the workers work.
        lock_fd: what they hold, so that the output folder is locked as long as one of them lives.
        early: workers that were started while the run was being planned; those that it does not need are ended.
        say: takes a line for the log, after its level.

    Attributes:
        ready: what the last worker said that got ready, None before.
    """

    def __init__(
        self,
        sharing: Sharing,
        hello: Hello,
        *,
        lock_fd: int | None = None,
        early: Sequence[Launched] = (),
        say: Callable[[int, str], None] = logger.log,
    ) -> None:
        self._say = say
        self.ready: Ready | None = None
        self._sharing, self._hello, self._lock_fd, self._early = sharing, hello, lock_fd, [*early]
        self._workers: list[_Worker] = []
        self._again: deque[WorkItem] = deque()
        self._suspects: set[int] = set()
        self._heard: queue.SimpleQueue[tuple[_Worker, object]] = queue.SimpleQueue()

    @property
    def size(self) -> int:
        return self._sharing.jobs

    @property
    def free(self) -> bool:
        return not self._again and self._has_room

    @property
    def busy(self) -> bool:
        return bool(self._again) or any(worker.items for worker in self._workers)

    def start(self, items: Sequence[WorkItem]) -> tuple[()]:
        """Hand items to a free worker; the news of them come from `wait`."""
        worker = next((worker for worker in self._workers if not worker.items), None) or self._spawn()
        worker.items = {item.index: item for item in items}
        worker.launched.order(Do(tuple(items)))
        return ()

    @property
    def _has_room(self) -> bool:
        return len(self._workers) < self._sharing.jobs or any(not worker.items for worker in self._workers)

    def wait(self, timeout: float | None) -> Iterator[News]:
        """What the workers say.

        Raises:
            HifisrError: a worker that cannot start ends the run.
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

    def close(self) -> list[tuple[WorkItem, WorkOutcome]]:
        """End all workers."""
        for worker in self._workers:
            worker.launched.dismiss()
        for launched in self._early:
            launched.dismiss()
            launched.process.kill()
            launched.process.wait()
            launched.replies.close()
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
                if isinstance(message, Done) and message.index in worker.items:
                    finished.append((worker.items.pop(message.index), message.outcome))
        for worker in self._workers:
            for item in worker.items.values():
                _sweep(item)
        self._workers.clear()
        return finished

    def _spawn(self) -> _Worker:
        worker = _Worker(self._early.pop() if self._early else Launched())
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

    def _take(self, worker: _Worker, message: object) -> News | None:
        match message:
            case Progressed():
                return message
            case Done(index=index, outcome=outcome) if index in worker.items:
                self._suspects.discard(index)
                return worker.items.pop(index), outcome
            case Ready(identity=model, computed=computed):
                worker.ready, self.ready = True, message
                logger.info("model %s on %s, %s", model.name, computed["device"], model.precision)
            case Said(level=level, text=text):
                self._say(level, text)
            case NoStart(error=error):
                raise error
            case None:
                return self._lost(worker)
        return None

    def _lost(self, worker: _Worker) -> tuple[WorkItem, WorkOutcome] | None:
        """A worker died: what it had is done again, each alone. What then kills a second one has failed."""
        status = worker.launched.process.wait()
        self._workers.remove(worker)
        worker.launched.dismiss()
        if status in (-signal.SIGTERM, 128 + signal.SIGTERM):
            time.sleep(_GRACE)  # whoever ended it may be about to end this process, too
        if not worker.ready:
            raise DeviceError(f"a worker process died before it was ready: {_how(status)}", hint="try --jobs 1")
        items = list(worker.items.values())
        for item in items:
            _sweep(item)
        if not self._suspects.issuperset(worker.items):
            self._suspects.update(worker.items)
            self._again.extend(replace(item, stray=True) for item in items)  # its output may have its name
            return None
        if not items:
            return None
        (item,) = items  # a suspect is alone
        error = CrashedError(
            f"two processes that worked on it died: {_how(status)}",
            path=item.job.label,
            hint="the file may be damaged; the others go on",
        )
        return item, WorkOutcome(failed(item.job, error))


def _how(status: int) -> str:
    """The end of a process in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"{signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def _sweep(item: WorkItem) -> None:
    """What a dead worker left beside the output of its item."""
    if item.job.target is not None:
        sweep(item.job.target.parent, below=False)
    if item.job.backup is not None:
        sweep(item.job.backup.parent, below=False)
