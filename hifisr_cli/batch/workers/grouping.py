"""Which recordings are done together: neighbours that are short, whose windows then fill the network's batches."""

from __future__ import annotations

from hifisr_cli.batch.workers.work_item import WorkItem

_TOGETHER = 8
_SHORT_BYTES = 256 << 10
"""Recordings that are done together, and how large each of them may be: a few seconds, or half a minute of MP3."""


def add_to_groups(groups: list[list[WorkItem]], item: WorkItem, *, jobs: int, crew: int) -> None:
    """Put an item into the last group where it fits there, else into one of its own.

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
