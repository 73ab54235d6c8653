"""The work in this process: one task after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal

from hifisr_cli.batch.task import Manner, Outcome, Task, perform
from hifisr_cli.batch.wire import Progressed

if TYPE_CHECKING:
    from hifisr_cli.restore.model import Model
    from hifisr_cli.restore.recording import RestoreOptions


class TimeUp(BaseException):
    """The time limit came within a recording. Not an Exception: it is not the recording's failure."""


class Here:
    """Does each task when it is waited for.

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
        self._task: Task | None = None

    @property
    def free(self) -> bool:
        return self._task is None

    @property
    def busy(self) -> bool:
        return self._task is not None

    def start(self, task: Task) -> None:
        """Take a task on."""
        self._task = task
        if self._model is None and self._load is not None:
            self._model = self._load()  # a model that does not load is not this file's failure

    def wait(self, timeout: float | None) -> Iterator[Progressed | tuple[Task, Outcome]]:  # noqa: ARG002  as a pool
        """Do the task."""
        task = self._task
        if task is None:
            return
        outcome = perform(
            task,
            model=self._model,
            options=self._options,
            manner=self._manner,
            on_progress=lambda stage, seconds, total: self._progress(task.index, stage, seconds, total),
            stdin=self._stdin,
        )
        self._task = None
        yield task, outcome

    def close(self) -> list[tuple[Task, Outcome]]:
        """Nothing is left to end."""
        return []

    def _progress(self, index: int, stage: Literal["survey", "restore"], seconds: float, total: float | None) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TimeUp
        self._hears(Progressed(index, stage, seconds, total))
