"""Is a run on a cluster worth a run on one computer, whoever of it is killed?

    python benchmarks/kill_cluster.py FOLDER [--workers 50] [--schedulers 10] [--coordinators 5] [--pause 10]

Restores FOLDER once by `--jobs 2 --threads 1`. Then, by what is said of each:

- workers: in runs with `--cluster local:2` Dask workers and the processes below them are killed at random moments. The
  runs have to come to their end. A recording that two of those processes had in hand has failed; the next run does it.
- schedulers: a scheduler and its workers are started by themselves and the scheduler is killed; the run has to end with
  status 6, and the next one is started at once.
- coordinators: runs with `--cluster local:2` are killed, and the next one is started at once.

Whatever stands under its final name at any time has to be what was made undisturbed, and at the end of each kind all
has to be there, recorded once, with nothing left over, and `hifisr verify` has to agree.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from kill_harness import JOURNAL, SIGNALS, Harness, leftovers

HERE = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
VICTIMS = ("multiprocessing.spawn", "batch.workers.worker")
"""In the commands of Dask workers, and of the processes that they start."""

STRUCK_TWICE = 3
"""The exit status of a run in which a recording has failed: the second process that dies with it is its own fault."""


def records(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / JOURNAL).read_text("utf-8").splitlines()]


class ClusterHarness(Harness):
    """Disturbs runs on a cluster.

    Args:
        pause: seconds before a kill at most.
    """

    def __init__(self, source: Path, work: Path, seed: int, pause: float) -> None:
        super().__init__(source, work, ["--device", "cpu", "--threads", "1"], 0, seed)
        self.pause = pause

    def run(self, output: Path, *how: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*self.command(output), *how], stderr=subprocess.PIPE)

    def wait(self, process: subprocess.Popen[bytes]) -> bool:
        """A random time; whether the process still runs then."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self.random.uniform(0.0, self.pause))
        return process.poll() is None

    def kill_workers(self, kills: int, output: Path) -> None:
        while kills > 0:
            run = self.run(output, "--cluster", "local:2")
            while kills > 0 and self.wait(run):
                victims = list(self.victims(run))
                if victims:
                    victim = self.random.choice(victims)
                    with contextlib.suppress(psutil.NoSuchProcess):
                        kind = next(name for name in VICTIMS if name in " ".join(victim.cmdline()))
                        victim.kill()
                        self.counts[f"killed: {kind}"] += 1
                        kills -= 1
                self.check_outputs(output)
            if run.wait() == STRUCK_TWICE and (struck := self.struck_twice(output)):
                self.counts["recordings whose process was killed twice"] += struck
                run = self.run(output, "--cluster", "local:2")
            self.settle(run, output)

    def struck_twice(self, output: Path) -> int:
        """How many recordings have failed because two of the processes that were killed at random had them in hand."""
        failed = [record for record in records(output) if record["result"]["status"] == "failed"]
        wrong = [record for record in failed if "two processes that worked on it died" not in str(record)]
        if wrong:
            self.problem(f"failed: {wrong}")
        return len(failed)

    def kill_schedulers(self, kills: int, output: Path) -> None:
        killed = 0
        while killed < kills:
            with self.cluster() as (scheduler, file):
                run = self.run(output, "--cluster", str(file))
                seen = len(list(output.glob("*.wav")))
                while len(list(output.glob("*.wav"))) == seen and run.poll() is None:
                    time.sleep(0.05)
                if self.wait(run):
                    scheduler.kill()
                    killed += 1
                    self.counts["killed: scheduler"] += 1
                said = run.communicate()[1].decode(errors="replace").splitlines()
                if run.returncode not in (0, 6) or (run.returncode == 6 and len(said) != 1):
                    self.problem(f"status {run.returncode}: {said}")
                self.counts[f"status {run.returncode}"] += 1
                self.check_outputs(output)
            if run.returncode == 0:
                self.settle(self.run(output, "--jobs", "2"), output)
        self.settle(self.run(output, "--jobs", "2"), output)

    def kill_coordinators(self, kills: int, output: Path) -> None:
        killed = 0
        while killed < kills:
            run = self.run(output, "--cluster", "local:2")
            if not self.wait(run):
                self.settle(run, output)
                continue
            number = SIGNALS[killed % len(SIGNALS)]
            run.send_signal(number)
            killed += 1
            self.check_killed(run, number, output, alone=True)
        self.settle(self.run(output, "--cluster", "local:2"), output)

    def victims(self, run: subprocess.Popen[bytes]) -> Iterator[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(run.pid).children(recursive=True):
                if any(name in " ".join(process.cmdline()) for name in VICTIMS):
                    yield process

    @contextlib.contextmanager
    def cluster(self) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """A scheduler with two workers, and its file."""
        file = self.work / "scheduler.json"
        file.unlink(missing_ok=True)
        dask = [sys.executable, "-m", "dask"]
        ends = [
            subprocess.Popen([*dask, *what, *HERE, "--scheduler-file", file], stderr=subprocess.DEVNULL)
            for what in (("scheduler", "--port", "0"), *[("worker", "--nthreads", "1", "--no-nanny")] * 2)
        ]
        try:
            yield ends[0], file
        finally:
            for end in ends:
                end.kill()  # Dask workers that have lost their scheduler may not end by themselves
            for end in ends:
                end.wait()

    def settle(self, run: subprocess.Popen[bytes], output: Path) -> None:
        """Wait for a run that has to do all that is left, look at everything, and begin again."""
        run.wait()
        until = time.monotonic() + 20.0
        while leftovers(output) and time.monotonic() < until:  # those below a worker that was killed end by themselves
            time.sleep(0.2)
        self.check_finished([run], output)
        made = [record for record in records(output) if record["output"] is not None]
        if len(made) != len(self.reference):
            self.problem(f"{len(made)} records of {len(self.reference)} outputs")
        verified = subprocess.run(
            [sys.executable, "-m", "hifisr_cli", "verify", str(output)], check=False, capture_output=True
        )
        if verified.returncode:
            self.problem(verified.stderr.decode(errors="replace"))
        output.rename(output.with_name(f"{output.name}-{self.counts['runs to the end']}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", type=Path)
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--schedulers", type=int, default=10)
    parser.add_argument("--coordinators", type=int, default=5)
    parser.add_argument("--pause", type=float, default=10.0, help="seconds before a kill at most")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as work:
        harness = ClusterHarness(given.source, Path(work), given.seed, given.pause)
        harness.options += ["--jobs", "2"]
        print(f"undisturbed: {harness.undisturbed():.1f} s, {len(harness.reference)} outputs", flush=True)
        del harness.options[-2:]
        for kind in ("coordinators", "schedulers", "workers"):
            start = time.monotonic()
            getattr(harness, f"kill_{kind}")(getattr(given, kind), Path(work) / kind)
            counts, seconds = dict(harness.counts), time.monotonic() - start
            print(f"{kind}: {counts}, {seconds:.0f} s, problems: {len(harness.problems)}", flush=True)
    sys.exit(bool(harness.problems))


if __name__ == "__main__":
    main()
