"""Processor time and peak memory of `hifisr inspect` on long recordings.

    python benchmarks/inspect_speed.py [MINUTES]

Makes recordings of 60 minutes (or as given): syllables of coloured noise with hum and hiss, at several rates and
channels. Runs the whole command on each in a process of its own and prints what the operating system counted. The
budget is 1 % of real time and 200 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

CASES = (
    (8_000, 1, "PCM_16"),
    (16_000, 1, "PCM_16"),
    (44_100, 2, "PCM_16"),
    (48_000, 1, "PCM_24"),
    (48_000, 2, "PCM_24"),
)


def make(path: Path, rate: int, channels: int, subtype: str, minutes: float) -> None:
    """Written in blocks of a second, so that this script's own memory stays small."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", rate, channels, subtype) as file:
        for second in range(round(minutes * 60)):
            t = second + np.arange(rate) / rate
            loud = 10 ** rng.uniform(-1.5, 0, 8).repeat(-(-rate // 8))[:rate]
            noise = np.cumsum(rng.standard_normal((rate, channels)), axis=0)
            noise -= noise.mean(axis=0)
            sound = 0.05 * loud[:, None] * noise / noise.std() + 1e-4 * rng.standard_normal((rate, channels))
            file.write(sound + 0.001 * np.sin(2 * np.pi * 50 * t)[:, None])


def measured(arguments: list[str]) -> tuple[float, float]:
    """Processor seconds and peak resident memory in MB of a command."""
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    print("| recording | CPU s | share of real time | peak memory |\n|---|---|---|---|")
    for rate, channels, subtype in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "in.wav"
            make(path, rate, channels, subtype, minutes)
            seconds, peak = measured([sys.executable, "-m", "hifisr_cli", "inspect", "-q", str(path)])
        name = f"{minutes:g} min, {rate} Hz, {channels} ch, {subtype}"
        print(f"| {name} | {seconds:.1f} | {seconds / minutes / 60:.2%} | {peak:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
