"""Peak memory of `hifisr upsample` against the duration of the recording.

    python benchmarks/memory.py [MINUTES ...]

Makes a mono 16 kHz recording of each duration (noise shaped like speech), runs the whole command on it in a process of
its own and prints the process's peak resident memory, as the operating system counted it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def make(path: Path, minutes: float) -> None:
    """Syllables of low-passed noise, written in blocks so that this script's own memory stays small."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(round(minutes * 60)):
            envelope = np.abs(np.sin(np.pi * 4 * np.arange(RATE) / RATE)) ** 2
            noise = np.convolve(rng.standard_normal(RATE), np.ones(4) / 4, mode="same")
            file.write((0.1 * envelope * noise).astype(np.float32))


def peak_mb(arguments: list[str]) -> tuple[float, float]:
    """Peak resident memory in MB and processor seconds of a command."""
    with subprocess.Popen(arguments) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}")
    return usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def main() -> None:
    minutes = [float(text) for text in sys.argv[1:]] or [1, 5, 10, 60, 120]
    print("| minutes | peak memory | CPU seconds per second of audio |\n|---|---|---|")
    for duration in minutes:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
            make(source, duration)
            peak, cpu = peak_mb([sys.executable, "-m", "hifisr_cli", "upsample", "-q", str(source), "-o", str(target)])
        print(f"| {duration:g} | {peak:.0f} MB | {cpu / duration / 60:.4f} |", flush=True)


if __name__ == "__main__":
    main()
