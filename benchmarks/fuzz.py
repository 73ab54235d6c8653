"""Meets hostile recordings with the real command: python benchmarks/fuzz.py [--cases 5000] [--first 0] [--jobs 1]

Prints what is wrong with how they were taken, and the seconds and memory of the worst; ends with status 1 where
anything is. A few cases run as commands of their own under a limit on the address space; the rest in processes that are
kept (see tests/fuzz/harness.py).
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.fuzz.cases import make_case, seeds  # noqa: E402
from tests.fuzz.harness import meet, worker  # noqa: E402

ALONE_EVERY = 200
ADDRESS_SPACE = 8 << 30  # PyTorch maps far more than it uses


def small_model(folder: Path) -> Path:
    import torch

    from hifisr_cli.engines.hifisr.generator import Generator, freeze
    from tests.restore.conftest import TINY

    torch.manual_seed(0)
    path = folder / "tiny.safetensors"
    freeze(Generator(TINY).eval(), path, name="tiny", training="none", licence="Apache-2.0", resampler="kaiser_best")
    return path


def meet_all(numbers: range, good: list[tuple[str, bytes]], quick: tuple[str, ...]) -> list[str]:
    problems = []
    with worker() as process:
        for number in numbers:
            with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
                case = make_case(number, good)
                problem = meet(case, process, Path(folder), quick)
                if problem is None and number % ALONE_EVERY == 0:
                    problem = alone(case.data, Path(folder), quick)
                if problem is not None:
                    problems.append(problem)
                    print(f"{problem}\n", flush=True)
            if number % 100 == 0:
                print(f"... {number}", file=sys.stderr, flush=True)
    return problems


def alone(data: bytes, folder: Path, quick: tuple[str, ...]) -> str | None:
    """The same bytes for a command of its own, with a limit on its memory."""
    source, out = folder / "hostile.wav", folder / "alone"
    source.write_bytes(data)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "hifisr_cli", "upsample", *quick, str(source), "-o", str(out)],
            cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "alone: it hangs"
    good = ended.returncode in (0, 3) and "Traceback" not in ended.stderr
    return None if good else f"alone: status {ended.returncode}, {ended.stderr}"


def bomb(folder: Path, hours: float) -> None:
    """Hours of silence in a small FLAC file: they take their time, and no memory."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, "PCM_16", format="FLAC") as flac:
        for _ in range(round(hours * 60)):
            flac.write(np.zeros(480_000, np.int16))
    path = folder / "bomb.flac"
    path.write_bytes(file.getvalue())
    started = time.monotonic()
    ended = subprocess.Popen(
        [sys.executable, "-m", "hifisr_cli", "upsample", str(path), "--dry-run", "-o", str(folder / "o")]
    )
    _, status, used = os.wait4(ended.pid, 0)
    print(
        f"{hours} h of silence in {len(file.getvalue()) / 1e6:.2f} MB: status {status}, "
        f"{time.monotonic() - started:.0f} s, {used.ru_utime:.0f} s of processor, {used.ru_maxrss / 1e6:.2f} GB"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        quick = ("--model", str(small_model(Path(folder))), "--device", "cpu", "--threads", "1")
        good = seeds(ROOT / "examples")
        share = -(-arguments.cases // arguments.jobs)
        last = arguments.first + arguments.cases
        parts = [range(first, min(first + share, last)) for first in range(arguments.first, last, share)]
        with ThreadPoolExecutor(arguments.jobs) as pool:
            problems = [
                problem for found in pool.map(lambda part: meet_all(part, good, quick), parts) for problem in found
            ]
        bomb(Path(folder), 5.0)
    print(f"{arguments.cases} cases in {time.monotonic() - started:.0f} s: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
