"""Options that typer cannot check by itself: what fits together, and values with a form of their own."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.errors import UsageError
from hifisr_cli.restore.cutoff_track import GIVEN_HZ

_LUFS, _DBTP = (-60.0, -5.0), (-30.0, 0.0)  # what --loudness and --true-peak take
_TARGET_CEILING_DBTP = -1.0
"""What goes with a target unless something else is said, as in EBU R 128."""
_STREAM = "-"


def parse_cutoff(text: str) -> float | None:
    """The value of --cutoff in Hz, None for "auto"."""
    if text == "auto":
        return None
    problem = "--cutoff {!r} is neither 'auto' nor a frequency from {:g} to {:g} Hz"
    return _within(text, GIVEN_HZ, problem, "say --cutoff 3400")


def parse_loudness(text: str) -> Literal["keep", "match"] | float:
    """The value of --loudness: keep, match, or LUFS."""
    if text in ("keep", "match"):
        return "keep" if text == "keep" else "match"
    problem = "--loudness {!r} is neither 'keep' nor 'match' nor a loudness from {:g} to {:g} LUFS"
    return _within(text, _LUFS, problem, "say --loudness -23")


def parse_true_peak(text: str | None, loudness: Literal["keep", "match"] | float) -> float | None:
    """The value of --true-peak in dBTP, None for no limit; where it is not given, by the loudness."""
    if text is None:
        return None if isinstance(loudness, str) else _TARGET_CEILING_DBTP
    if text == "off":
        return None
    problem = "--true-peak {!r} is neither 'off' nor a level from {:g} to {:g} dBTP"
    return _within(text, _DBTP, problem, "say --true-peak -1")


def parse_layer_gain(text: str) -> float:
    """The value of --layer-gain in dB; -inf is one."""
    gain_db = _number(text)
    if math.isnan(gain_db):
        raise UsageError(f"--layer-gain {text!r} is neither -inf nor a number of dB", hint="say --layer-gain -6")
    return gain_db


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _within(text: str, limits: tuple[float, float], problem: str, hint: str) -> float:
    """A number within limits; else a UsageError, `problem` filled with the text and the limits."""
    value = _number(text)
    if not limits[0] <= value <= limits[1]:
        raise UsageError(problem.format(text, *limits), hint=hint)
    return value


def parse_duration(text: str | None) -> float | None:
    """The value of --time-limit in seconds: a number of them, or minutes and hours before colons."""
    if text is None:
        return None
    found = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", text, re.ASCII)
    seconds = 0.0 if found is None else float(found[3]) + 60 * int(found[2] or 0) + 3600 * int(found[1] or 0)
    if seconds <= 0:
        raise UsageError(f"--time-limit {text!r} is no time", hint="say --time-limit 3600, or 1:00:00")
    return seconds


def parse_shard(text: str | None) -> Shard | None:
    """The value of --shard: which of how many, from 1 on."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {text!r} is no share of a whole, from 1/N to N/N", hint="say --shard 3/16")
    return Shard(index=int(found[1]), count=int(found[2]))


def parse_engine_settings(given: Sequence[str]) -> dict[str, str]:
    """The values of --engine-set by name; the engine says what it makes of them."""
    pairs = [(text, *text.partition("=")) for text in given]
    for text, name, equals, _ in pairs:
        if not name or not equals:
            raise UsageError(f"--engine-set {text!r} is not KEY=VALUE", hint="say --engine-set seed=1")
    return {name: value for _, name, _, value in pairs}


def check_in_place(
    output: str | None,
    file_format: Literal["wav", "flac", "raw", "keep"] | None,
    name_suffix: str,
    backup_dir: Path | None,
    *,
    in_place: bool,
) -> Literal["wav", "flac", "raw", "keep"] | None:
    """Refuses what does not fit --in-place; returns the format, which is the inputs' there."""
    if not in_place:
        if output is None:
            raise UsageError("nowhere to write to", hint="name a folder, a file, or '-' with --output")
        if backup_dir is not None:
            raise UsageError("--backup-dir goes with --in-place")
        return file_format
    if output is not None or name_suffix:
        raise UsageError("--in-place writes to the inputs' own names", hint="leave out --output and --suffix")
    if file_format not in (None, "keep"):
        raise UsageError("--in-place keeps the format of the inputs", hint="leave out --format")
    return "keep"


