"""How late a stream comes out: python benchmarks/delay.py [--model NAME] [--seconds 40]

Feeds the example "telephone" over and over into `hifisr upsample - -o -` at the speed of real time and notes, for every
byte that comes out, how long ago its sample went in. Prints the wait for the first sample and the delay afterwards.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import soundfile

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
RATE, STEP = 8_000, 0.05
SETTINGS = [
    ("measured", "1", []),
    ("--measure 3", "1", ["--measure", "3"]),
    ("--cutoff 3400", "1", ["--cutoff", "3400"]),
    ("--cutoff 3400", "0.25", ["--cutoff", "3400"]),
    ("--cutoff 3400", "4", ["--cutoff", "3400"]),
]


def measure(chunk: str, options: list[str], seconds: float) -> tuple[float, float, float, float]:
    """First output after the start, delay of the last quarter (mean, highest), processor seconds a second of audio."""
    audio, _ = soundfile.read(EXAMPLES / "telephone.wav", dtype="int16")
    data = audio.tobytes() * (1 + round(seconds * RATE) // len(audio))
    command = [sys.executable, "-m", "hifisr_cli", "upsample", "-q", "--raw", f"{RATE},1,s16le", "--format", "raw"]
    command += ["--bit-depth", "16", "--chunk-seconds", chunk, *options, "-", "-o", "-"]
    work = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert work.stdin is not None
    assert work.stdout is not None
    feed, start = work.stdin, time.monotonic()

    def push() -> None:
        size = round(RATE * STEP) * 2
        for index in range(round(seconds / STEP)):
            wait = start + index * STEP - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            feed.write(data[index * size : (index + 1) * size])
            feed.flush()
        feed.close()

    thread = threading.Thread(target=push)
    thread.start()
    done, first, late = 0, 0.0, []
    while part := work.stdout.read1(1 << 16):
        now = time.monotonic() - start
        first = first or now
        heard, done = done / 96_000, done + len(part)
        if 0.75 * seconds < heard < seconds - 6.0 or (heard > 0.5 * seconds and now < seconds):
            late.append(now - heard)
    thread.join()
    work.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return first, sum(late) / max(1, len(late)), max(late, default=0.0), used.ru_utime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0)
    seconds = parser.parse_args().seconds
    before = 0.0
    print("| options | chunk, s | first sound after, s | delay then, s (mean, highest) | CPU s per s |")
    print("| --- | --- | --- | --- | --- |")
    for name, chunk, options in SETTINGS:
        first, mean, highest, used = measure(chunk, options, seconds)
        print(
            f"| {name} | {chunk} | {first:.1f} | {mean:.1f}, {highest:.1f} | {(used - before) / seconds:.2f} |",
            flush=True,
        )
        before = used


if __name__ == "__main__":
    main()
