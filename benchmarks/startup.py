"""How long `hifisr --help` and `--version` take, as wall time and as a multiple of an empty Python process.

    python benchmarks/startup.py [--runs 15]

The multiple is what to compare between machines: both sides run in turn, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "hifisr --version": ["-m", "hifisr_cli", "--version"],
    "hifisr --help": ["-m", "hifisr_cli", "--help"],
    "hifisr upsample --help": ["-m", "hifisr_cli", "upsample", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """Wall time of one Python process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=15, help="processes of each kind")
    runs = parser.parse_args().runs
    for arguments in COMMANDS.values():  # the first one compiles and fills the caches
        seconds(arguments)
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, arguments in COMMANDS.items():
            taken[name].append(seconds(arguments))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    empty = medians["python -c pass"]
    print(f"Median of {runs} processes each\n")
    print("| command | seconds | times an empty Python |\n| --- | ---: | ---: |")
    for name, median in medians.items():
        print(f"| `{name}` | {median:.3f} | {median / empty:.1f} |")


if __name__ == "__main__":
    main()
