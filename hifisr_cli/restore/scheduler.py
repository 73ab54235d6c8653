"""Several recordings at once through one engine, each written as if it were alone.

A recording is a generator that yields lists of windows and is sent what became of them. Whoever drives several of
them can put the windows of all into one batch: for short recordings, which never fill one by themselves. While some of
them wait for the disk, others go on.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # PyTorch is not needed before there is a window
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.batches import Restored, WindowTask

_MOMENT = 0.005

Result = TypeVar("Result")
Steps = Generator[list["WindowTask"], list["Restored"], Result]


@dataclass(frozen=True, slots=True)
class _End:
    """A recording is over: its result, or the exception that ended it."""

    outcome: Any


def drive(
    recordings: Sequence[Steps[Result]],
    engine: Engine | None,
    batch_size: int | None = None,
    *,
    pool: Executor | None = None,
) -> Iterator[tuple[int, Result | Exception]]:
    """Runs every recording to its end; its place and its result, or the exception that ended it, as soon as it ends.

    A window that the engine cannot do ends its own recording. What is raised here (an interrupt), or thrown in by
    closing the iterator, is raised once every recording was closed.

    Args:
        engine: None where none of them has a window for it.
        batch_size: windows that are computed together; None leaves it to the engine.
        pool: threads for what the recordings do with their windows: writing them, above all.
    """
    answers: dict[int, list[Restored] | Exception | None] = dict.fromkeys(range(len(recordings)))
    threads = None  # opened one after the other: libsndfile has one place for why it could not open a file
    try:
        while answers:
            waiting: dict[int, list[WindowTask]] = {}
            for index, step in _steps(answers, recordings, threads):
                if isinstance(step, _End):
                    yield index, step.outcome
                else:
                    waiting[index] = step
            threads, answers = pool, _computed(waiting, engine, batch_size)
    finally:
        for recording in recordings:
            _close(recording)


def _steps(
    answers: Mapping[int, list[Restored] | Exception | None],
    recordings: Sequence[Steps[Result]],
    pool: Executor | None,
) -> Iterator[tuple[int, list[WindowTask] | _End]]:
    """Sends each recording its answer (None to begin): what it wants computed, or its end, in any order."""
    if pool is None or len(answers) == 1:
        for index, answer in answers.items():
            yield index, _step(recordings[index], answer)
        return
    places = {pool.submit(_step, recordings[index], answer): index for index, answer in answers.items()}
    try:
        for future in as_completed(places):
            yield places[future], future.result()
    finally:
        for future in places:
            future.cancel()
        wait(places)  # a recording that is being worked on cannot be closed


def _step(recording: Steps[Result], answer: list[Restored] | Exception | None) -> list[WindowTask] | _End:
    try:
        if isinstance(answer, Exception):
            return recording.throw(answer)
        return recording.send(answer)  # type: ignore[arg-type]  # None begins a generator
    except StopIteration as end:
        return _End(end.value)
    except Exception as error:
        return _End(error)


def _close(recording: Steps[Result]) -> None:
    """Also where a thread is still working on it, because an interrupt came while it was being started."""
    while True:
        try:
            return recording.close()
        except ValueError as error:
            if str(error) != "generator already executing":
                raise
        time.sleep(_MOMENT)


def _computed(
    waiting: Mapping[int, list[WindowTask]], engine: Engine | None, batch_size: int | None
) -> dict[int, list[Restored] | Exception | None]:
    """What the engine makes of the windows of each recording, or why it cannot."""
    if not waiting:
        return {}
    from hifisr_cli.restore.batches import compute

    if engine is None:
        raise ValueError("there are windows, but no engine")
    try:
        finished = iter(compute([task for group in waiting.values() for task in group], engine, batch_size))
        return {index: [next(finished) for _ in group] for index, group in waiting.items()}
    except Exception as error:
        if len(waiting) == 1:
            return dict.fromkeys(waiting, error)
    alone: dict[int, list[Restored] | Exception | None] = {}
    for index, group in waiting.items():  # the company may have been too much for the memory
        alone.update(_computed({index: group}, engine, batch_size))
    return alone
