"""Who does the work of a run, as the run sees it: this process, worker processes, or another crew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from hifisr_cli.batch.workers.messages import Progressed
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome

News = Progressed | tuple[WorkItem, WorkOutcome]
"""How far an item has come, or what became of it."""


class Crew(Protocol):
    """Does work items. It writes outputs, never the journal. To be closed, whatever happens."""

    @property
    def size(self) -> int:
        """How many groups of items are worked on at once."""
        ...

    @property
    def free(self) -> bool:
        """Whether a group can be started."""
        ...

    @property
    def busy(self) -> bool:
        """Whether there is something to wait for."""
        ...

    def start(self, items: Sequence[WorkItem]) -> Iterable[News]:
        """Take on a group of items, which are done together. Gives the news of a crew that does them at once.

        Raises:
            HifisrError: of the model, which does not load.
        """
        ...

    def wait(self, timeout: float | None) -> Iterable[News]:
        """The news since the last call; waits for the first, at most `timeout` seconds.

        Raises:
            HifisrError: a worker that cannot start ends the run.
        """
        ...

    def close(self) -> list[tuple[WorkItem, WorkOutcome]]:
        """End the work; what was being worked on is given up. Returns the outcomes that nobody has taken yet."""
        ...
