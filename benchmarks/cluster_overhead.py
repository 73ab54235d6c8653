"""What a cluster costs over worker processes: time a recording, speed, memory.

    python benchmarks/cluster_overhead.py [FOLDER ...] [--files 100000] [--rounds 3]

First, as many names of one recording as --files says are "restored" by nodes that do nothing, on a scheduler and two
workers of one thread that are processes of their own; everything else is real: plan, messages, journal. Printed are the
seconds until the first recording is under way and done, the milliseconds for each, and the peak memory of the process
that leads the run and of the scheduler.

Then each FOLDER is restored by `--jobs 2 --threads 1` and by `--cluster local:2` in turn. Printed are the seconds from
the first recording on, what this computer's processor worked in all (on a quiet one), and both as shares of what they
are with --jobs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from large_folder import fill

from hifisr_cli.batch.request import RunRequest, RunSettings
from hifisr_cli.batch.run import open_run
from hifisr_cli.batch.workers import cluster
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import FileFinished, FileStarted

HERE = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")


def attend(run, _hello, _shared):  # pickled by value: nothing of this file is imported on a node
    import time

    from distributed import get_worker, secede

    from hifisr_cli.engines.load import identify

    worker, known = get_worker(), identify()
    task = worker.get_current_task()
    secede()
    about = {"model": known.parameter_hash, "precision": known.precision, "computed": {"capability": "none"}}
    worker.log_event(run, {"node": worker.address, **about})
    while (found := worker.state.tasks.get(task)) is not None and found.state != "cancelled":
        time.sleep(0.25)


def work(_run, items):
    from hifisr_cli.batch.workers.work_item import Fingerprint, WorkOutcome
    from hifisr_cli.results import FileResult

    made = Fingerprint(1_000_000, 1_700_000_000_000_000_000, "0" * 64)
    return [
        (each.index, WorkOutcome(FileResult(each.job.label, str(each.job.target), "restored"), made, made))
        for each in items
    ]


def peak(pid: int | str) -> float:
    """The most memory that a process had at once, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) / 1_024 for line in lines if line.startswith("VmHWM"))


def nothing(files: int, work_folder: Path) -> dict[str, float]:
    fill(work_folder, files, 1.0)
    file = work_folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    ends = [
        subprocess.Popen([*dask, *what, *HERE, "--scheduler-file", file], stderr=subprocess.DEVNULL)
        for what in (("scheduler", "--port", "0"), *[("worker", "--nthreads", "1", "--no-nanny")] * 2)
    ]
    while len(workers(file)) < 2:
        time.sleep(0.2)
    cluster.attend, cluster.work = attend, work
    found: dict[str, float] = {}
    start, before = time.perf_counter(), time.process_time()

    def seen(event: object) -> None:
        for kind in (FileStarted, FileFinished):
            if isinstance(event, kind):
                found.setdefault(f"{kind.__name__} after s", time.perf_counter() - start)
                found.setdefault(f"{kind.__name__} after CPU s of the leading process", time.process_time() - before)

    try:
        settings = RunSettings(cluster=str(file))
        request = RunRequest([work_folder / "in"], f"{work_folder / 'out'}/", RestoreOptions(), settings=settings)
        with open_run(request) as run:
            statuses = {result.status for result in run.results(seen)}
        assert statuses == {"restored"}, statuses
        all_in_all, first = time.perf_counter() - start, found["FileFinished after s"]
        found["ms a recording"] = 1_000 * (all_in_all - first) / files
        found["CPU ms a recording, leading process"] = 1_000 * (time.process_time() - before) / files
        found["leading process MB"], found["scheduler MB"] = peak("self"), peak(ends[0].pid)
    finally:
        for end in ends:
            end.terminate()
            end.wait()
    return found


def workers(file: Path) -> list[str]:
    """The addresses of the workers of a scheduler."""
    from distributed import Client

    if not file.exists():
        return []
    with Client(scheduler_file=str(file), set_as_default=False) as client:
        return list(client.scheduler_info()["workers"])


def restored(folder: Path, how: list[str]) -> tuple[float, float]:
    """Seconds from the first recording to the end, and the processor's seconds of all processes, whoever began them."""
    with tempfile.TemporaryDirectory() as out:
        common = ["upsample", folder, "-o", out, "--device", "cpu", "--json"]
        before = worked()
        with subprocess.Popen(
            [sys.executable, "-m", "hifisr_cli", *common, *how],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as run:
            assert run.stderr is not None
            first, last = 0.0, 0.0
            for line in run.stderr:
                if '"finished"' in line:
                    last = time.perf_counter()
                    first = first or last
        after = worked()
        assert run.returncode == 0
    return last - first, after - before


def worked() -> float:
    """Seconds that all cores have worked since the computer started."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system


def compare(folder: Path, rounds: int) -> None:
    hows = {"--jobs 2": ["--jobs", "2", "--threads", "1"], "--cluster local:2": ["--cluster", "local:2"]}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in hows}
    for _ in range(rounds):
        for name, how in hows.items():
            found[name].append(restored(folder, how))
            print(f"{folder}, {name}: {found[name][-1][0]:.1f} s, {found[name][-1][1]:.1f} s of processor", flush=True)
    for index, what in enumerate(("seconds", "processor seconds")):
        one, other = (statistics.median(values[index] for values in found[name]) for name in hows)
        print(f"{what}: {one:.1f} and {other:.1f}; a cluster is {100 * one / other:.0f} % as fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.files:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as work_folder:
            for name, value in nothing(given.files, Path(work_folder)).items():
                print(f"{name}: {value:.2f}", flush=True)
    for folder in given.folders:
        compare(folder, given.rounds)


if __name__ == "__main__":
    main()
