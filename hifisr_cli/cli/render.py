"""Results as text for people and as JSON for programs; the only place that knows either form."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hifisr_cli.results import cutoffs_in_words

if TYPE_CHECKING:
    from hifisr_cli.results import Bandwidth, ErrorInfo, FileResult, RunSummary, Status, Stretch

JSON_VERSION = 1
"""Raised when a field is renamed, removed or changes its meaning; new fields do not raise it."""

_MOST_STRETCHES = 12
"""So many are listed of a recording."""


def one_line(text: str) -> str:
    """`text` on one line that any terminal can print: control characters and undecodable bytes as escapes."""
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if character == " " or (character.isspace() and code == 0xA0):
        return character
    return character.encode("unicode_escape").decode("ascii")


def json_line(fields: Mapping[str, Any]) -> str:
    """One versioned JSON object on one line of pure ASCII.

    NaN and infinities become null; bytes of file names that are not UTF-8 become the text `\\xNN`.
    """
    return json.dumps({"version": JSON_VERSION, **_plain(fields)}, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and not value.isascii():
        return "".join(_visible(c) if 0xD800 <= ord(c) <= 0xDFFF else c for c in value)
    return value


def result_json(result: FileResult) -> str:
    """A `FileResult` as one line of JSON."""
    return json_line(asdict(result))


def summary_fields(summary: RunSummary) -> dict[str, Any]:
    """A finished run as the fields of a JSON event."""
    statuses: tuple[Status, ...] = ("restored", "copied", "skipped", "failed", "planned")
    return {
        "event": "summary",
        "files": len(summary.results),
        **{status: summary.count(status) for status in statuses},
        "audio_seconds": summary.audio_seconds,
        "wall_seconds": summary.wall_seconds,
        "times_real_time": summary.times_real_time,
        **({} if summary.expected_seconds is None else {"expected_seconds": summary.expected_seconds}),
    }


def result_text(result: FileResult) -> str:
    """A `FileResult` as one line."""
    if result.status == "failed":
        return failure_text(result.input, result.error)
    parts = []
    if result.bandwidth is not None:
        parts.append(f"cutoff {cutoff(result.bandwidth, result.stretches)}")
    if result.kept_band_error_db is not None:
        parts.append(f"kept-band error {decibels(result.kept_band_error_db)}")
    if result.loudness_gain_db:
        parts.append(f"gain {result.loudness_gain_db:+.2f} dB")
        parts += [] if result.output_loudness_lufs is None else [f"{result.output_loudness_lufs:.1f} LUFS"]
    parts += [] if result.model_reason is None else [f"{result.model}, since {result.model_reason}"]
    parts += [] if result.layer is None else [f"layer {result.layer}"]
    if result.clipped_samples:
        parts.append(f"{result.clipped_samples} samples clipped")
    if result.seconds and result.wall_seconds:
        parts.append(f"{result.seconds / result.wall_seconds:.1f}x real time")
    parts.extend(result.warnings)
    arrow = "" if result.output is None else f" -> {result.output}"
    about = f" ({'; '.join(parts)})" if parts else ""
    return one_line(f"{result.status:<9} {result.input}{arrow}{about}")


def summary_text(summary: RunSummary, *, name_failures: bool = True) -> list[str]:
    """A finished run as lines: counts, speed, and the failures with their reasons."""
    counts = [f"{summary.count(status)} {status}" for status in ("restored", "copied") if summary.count(status)]
    counts += [f"{summary.count('planned')} planned"] if summary.count("planned") else []
    counts += [f"{summary.count('skipped')} skipped (outputs exist)"] if summary.count("skipped") else []
    counts += [f"{summary.count('failed')} failed"] if summary.count("failed") else []
    line = ", ".join(counts) or "nothing done"
    if summary.audio_seconds > 0:
        line += (
            f"; {duration(summary.audio_seconds)} of audio in {duration(summary.wall_seconds)}"
            f" ({summary.times_real_time:.1f}x real time)"
        )
    if summary.expected_seconds is not None:
        line += f"; restoring would take about {duration(summary.expected_seconds)} here"
    lines = [line]
    if name_failures:
        failures = (result for result in summary.results if result.status == "failed")
        lines += [one_line(f"  {result.input}: {_reason(result.error)}") for result in failures]
    return lines


def plan_table(results: Sequence[FileResult]) -> list[str]:
    """A dry run as a table with one line a file, and its stretches below it where there are several.

    Names stand last, where their width does not matter.
    """
    rows = [("status", "rate", "channels", "duration", "cutoff", "input -> output")]
    for result in results:
        info = result.info
        names = result.input if result.output is None else f"{result.input} -> {result.output}"
        if result.error is not None:
            names = f"{result.input}: {_reason(result.error)}"
        elif result.warnings:
            names += f" ({'; '.join(result.warnings)})"
        rows.append(
            (
                result.status,
                "" if info is None else f"{info.sample_rate} Hz",
                "" if info is None else str(info.channels),
                "" if result.seconds is None else duration(result.seconds),
                "" if result.bandwidth is None else cutoff(result.bandwidth, result.stretches),
                one_line(names),
            )
        )
    head, *lines = in_columns(rows)
    table = [head]
    for line, result in zip(lines, results, strict=True):
        table += [line, *(f"  {stretch}" for stretch in stretch_lines(result.stretches))]
    return table


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, with two spaces between the columns; nothing is filled up behind the last one."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)), row[-1]])
        for row in rows
    ]


def cutoff(bandwidth: Bandwidth, stretches: Sequence[Stretch] = ()) -> str:
    """A cutoff with how it was found, such as "3.9 kHz (edge)"; of several stretches, their cutoffs in a few words."""
    told = cutoffs_in_words(stretches) if len(stretches) > 1 else None
    if told is not None:
        return told
    if bandwidth.source == "silence":
        return "none (silence)"
    return f"{bandwidth.cutoff_hz / 1000:.1f} kHz ({bandwidth.source})"


def stretch_lines(stretches: Sequence[Stretch]) -> list[str]:
    """Several stretches as lines, such as "0:00.0 to 0:12.4  3.4 kHz"; none where there is only one."""
    if len(stretches) < 2:
        return []
    rows = [
        [
            *([] if each.channel is None else [f"channel {each.channel}"]),
            f"{_clock(each.start_seconds)} to {_clock(each.end_seconds)}",
            each.bandwidth.source.replace("-", " ")
            if each.bandwidth.full_band
            else f"{each.bandwidth.cutoff_hz / 1000:.1f} kHz",
        ]
        for each in stretches[:_MOST_STRETCHES]
    ]
    more = len(stretches) - len(rows)
    return in_columns(rows) + ([f"and {more} more (--json has all)"] if more else [])


def _clock(seconds: float) -> str:
    """Seconds as "0:12.4" or "1:02:03.4"."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{tenths / 10:04.1f}" if hours else f"{minutes}:{tenths / 10:04.1f}"


def decibels(value: float) -> str:
    """An error in dB; an infinitely small one is called what it is."""
    return "none" if value == -math.inf else f"{value:.0f} dB"


def duration(seconds: float) -> str:
    """Seconds as "4.2 s", "3:05" or "2:03:05"."""
    if seconds < 59.95:  # from there on it would read "60.0 s"
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def failure_text(name: str, error: ErrorInfo | None) -> str:
    """A recording that failed, as one line."""
    return one_line(f"failed    {name}: {_reason(error)}")


def _reason(error: ErrorInfo | None) -> str:
    if error is None:
        return "unknown reason"
    return error.message + ("" if error.hint is None else f" ({error.hint})")
