"""Several recordings at once through one network, each written as if it were alone.

A recording is a generator that yields lists of windows and is sent what became of them. Whoever drives several of
them can put the windows of all into one batch: for short recordings, which never fill one by themselves.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TypeVar

from hifisr_cli.restore.engine import Network, Restored, Task, compute, default_batch

Result = TypeVar("Result")
Steps = Generator[list[Task], list[Restored], Result]


def drive(
    recordings: Sequence[Steps[Result]], network: Network, batch_size: int | None = None
) -> list[Result | Exception]:
    """Runs every recording to its end: its result, or the exception that ended it, in order.

    Raises:
        DeviceError: and whatever else the network raises, once every recording was closed.
        BaseException: an interrupt, likewise.
    """
    outcomes: dict[int, Result | Exception] = {}
    size = batch_size or default_batch(network)
    waiting = _advance(dict.fromkeys(range(len(recordings))), recordings, outcomes)
    try:
        while waiting:
            finished = iter(compute([task for group in waiting.values() for task in group], network, size))
            answers = {index: [next(finished) for _ in group] for index, group in waiting.items()}
            waiting = _advance(answers, recordings, outcomes)
    finally:
        for recording in recordings:
            recording.close()
    return [outcomes[index] for index in range(len(recordings))]


def _advance(
    answers: Mapping[int, list[Restored] | None],
    recordings: Sequence[Steps[Result]],
    outcomes: dict[int, Result | Exception],
) -> dict[int, list[Task]]:
    """Sends each recording its answer (None to begin); returns what those that go on want computed."""
    waiting: dict[int, list[Task]] = {}
    for index, answer in answers.items():
        try:
            waiting[index] = recordings[index].send(answer)  # type: ignore[arg-type]  # None begins a generator
        except StopIteration as end:
            outcomes[index] = end.value
        except Exception as error:
            outcomes[index] = error
    return waiting
