from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.workers import sharing as settings
from hifisr_cli.batch.workers.sharing import Sharing, add_to_groups, share
from hifisr_cli.batch.workers.work_item import WorkItem

MB = 1 << 20


def shared(files: int, size: int, *, jobs: int | None = None, threads: int | None = None, cores: int = 8) -> Sharing:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "cores", lambda: cores)
        return share(files, size, jobs=jobs, threads=threads, device="cpu")


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "free_memory", lambda: 64 << 30)


def test_one_file_is_done_here_with_all_threads() -> None:
    assert shared(1, 1_000 * MB) == Sharing(0, None)
    assert shared(1, 1_000 * MB, threads=3) == Sharing(0, 3)


def test_many_files_get_a_worker_a_core() -> None:
    assert shared(10_000, 1_000 * MB) == Sharing(8, 1)
    assert shared(3, 1_000 * MB) == Sharing(3, 2)


def test_little_to_do_starts_few_workers() -> None:
    assert shared(100, 1 * MB) == Sharing(1, 8)


@pytest.mark.parametrize("cores", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("files", [2, 5, 1_000])
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_workers_times_threads_are_at_most_the_cores(cores: int, files: int, threads: int | None) -> None:
    sharing = shared(files, 10_000 * MB, threads=threads, cores=cores)
    assert sharing.jobs >= 1
    assert sharing.threads is not None
    assert sharing.jobs * sharing.threads <= max(cores, threads or 1)


def test_every_worker_needs_room_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "cores", lambda: 8)
    monkeypatch.setattr(settings, "free_memory", lambda: 8 << 30)
    for weights, jobs in ((0, 8), (3 << 30, 2), (9 << 30, 1)):
        sharing = share(100, 1_000 * MB, jobs=None, threads=None, device="cpu", weights=weights)
        assert sharing == Sharing(jobs, 8 // jobs)


def test_what_the_user_says_is_done() -> None:
    assert shared(10, 0, jobs=3, cores=8) == Sharing(3, 2)
    assert shared(10, 0, jobs=3, threads=5) == Sharing(3, 5)
    assert shared(1, 0, jobs=1) == Sharing(1, 8)
    assert shared(10, 0, jobs=0, threads=2) == Sharing(0, 2)


def test_streams_stay_in_this_process() -> None:
    assert share(2, 0, jobs=4, threads=None, device="cpu", streams=True) == Sharing(0, None)


def test_a_gpu_gets_one_worker() -> None:
    assert share(100, 1_000 * MB, jobs=None, threads=None, device="cuda").jobs == 1


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
