"""Memory and time of importing AudioSR's published file, at full size and with random weights.

    python benchmarks/audiosr_import.py [FOLDER] [--keep]

Writes a file of the published form into the folder (6.2 GB; every key but those of the text model, whose values lie in
one tensor), imports it in a process of its own as float32 and as float16, and prints for each the peak of its resident
memory (what it touched of the mapped file included), processor seconds and the size of what it made. All files are
deleted, or with --keep all but what was imported.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.engines.audiosr.published_form import FULL, random_state, save


def usage_of(arguments: list[str]) -> tuple[float, float, float]:
    """Peak memory in GB, processor seconds and seconds of a command."""
    begin = time.monotonic()
    process = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ)
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{arguments} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss * 1024 / 1e9, usage.ru_utime + usage.ru_stime, time.monotonic() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "audiosr")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    published = options.folder / "pytorch_model.bin"
    if os.fork() == 0:  # so that the weights are no longer in this process's memory
        save(published, random_state(FULL))
        os._exit(0)
    os.wait()
    print(f"{published.stat().st_size:,} bytes to import")
    for name, more in (("full", []), ("half", ["--half"])):
        made = options.folder / f"{name}.safetensors"
        command = ["-m", "hifisr_cli", "models", "import", str(published), "-o", str(made), "--overwrite", *more]
        peak, processor, wall = usage_of(command)
        print(f"{name}: {peak:.2f} GB, {processor:.1f} CPU s, {wall:.1f} s, {made.stat().st_size:,} bytes")
        if not options.keep:
            made.unlink()
            made.with_name(f"{name}.MODEL_CARD.md").unlink()
    published.unlink()


if __name__ == "__main__":
    main()
