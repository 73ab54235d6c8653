"""Inspections as a table for people, as JSON and as CSV for programs."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hifisr_cli.cli.render import duration, in_columns, json_line, one_line

if TYPE_CHECKING:
    from hifisr_cli.batch.inspect import Inspected
    from hifisr_cli.restore.inspect import Inspection

_FOUND = {
    "edge": "edge",
    "codec-shelf": "codec shelf",
    "noise-floor": "sinks into the noise",
    "nyquist": "Nyquist",
    "full-band": "full band",
    "silence": "silence",
    "given": "given",
}

Cell = Callable[["Inspection"], str]


def inspected_json(result: Inspected) -> str:
    """One line of JSON: the fields of the `Inspection`, and `status` and `error`."""
    fields = {"input": result.input} if result.inspection is None else asdict(result.inspection)
    error = None if result.error is None else asdict(result.error)
    return json_line({"status": "failed" if error else "inspected", **fields, "error": error})


def _level(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.1f}{unit}"


def _cutoff(found: Inspection) -> str:
    if found.bandwidth.source == "silence":
        return "-"
    return f"{found.bandwidth.cutoff_hz / 1000:.1f} kHz"


def _how(found: Inspection) -> str:
    return f"{_FOUND[found.cutoff_evidence]}, {found.bandwidth.confidence:.0%}"


def _bits(found: Inspection) -> str:
    if found.info.bits is None:
        return "-"
    kind = " float" if found.info.is_float else ""
    if found.effective_bits is None or found.effective_bits == found.info.bits:
        return f"{found.info.bits}{kind}"
    return f"{found.info.bits}{kind} ({found.effective_bits} used)"


def _clipping(found: Inspection) -> str:
    if not found.clipped_runs:
        return "none"
    runs = "1 run" if found.clipped_runs == 1 else f"{found.clipped_runs} runs"
    return f"{runs}, {found.clipped_samples} samples"


def _offset(found: Inspection) -> str:
    return f"{round(found.dc_offset, 4) + 0.0:+.2%}"  # never a negative zero


def _hum(found: Inspection) -> str:
    if found.hum is None:
        return "-"
    if not found.hum.present:
        return "none"
    return f"{found.hum.frequency_hz:.0f} Hz, {_level(found.hum.level_db, ' dBFS')}"


def _restored(found: Inspection) -> str:
    return f"{'yes' if found.restorable else 'no'}: {found.reason}"


# The name of a line for a single file, and what stands there.
_LINES: tuple[tuple[str, Cell], ...] = (
    ("container", lambda found: found.info.container),
    ("codec", lambda found: found.info.codec),
    ("sample rate", lambda found: f"{found.info.sample_rate} Hz"),
    ("channels", lambda found: str(found.info.channels)),
    ("bits a sample", _bits),
    ("duration", lambda found: duration(found.seconds)),
    ("cutoff", _cutoff),
    ("found by", _how),
    ("peak", lambda found: _level(found.peak_dbfs, " dBFS")),
    ("true peak", lambda found: _level(found.true_peak_dbtp, " dBTP")),
    ("loudness", lambda found: _level(found.loudness_lufs, " LUFS")),
    ("clipping", _clipping),
    ("DC offset", _offset),
    ("hum", _hum),
    ("noise floor", lambda found: _level(found.noise_floor_dbfs, " dBFS")),
    ("would be restored", _restored),
)

# The head of a column for several files, and what stands there: short, with the units in the head.
_TABLE: tuple[tuple[str, Cell], ...] = (
    ("format", lambda found: found.info.container),
    ("codec", lambda found: found.info.codec),
    ("Hz", lambda found: str(found.info.sample_rate)),
    ("ch", lambda found: str(found.info.channels)),
    ("bits", _bits),
    ("length", lambda found: duration(found.seconds)),
    ("cutoff", _cutoff),
    ("found by", _how),
    ("dBFS", lambda found: _level(found.peak_dbfs)),
    ("dBTP", lambda found: _level(found.true_peak_dbtp)),
    ("LUFS", lambda found: _level(found.loudness_lufs)),
    ("clipped", lambda found: str(found.clipped_runs)),
    ("DC", _offset),
    ("hum", _hum),
    ("floor", lambda found: _level(found.noise_floor_dbfs)),
    ("restored?", _restored),
)


def print_table(results: Sequence[Inspected]) -> None:
    """The recordings that could be read, on standard output: one as a list, several as a table."""
    found = [result.inspection for result in results if result.inspection is not None]
    if not found:
        return
    if len(results) == 1:
        rows = [(name, one_line(cell(found[0]))) for name, cell in _LINES]
        _print(("file", one_line(found[0].input)), rows)
    else:
        head = ("file", *(title for title, _ in _TABLE))
        _print(head, [(one_line(item.input), *(one_line(cell(item)) for _, cell in _TABLE)) for item in found])


def _print(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As a table of rich's on a terminal, which knows its width; else as columns with two spaces between them."""
    if sys.stdout is not None and sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for title in head:
            table.add_column(Text(title), overflow="fold")
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    print("\n".join(in_columns([head, *rows])))  # noqa: T201


# Names of the CSV's columns, which programs rely on: new ones are added at the end.
_COLUMNS: tuple[tuple[str, Callable[[Inspection], Any]], ...] = (
    ("container", lambda found: found.info.container),
    ("codec", lambda found: found.info.codec),
    ("sample_rate", lambda found: found.info.sample_rate),
    ("channels", lambda found: found.info.channels),
    ("bits", lambda found: found.info.bits),
    ("effective_bits", lambda found: found.effective_bits),
    ("seconds", lambda found: found.seconds),
    ("cutoff_hz", lambda found: round(found.bandwidth.cutoff_hz, 1)),
    ("cutoff_confidence", lambda found: round(found.bandwidth.confidence, 3)),
    ("cutoff_evidence", lambda found: found.cutoff_evidence),
    ("peak_dbfs", lambda found: _rounded(found.peak_dbfs)),
    ("true_peak_dbtp", lambda found: _rounded(found.true_peak_dbtp)),
    ("loudness_lufs", lambda found: _rounded(found.loudness_lufs)),
    ("clipped_runs", lambda found: found.clipped_runs),
    ("clipped_samples", lambda found: found.clipped_samples),
    ("dc_offset", lambda found: f"{found.dc_offset:.7f}"),
    ("hum_hz", lambda found: None if found.hum is None else found.hum.frequency_hz),
    ("hum_dbfs", lambda found: None if found.hum is None else _rounded(found.hum.level_db)),
    ("noise_floor_dbfs", lambda found: _rounded(found.noise_floor_dbfs)),
    ("would_be_restored", lambda found: "yes" if found.restorable else "no"),
    ("reason", lambda found: found.reason),
)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def csv_header() -> str:
    """The names of the columns."""
    return ",".join(["input", "status", *(name for name, _ in _COLUMNS), "error", "message"])


def csv_line(result: Inspected) -> str:
    """A recording as one line; what is unknown is empty."""
    found, error = result.inspection, result.error
    cells = ["" if found is None else cell(found) for _, cell in _COLUMNS]
    problem = ["", ""] if error is None else [error.code, error.message]
    line = io.StringIO()
    status = "failed" if error else "inspected"
    csv.writer(line, lineterminator="").writerow([one_line(result.input), status, *cells, *problem])
    return line.getvalue()
