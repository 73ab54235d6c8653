"""The work in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, Literal

from hifisr_cli.batch.workers.messages import Progressed
from hifisr_cli.batch.workers.work_item import Manner, Outcome, Task, perform

if TYPE_CHECKING:
    from hifisr_cli.engines.hifisr.engine import Model
    from hifisr_cli.restore.file import Progress, RestoreOptions


class TimeUp(BaseException):
    """The time limit came within a recording. Not an Exception: it is not the recording's failure."""


class Here:
    """Does tasks when they are waited for.

    Args:
        load: gives the model, once; None for a dry run.
        on_progress: hears of the progress while a task is being done.
        deadline: on the monotonic clock; `wait` raises `TimeUp` from there on.
    """

    def __init__(
        self,
        *,
        load: Callable[[], Model] | None,
        options: RestoreOptions,
        manner: Manner,
        on_progress: Callable[[Progressed], None],
        deadline: float | None,
        stdin: BinaryIO | None,
    ) -> None:
        self._load, self._options, self._manner, self._stdin = load, options, manner, stdin
        self._hears, self._deadline = on_progress, deadline
        self._model: Model | None = None
        self._tasks: Sequence[Task] = ()
        self._work: Generator[tuple[Task, Outcome]] | None = None

    @property
    def free(self) -> bool:
        return not self._tasks

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def start(self, tasks: Sequence[Task]) -> None:
        """Take tasks on, which are done together."""
        self._tasks = tasks
        if self._model is None and self._load is not None:
            self._model = self._load()  # a model that does not load is not this file's failure

    def wait(self, timeout: float | None) -> Iterator[Progressed | tuple[Task, Outcome]]:  # noqa: ARG002  as a pool
        """Do the tasks."""
        self._work = self._outcomes()
        yield from self._work
        self._tasks = ()

    def close(self) -> list[tuple[Task, Outcome]]:
        """End what is being worked on. Nobody has to hear of anything that was finished."""
        if self._work is not None:
            self._work.close()
        return []

    def _outcomes(self) -> Generator[tuple[Task, Outcome]]:
        for task, outcome in perform(
            self._tasks,
            model=self._model,
            options=self._options,
            manner=self._manner,
            progress_of=self._progress_of,
            stdin=self._stdin,
        ):
            if isinstance(outcome, BrokenPipeError):
                raise outcome
            yield task, outcome

    def _progress_of(self, task: Task) -> Progress:
        def on_progress(stage: Literal["survey", "restore"], seconds: float, total: float | None) -> None:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                raise TimeUp
            self._hears(Progressed(task.index, stage, seconds, total))

        return on_progress