def check_device(name: str) -> None:
    """Refuses what cannot be a device on any machine; whether it is on this one is seen when the model is loaded."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name, re.ASCII):
        raise UsageError(f"--device {name!r} is none of auto, cpu, cuda, cuda:N, mps", hint="say --device auto")


def parse_measure(text: str | None) -> float | None:
    """The value of --measure in seconds, infinite for "all", None where it is not given."""
    if text is None:
        return None
    if text == "all":
        return math.inf
    seconds = _number(text)
    if not 0.5 <= seconds <= 600.0:
        raise UsageError(f"--measure {text!r} is neither 'all' nor 0.5 to 600 seconds", hint="leave it out for 10")
    return seconds


def is_live(inputs: Sequence[str], output: str | None) -> bool:
    """Whether a stream goes through: from standard input to standard output."""
    return list(inputs) == [_STREAM] and output == _STREAM


def check_bit_depth(bit_depth: str, file_format: str | None, output_file: str | None) -> None:
    """Refuses floating point in FLAC."""
    flac = file_format == "flac" or (
        file_format is None and output_file is not None and Path(output_file).suffix.lower() == ".flac"
    )
    if flac and bit_depth == "32f":
        raise UsageError("FLAC holds no floating point (--bit-depth 32f)", hint="choose --bit-depth 24, or WAV")


def check_cluster(
    cluster: str | None,
    places: Sequence[str | None],
    *,
    jobs: int | None,
    threads: int | None,
    shard: str | None,
    device: str,
    in_place: bool,
    mixed: bool,
) -> None:
    """Refuses what does not fit --cluster; `places` are the inputs and the output."""
    if cluster is None:
        if mixed:
            raise UsageError("--mixed goes with --cluster")
        return
    from hifisr_cli.batch.workers.dask_client import check_address

    refused = {
        "--jobs": jobs is not None,
        "--shard": shard is not None,
        "a stream": _STREAM in places,
        "--in-place": in_place,
        "--threads, which is 1 there,": threads not in (None, 1),
        "the number of a device, which CUDA_VISIBLE_DEVICES of each worker says,": ":" in device,
    }
    for name, is_given in refused.items():
        if is_given:
            raise UsageError(f"--cluster and {name} do not fit together", hint="leave one of them out")
    check_address(cluster)


def check_record(output: str | None, record: Path | None, *, no_record: bool, checksums: bool) -> None:
    """Refuses options about what lies beside an output that contradict each other, or have nothing to lie beside."""
    if record is not None and no_record:
        raise UsageError("--record and --no-record contradict each other", hint="choose one")
    if record is not None and str(record) in (_STREAM, "", "."):
        raise UsageError("--record takes the name of a file", hint="say --record provenance.json")
    if checksums and output == _STREAM:
        raise UsageError("--checksums is for files", hint="--record FILE notes the SHA-256 of standard output")


def check_streams(inputs: Sequence[str], output: str | None, *, as_json: bool, dry_run: bool) -> None:
    """Refuses two things on one stream, and audio from or to a terminal."""
    if output == _STREAM and as_json:
        raise UsageError("--json and --output - would both write to standard output", hint="write to a file")
    if output == _STREAM and sys.stdout is None:
        raise UsageError("standard output is closed", hint="name a file with --output")
    if output == _STREAM and not dry_run and sys.stdout.isatty():
        raise UsageError("standard output is a terminal", hint="pipe the audio on, or name a file with --output")
    if _STREAM in inputs and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("no audio comes from standard input", hint="pipe a recording in, or name a file")
