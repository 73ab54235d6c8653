from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.workers.grouping import add_to_groups
from hifisr_cli.batch.workers.work_item import WorkItem

SHORT, LONG = 1, 1 << 20


def grouped(sizes: list[int], crew: int) -> list[list[int]]:
    """The indices of the items in each group."""
    groups: list[list[WorkItem]] = []
    for index, size in enumerate(sizes):
        item = WorkItem(index, Job(Path("in"), Path("out"), "in", size))
        add_to_groups(groups, item, jobs=len(sizes), crew=crew)
    return [[item.index for item in group] for group in groups]


@given(st.lists(st.sampled_from([SHORT, LONG]), max_size=100), st.integers(1, 8))
def test_every_item_is_in_one_group_in_order_and_long_ones_are_alone(sizes: list[int], crew: int) -> None:
    groups = grouped(sizes, crew)
    assert [index for group in groups for index in group] == list(range(len(sizes)))
    assert all(len(group) == 1 for group in groups if any(sizes[index] == LONG for index in group))
    assert all(len(group) <= 8 for group in groups)


def test_short_neighbours_are_done_together() -> None:
    groups = grouped([SHORT] * 10 + [LONG] + [SHORT] * 29, crew=1)
    assert list(map(len, groups)) == [8, 2, 1, 8, 8, 6, 3, 2, 1, 1]


def test_at_the_end_there_is_something_to_do_for_every_worker() -> None:
    for crew in (1, 2, 5):
        assert all(len(group) == 1 for group in grouped([SHORT] * 40, crew)[-crew:])


def test_a_stream_is_done_alone() -> None:
    groups: list[list[WorkItem]] = []
    for job in (Job(Path("in"), Path("out"), "in"), Job(None, Path("out"), "-"), Job(Path("in"), None, "in")):
        add_to_groups(groups, WorkItem(0, job), jobs=100, crew=1)
    assert list(map(len, groups)) == [1, 1, 1]
