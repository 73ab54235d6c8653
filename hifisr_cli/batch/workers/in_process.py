"""The crew of a run that works in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from hifisr_cli.batch.workers.messages import Progressed
from hifisr_cli.batch.workers.perform import perform
from hifisr_cli.batch.workers.work_item import Manner, WorkItem, WorkOutcome

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.file import Progress, RestoreOptions


class TimeUp(BaseException):
    """The time limit came within a recording. Not an Exception: it is not the recording's failure."""


class InProcess:
    """A crew of one, which does what it is given at once.

    Args:
        load: gives the model, once; None for a dry run.
        on_progress: called with the progress of the item that is being done.
        deadline: on the monotonic clock; `start` raises `TimeUp` from there on.
    """

    size = 1
    free = True
    busy = False

    def __init__(
        self,
        *,
        load: Callable[[], Engine] | None,
        options: RestoreOptions,
        manner: Manner,
        on_progress: Callable[[Progressed], None],
        deadline: float | None,
    ) -> None:
        self._load, self._options, self._manner = load, options, manner
        self._on_progress, self._deadline = on_progress, deadline
        self._model: Engine | None = None
        self._work: Generator[tuple[WorkItem, WorkOutcome]] | None = None

    def start(self, items: Sequence[WorkItem]) -> Iterator[tuple[WorkItem, WorkOutcome]]:
        """Do the items; gives the outcome of each when it is there."""
        if self._model is None and self._load is not None:
            self._model = self._load()  # a model that does not load is not this file's failure
        self._work = self._outcomes(items)
        return self._work

    def wait(self, timeout: float | None) -> tuple[()]:  # noqa: ARG002  as other crews
        """Nothing: `start` gives all outcomes."""
        return ()

    def close(self) -> list[tuple[WorkItem, WorkOutcome]]:
        """End what is being worked on. Every outcome has been taken by then."""
        if self._work is not None:
            self._work.close()
        return []

    def _outcomes(self, items: Sequence[WorkItem]) -> Generator[tuple[WorkItem, WorkOutcome]]:
        for item, outcome in perform(
            items, model=self._model, options=self._options, manner=self._manner, progress_of=self._progress_of
        ):
            if isinstance(outcome, BrokenPipeError):
                raise outcome
            yield item, outcome

    def _progress_of(self, item: WorkItem) -> Progress:
        def on_progress(stage: Literal["survey", "restore"], seconds: float, total: float | None) -> None:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                raise TimeUp
            self._on_progress(Progressed(item.index, stage, seconds, total))

        return on_progress
