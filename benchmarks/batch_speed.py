"""How fast a folder of short files is against one long file, and what a file costs besides the network.

    python benchmarks/batch_speed.py RECORDING [--files 200] [--jobs 1 2 ...]

Cuts RECORDING (repeated as often as needed) into files of one second at 16 kHz, and writes the same sound as one file.
Prints audio seconds per wall second for the long file and for the folder with each number of workers, then, for the
folder in one process with a network that does nothing, the processor's milliseconds for each file.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does, before NumPy is loaded

import numpy as np
import soundfile
from torch import Tensor

from hifisr_cli.engines.protocol import Engine, WindowBatch

RATE = 16_000


def cut(recording: Path, folder: Path, files: int) -> None:
    """`files` seconds of sound, as files of a second in `folder`/short and as one file in `folder`/long."""
    sound, rate = soundfile.read(recording, dtype="float32", always_2d=True)
    step = max(rate // RATE, 1)
    mono = np.convolve(sound[:, 0], np.ones(step) / step, "same")[::step]
    mono = np.tile(mono, -(-files * RATE // len(mono)))[: files * RATE]
    for name in ("short", "long"):
        (folder / name).mkdir()
    for index in range(files):
        piece = mono[index * RATE : (index + 1) * RATE]
        soundfile.write(folder / "short" / f"{index:05}.wav", piece, RATE)
    soundfile.write(folder / "long" / "long.wav", mono, RATE)


def seconds(source: Path, output: Path, options: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a whole command, its workers included."""
    before, start = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "hifisr_cli", "upsample", source, "-o", output, "-q", "--device", "cpu", *options]
    subprocess.run(command, check=True)
    wall, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def _nothing(engine: Engine, windows: WindowBatch) -> Tensor:
    """An engine that gives back what it gets, without the context."""
    trim = engine.geometry.trim
    return windows.waves[:, trim : windows.waves.shape[1] - trim]


def without_network(source: Path, output: Path, *, profile: bool) -> float:
    """Processor milliseconds for each file where the network gives back what it gets."""
    from hifisr_cli.batch.request import RunRequest
    from hifisr_cli.batch.run import open_run
    from hifisr_cli.engines.load import load_model
    from hifisr_cli.restore.file import RestoreOptions

    model = load_model(threads=1)
    type(model).generate = _nothing  # type: ignore[method-assign,assignment]
    profiler = cProfile.Profile()
    with open_run(RunRequest([source], str(output), RestoreOptions(), model)) as run:
        results = run.results()
        for _ in range(5):
            next(results)  # what is imported and computed once
        start = time.process_time()
        if profile:
            profiler.enable()
        statuses = [result.status for result in results]
        profiler.disable()
        used = time.process_time() - start
    assert set(statuses) <= {"restored", "copied"}, set(statuses)
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    return 1_000 * used / len(statuses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--jobs", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        cut(given.recording, folder, given.files)
        print("| what | x real time (wall) | x real time (processor) | wall seconds |\n|---|---:|---:|---:|")
        wall, used = seconds(folder / "long", folder / "out-long", ["--jobs", "0"])
        print(f"| one file | {given.files / wall:.1f} | {given.files / used:.1f} | {wall:.1f} |", flush=True)
        for jobs in given.jobs:
            wall, used = seconds(folder / "short", folder / f"out-{jobs}", ["--jobs", str(jobs)])
            about = f"{given.files} files of 1 s, --jobs {jobs}"
            print(f"| {about} | {given.files / wall:.1f} | {given.files / used:.1f} | {wall:.1f} |", flush=True)
        cost = without_network(folder / "short", folder / "out-none", profile=given.profile)
        print(f"\nwithout the network: {cost:.1f} ms of processor time for each file of 1 s")


if __name__ == "__main__":
    main()
