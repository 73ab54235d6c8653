"""Which share of the machine should a folder get: few workers of many threads, or many of few?

    python benchmarks/jobs_and_threads.py RECORDING... [--seconds 240] [--repetitions 2] [--cases 1x1 1x2 2x1 2x2]

Cuts the recordings into files of mixed lengths (half a second to a minute, at 16 kHz) and restores that folder with
each number of workers times threads, the cases in turn. Prints audio seconds per wall second of the whole command,
the best of the repetitions, with what the program chooses by itself beside them.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
LENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
OWN_CHOICE = "default"


def sound(recordings: list[Path]) -> Iterator[np.ndarray]:
    """The recordings at 16 kHz, again and again."""
    while True:
        for path in recordings:
            wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
            step = max(rate // RATE, 1)
            yield np.convolve(wave[:, 0], np.ones(step) / step, "same")[::step]


def fill(folder: Path, recordings: list[Path], seconds: float) -> float:
    """Files of mixed lengths; returns how long they are together."""
    folder.mkdir()
    source, held = sound(recordings), np.zeros(0, np.float32)
    chance, done, index = random.Random(0), 0.0, 0
    while done < seconds:
        length = min(chance.choice(LENGTHS), seconds - done + 0.5)
        samples = round(length * RATE)
        while len(held) < samples:
            held = np.concatenate((held, next(source)))
        soundfile.write(folder / f"{index:04}.wav", held[:samples], RATE)
        held = held[samples:]
        done, index = done + length, index + 1
    print(f"{index} files, {done:.0f} s together, {os.cpu_count()} cores\n")
    return done


def measure(source: Path, work: Path, case: str) -> float:
    """Wall seconds of the whole command."""
    with tempfile.TemporaryDirectory(dir=work) as output:
        command = [sys.executable, "-m", "hifisr_cli", "upsample", source, "-o", output, "-q", "--device", "cpu"]
        if case != OWN_CHOICE:
            jobs, threads = case.split("x")
            command += ["--jobs", jobs, "--threads", threads]
        start = time.perf_counter()
        subprocess.run(command, check=True)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--cases", nargs="+", default=["1x1", "1x2", "2x1", "2x2"], help="workers x threads")
    given = parser.parse_args()
    cases = [*given.cases, OWN_CHOICE]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        work = Path(name)
        seconds = fill(work / "in", given.recordings, given.seconds)
        walls: dict[str, list[float]] = {case: [] for case in cases}
        for _ in range(given.repetitions):
            for case in cases:
                walls[case].append(measure(work / "in", work, case))
        print("| workers x threads | x real time | wall seconds, each time |\n|---|---:|---|")
        for case in cases:
            each = ", ".join(f"{wall:.1f}" for wall in walls[case])
            print(f"| {case} | {seconds / min(walls[case]):.1f} | {each} |")


if __name__ == "__main__":
    main()
