"""Options that typer cannot check by itself: what fits together, and values with a form of their own."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from hifisr_cli.errors import UsageError

_LOWEST_HZ, _HIGHEST_HZ = 100.0, 24_000.0
_STREAM = "-"


def parse_cutoff(text: str) -> float | None:
    """The value of --cutoff in Hz, None for "auto"."""
    if text == "auto":
        return None
    try:
        hertz = float(text)
    except ValueError:
        hertz = float("nan")
    if not _LOWEST_HZ <= hertz <= _HIGHEST_HZ:
        raise UsageError(
            f"--cutoff {text!r} is neither 'auto' nor a frequency from {_LOWEST_HZ:g} to {_HIGHEST_HZ:g} Hz",
            hint="say --cutoff 3400",
        )
    return hertz


def check_device(name: str) -> None:
    """Refuses what cannot be a device on any machine; whether it is on this one is seen when the model is loaded."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name, re.ASCII):
        raise UsageError(f"--device {name!r} is none of auto, cpu, cuda, cuda:N, mps", hint="say --device auto")


def check_bit_depth(bit_depth: str, file_format: str | None, output_file: str | None) -> None:
    """Refuses floating point in FLAC."""
    flac = file_format == "flac" or (
        file_format is None and output_file is not None and Path(output_file).suffix.lower() == ".flac"
    )
    if flac and bit_depth == "32f":
        raise UsageError("FLAC holds no floating point (--bit-depth 32f)", hint="choose --bit-depth 24, or WAV")


def check_streams(inputs: Sequence[str], output: str, *, as_json: bool, dry_run: bool) -> None:
    """Refuses two things on one stream, and audio from or to a terminal."""
    if output == _STREAM and as_json:
        raise UsageError("--json and --output - would both write to standard output", hint="write to a file")
    if output == _STREAM and sys.stdout is None:
        raise UsageError("standard output is closed", hint="name a file with --output")
    if output == _STREAM and not dry_run and sys.stdout.isatty():
        raise UsageError("standard output is a terminal", hint="pipe the audio on, or name a file with --output")
    if _STREAM in inputs and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("no audio comes from standard input", hint="pipe a recording in, or name a file")
