"""Is a run that is killed at any moment, and started again, worth the same as one that was never disturbed?

    python benchmarks/kill_harness.py FOLDER [--kills 200] [--jobs N] [--shards N] [--option ...]

Restores FOLDER once undisturbed. Then the same command is started again and again and killed at random moments by
SIGKILL, SIGTERM or SIGINT in turn. After every kill each output that stands under its final name must be bit-identical
to the undisturbed one. Whenever a run comes to its end, nothing may be missing, nothing may be left over (temporary
files, the lock), the journal must speak of every output with its hash, and the work starts again from nothing.

With --shards so many run at once, one of them is killed each time, and the others go on to their end. When all have
come to theirs, a run without --shard has to find everything done, and to make one journal of their parts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
JOURNAL = "hifisr-journal.jsonl"


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, journal, lock and temporary files apart."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith((".hifisr-", "hifisr-journal."))
    }


def leftovers(folder: Path) -> list[str]:
    """What a run that came to its end may not leave."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".hifisr*")]


def recorded(folder: Path) -> dict[str, str]:
    """What the journal says of the outputs; its last word counts. A run that shared nothing has one part of it."""
    found = {}
    for part in (folder / JOURNAL, *folder.glob("hifisr-journal.*-of-*.jsonl")):
        for line in part.read_text("utf-8").splitlines() if part.exists() else ():
            if (output := json.loads(line)["output"]) is not None:  # else it has failed
                found[output["path"]] = output["sha256"]
    return found


class Harness:
    def __init__(self, source: Path, work: Path, options: list[str], shards: int, seed: int) -> None:
        self.source, self.work, self.options, self.shards = source, work, options, shards
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []

    def problem(self, text: str) -> None:
        self.problems.append(text)
        print(f"PROBLEM: {text}", flush=True)

    def command(self, output: Path, shard: int = 0) -> list[str]:
        command = [sys.executable, "-m", "hifisr_cli", "upsample", str(self.source), "-o", str(output), "-q"]
        return [*command, *self.options, *(["--shard", f"{shard}/{self.shards}"] if shard else [])]

    def start(self, output: Path) -> list[subprocess.Popen[bytes]]:
        """The run, or all of its shards."""
        shards = range(1, self.shards + 1) if self.shards else (0,)
        return [subprocess.Popen(self.command(output, shard), stderr=subprocess.PIPE) for shard in shards]

    def undisturbed(self) -> float:
        """The reference; returns how long it took."""
        start = time.monotonic()
        subprocess.run(self.command(self.work / "reference"), check=True)
        self.reference = hashes(self.work / "reference")
        return time.monotonic() - start

    def disturb(self, kills: int, longest: float) -> None:
        output = self.work / "output"
        killed = 0
        while killed < kills:
            number = SIGNALS[killed % len(SIGNALS)]
            processes = self.start(output)
            process = self.random.choice(processes)
            try:
                process.wait(self.random.uniform(0.0, longest))
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                killed += 1
                self.check_killed(process, number, output, alone=len(processes) == 1)
                for other in processes:
                    if other is not process:
                        self.check_ended(other)
                self.check_outputs(output)
            else:
                self.check_finished(processes, output)
                shutil.rmtree(output)
            if killed % 20 == 0:
                print(f"{killed} kills, {dict(self.counts)}, problems: {len(self.problems)}", flush=True)
        self.check_finished(self.start(output), output)

    def check_killed(
        self, process: subprocess.Popen[bytes], number: signal.Signals, output: Path, *, alone: bool
    ) -> None:
        status = process.wait()
        said = process.communicate()[1].decode(errors="replace")
        expected = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        early = (-number, 0)  # before the program had begun, or when it had ended already
        if status not in (expected, *early):
            self.problem(f"{number.name}: status {status}: {said}")
        if "Traceback" in said and status == expected:
            self.problem(f"{number.name}: {said}")
        self.counts[number.name] += 1
        self.counts["status of Python itself"] += status == -number and number != signal.SIGKILL
        self.counts["outputs seen"] += len(self.check_outputs(output))
        if alone and number != signal.SIGKILL and status == expected:
            strays = [name for name in leftovers(output) if name.endswith(".part")]
            if strays:
                self.problem(f"{number.name} left {strays}")

    def check_ended(self, process: subprocess.Popen[bytes]) -> None:
        said = process.communicate()[1].decode(errors="replace")
        if process.returncode:
            self.problem(f"a run to the end: status {process.returncode}: {said}")

    def check_finished(self, processes: list[subprocess.Popen[bytes]], output: Path) -> None:
        for process in processes:
            self.check_ended(process)
        self.check_folder(output)
        if self.shards:
            self.check_ended(subprocess.Popen(self.command(output), stderr=subprocess.PIPE))
            self.check_folder(output)
            lines = (output / JOURNAL).read_text("utf-8").splitlines()
            if len(lines) != len(self.reference) or list(output.glob("hifisr-journal.*-of-*")):
                self.problem(f"not one journal of {len(self.reference)} lines, but {len(lines)}")
        self.counts["runs to the end"] += 1

    def check_folder(self, output: Path) -> None:
        found = self.check_outputs(output)
        if found != self.reference:
            self.problem(f"missing: {sorted(set(self.reference) - set(found))}")
        if leftovers(output):
            self.problem(f"left over: {leftovers(output)}")
        if recorded(output) != self.reference:
            self.problem("the journal does not say what is there")

    def check_outputs(self, output: Path) -> dict[str, str]:
        found = hashes(output) if output.is_dir() else {}
        for name, digest in found.items():
            if self.reference.get(name) != digest:
                self.problem(f"{name} is not what it should be")
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--shards", type=int, default=0, help="run so many shards at once [default: none, a whole run]")
    parser.add_argument("--longest", type=float, help="seconds before a kill at most [default: an undisturbed run]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--option", action="append", default=[], help="a further option of upsample")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as work:
        options = ["--device", "cpu", "--jobs", given.jobs, *given.option]
        harness = Harness(given.source, Path(work), options, given.shards, given.seed)
        seconds = harness.undisturbed()
        print(f"undisturbed: {len(harness.reference)} outputs in {seconds:.1f} s", flush=True)
        harness.disturb(given.kills, given.longest or seconds)
    print(f"{given.kills} kills: {dict(harness.counts)}")
    print("no problems" if not harness.problems else f"{len(harness.problems)} problems")
    sys.exit(bool(harness.problems))


if __name__ == "__main__":
    main()
