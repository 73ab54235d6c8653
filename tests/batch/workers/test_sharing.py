from __future__ import annotations

import pytest

from hifisr_cli.batch.workers import sharing as settings
from hifisr_cli.batch.workers.sharing import Sharing, share

MB = 1 << 20


def shared(files: int, size: int, *, jobs: int | None = None, threads: int | None = None, cores: int = 8) -> Sharing:
    return share(files, size, jobs=jobs, threads=threads, device="cpu", cores=cores)


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_room", lambda: 64)


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


def test_what_the_user_says_is_done() -> None:
    assert shared(10, 0, jobs=3, cores=8) == Sharing(3, 2)
    assert shared(10, 0, jobs=3, threads=5) == Sharing(3, 5)
    assert shared(1, 0, jobs=1) == Sharing(1, 8)
    assert shared(10, 0, jobs=0, threads=2) == Sharing(0, 2)


def test_streams_stay_in_this_process() -> None:
    assert share(2, 0, jobs=4, threads=None, device="cpu", cores=8, streams=True) == Sharing(0, None)


def test_a_gpu_gets_one_worker() -> None:
    assert share(100, 1_000 * MB, jobs=None, threads=None, device="cuda", cores=8).jobs == 1
