"""How the machine is shared among the recordings of a run, and which of them are done together."""

from __future__ import annotations

from dataclasses import dataclass

from hifisr_cli.batch.workers.work_item import WorkItem
from hifisr_cli.system.machine import cores, free_memory, on_gpu

_BYTES_A_WORKER = 4 << 20
"""A worker needs about two seconds of a core until it is ready: it should have at least as much to do."""

_MEMORY_A_WORKER = 1 << 30
"""Besides the weights of the network."""

_TOGETHER = 8
_SHORT_BYTES = 256 << 10
"""Recordings that are done together, and how large each of them may be: a few seconds, or half a minute of MP3."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How the machine is shared: `jobs` worker processes (0: none but this one) of `threads` threads each."""

    jobs: int
    threads: int | None


def share(
    files: int,
    size: int,
    *,
    jobs: int | None,
    threads: int | None,
    device: str,
    streams: bool = False,
    weights: int = 0,
) -> Sharing:
    """How many worker processes a run gets, and how many threads each of them.

    It depends on the whole of the inputs, not on what an earlier run has left to do: the number of threads may have a
    say in the last bit of an output.

    Args:
        files, size: number of the recordings and their bytes in all.
        jobs, threads: as the user wants them, None where the user does not say.
        device: the network's.
        streams: one of the standard streams is an input or output.
        weights: bytes of the network's.

    One file is worked on in this process. Several of them share the cores, one thread to a worker when there are
    enough files: that is faster than several threads on one file, and a worker that crashes takes one file with it.
    """
    if jobs == 0 or streams or (jobs is None and files <= 1):
        return Sharing(0, threads)
    if jobs is None:
        enough = max(1, size // _BYTES_A_WORKER)
        jobs = 1 if on_gpu(device) else max(1, min(cores() // (threads or 1), files, enough, _room(weights)))
    return Sharing(jobs, threads or max(1, cores() // jobs))


def _room(weights: int) -> int:
    """Workers that fit into the free memory, each with the network."""
    free = free_memory()
    return 8 if free is None else max(1, free // (_MEMORY_A_WORKER + weights))


def add_to_groups(groups: list[list[WorkItem]], item: WorkItem, *, jobs: int, crew: int) -> None:
    """Put an item into the last group where it fits there, else into one of its own.

    Neighbours that are short are done together: their windows then fill the network's batches.

    Args:
        groups: of items that follow each other in the run.
        jobs: in the whole run.
        crew: groups that are worked on at once.
    """
    if groups and _is_short(item) and len(groups[-1]) < most_together(groups[-1][0], jobs=jobs, crew=crew):
        groups[-1].append(item)
    else:
        groups.append([item])


def most_together(first: WorkItem, *, jobs: int, crew: int) -> int:
    """How many items a group that begins with `first` may have.

    Towards the end of a run there are fewer, so that everybody has something to do.
    """
    if not _is_short(first):
        return 1
    return max(1, min(_TOGETHER, (jobs - first.index) // (2 * crew)))


def _is_short(item: WorkItem) -> bool:
    job = item.job
    return job.source is not None and job.target is not None and job.size <= _SHORT_BYTES
