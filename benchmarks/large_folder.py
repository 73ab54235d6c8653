"""How soon a run over a very large folder starts working, and in how much memory.

    python benchmarks/large_folder.py [--files 100000] [--seconds-each 1]

Fills a temporary folder with links to one short recording, a thousand to a folder, runs `hifisr upsample` on it and
prints the wall seconds until the first file is handed to a worker, until the first progress on it and until the first
file is done, and the peak memory of the process that leads the run up to then. The run is then ended.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
_FOLDER = 1_000


def fill(folder: Path, files: int, seconds: float) -> None:
    """`files` names of one recording of noise that ends at 3 kHz."""
    rng = np.random.default_rng(1)
    noise = np.convolve(rng.standard_normal(int(seconds * RATE)), np.sinc(np.arange(-64, 65) * 6 / 16), "same")
    first = folder / "first.wav"
    soundfile.write(first, 0.02 * noise, RATE)
    source, links = first, 0
    for index in range(files):
        within = folder / "in" / f"{index // _FOLDER:04}"
        within.mkdir(parents=True, exist_ok=True)
        if links == 30_000:  # file systems limit how many names a file may have
            source, links = first.with_name(f"copy{index}.wav"), 0
            source.write_bytes(first.read_bytes())
        os.link(source, within / f"{index:06}.wav")
        links += 1


def watch(folder: Path) -> dict[str, float]:
    """Seconds until each kind of event came first, and the leading process's peak memory in MB."""
    command = [sys.executable, "-m", "hifisr_cli", "upsample", folder / "in", "-o", folder / "out", "--json"]
    start = time.perf_counter()
    found: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            event = json.loads(line)["event"]
            found.setdefault(event, time.perf_counter() - start)
            if event == "finished":
                break
        status = Path(f"/proc/{run.pid}/status").read_text("utf-8")
        run.terminate()
    (peak,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return found | {"peak MB": int(peak.split()[1]) / 1_024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seconds-each", type=float, default=1.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        fill(Path(name), given.files, given.seconds_each)
        print(f"{given.files} files: " + ", ".join(f"{key} {value:.2f}" for key, value in watch(Path(name)).items()))


if __name__ == "__main__":
    main()
