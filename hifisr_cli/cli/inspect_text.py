"""Inspections as a table for people, as JSON and as CSV for programs."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hifisr_cli.cli.render import duration, in_columns, json_line, one_line, stretch_lines
from hifisr_cli.results import cutoffs_in_words

if TYPE_CHECKING:
    from hifisr_cli.batch.inspect import Inspected
    from hifisr_cli.restore.inspect import Inspection

_FOUND = {
    "edge": "edge",
    "codec-shelf": "codec shelf",
    "noise-floor": "sinks into the noise",
    "images": "mirror image above",
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


def _cutoff(inspection: Inspection) -> str:
    if inspection.bandwidth.source == "silence":
        return "-"
    if len(inspection.stretches) > 1 and (told := cutoffs_in_words(inspection.stretches)) is not None:
        return told
    return f"{inspection.bandwidth.cutoff_hz / 1000:.1f} kHz"


def _how(inspection: Inspection) -> str:
    return f"{_FOUND[inspection.cutoff_evidence]}, {inspection.bandwidth.confidence:.0%}"


def _edge(inspection: Inspection) -> str:
    slope = inspection.bandwidth.slope
    if slope is None:
        return "-"
    if slope.steep:
        return "steep"
    low, high = slope.from_hz / 1000, slope.to_hz / 1000
    return f"falls by 20 dB from {low:.1f} to {high:.1f} kHz ({slope.octave_db:.0f} dB an octave)"


def _bits(inspection: Inspection) -> str:
    if inspection.info.bits is None:
        return "-"
    kind = " float" if inspection.info.is_float else ""
    if inspection.effective_bits is None or inspection.effective_bits == inspection.info.bits:
        return f"{inspection.info.bits}{kind}"
    return f"{inspection.info.bits}{kind} ({inspection.effective_bits} used)"


def _clipping(inspection: Inspection) -> str:
    if not inspection.clipped_runs:
        return "none"
    runs = "1 run" if inspection.clipped_runs == 1 else f"{inspection.clipped_runs} runs"
    return f"{runs}, {inspection.clipped_samples} samples"


def _offset(inspection: Inspection) -> str:
    return f"{round(inspection.dc_offset, 4) + 0.0:+.2%}"  # never a negative zero


def _hum(inspection: Inspection) -> str:
    if inspection.hum is None:
        return "-"
    if not inspection.hum.present:
        return "none"
    return f"{inspection.hum.frequency_hz:.0f} Hz, {_level(inspection.hum.level_db, ' dBFS')}"


def _restored(inspection: Inspection) -> str:
    return f"{'yes' if inspection.restorable else 'no'}: {inspection.reason}"


# The name of a line for a single file, and what stands there.
_LINES: tuple[tuple[str, Cell], ...] = (
    ("container", lambda inspection: inspection.info.container),
    ("codec", lambda inspection: inspection.info.codec),
    ("sample rate", lambda inspection: f"{inspection.info.sample_rate} Hz"),
    ("channels", lambda inspection: str(inspection.info.channels)),
    ("bits a sample", _bits),
    ("duration", lambda inspection: duration(inspection.seconds)),
    ("cutoff", _cutoff),
    ("found by", _how),
    ("edge", _edge),
    ("peak", lambda inspection: _level(inspection.peak_dbfs, " dBFS")),
    ("true peak", lambda inspection: _level(inspection.true_peak_dbtp, " dBTP")),
    ("loudness", lambda inspection: _level(inspection.loudness_lufs, " LUFS")),
    ("clipping", _clipping),
    ("DC offset", _offset),
    ("hum", _hum),
    ("noise floor", lambda inspection: _level(inspection.noise_floor_dbfs, " dBFS")),
    ("sounds like", lambda inspection: "-" if inspection.sound is None else inspection.sound.in_words),
    ("would be restored", _restored),
)

# The head of a column for several files, and what stands there: short, with the units in the head.
_TABLE: tuple[tuple[str, Cell], ...] = (
    ("format", lambda inspection: inspection.info.container),
    ("codec", lambda inspection: inspection.info.codec),
    ("Hz", lambda inspection: str(inspection.info.sample_rate)),
    ("ch", lambda inspection: str(inspection.info.channels)),
    ("bits", _bits),
    ("length", lambda inspection: duration(inspection.seconds)),
    ("cutoff", _cutoff),
    ("found by", _how),
    ("dBFS", lambda inspection: _level(inspection.peak_dbfs)),
    ("dBTP", lambda inspection: _level(inspection.true_peak_dbtp)),
    ("LUFS", lambda inspection: _level(inspection.loudness_lufs)),
    ("clipped", lambda inspection: str(inspection.clipped_runs)),
    ("DC", _offset),
    ("hum", _hum),
    ("floor", lambda inspection: _level(inspection.noise_floor_dbfs)),
    ("restored?", lambda inspection: "; ".join((_restored(inspection), *inspection.notes))),
)


def print_table(results: Sequence[Inspected]) -> None:
    """The recordings that could be read, on standard output: one as a list, several as a table."""
    inspections = [result.inspection for result in results if result.inspection is not None]
    if not inspections:
        return
    if len(results) == 1:
        (only,) = inspections
        rows = [(name, one_line(cell(only))) for name, cell in _LINES]
        rows += [("note", one_line(note)) for note in only.notes]
        rows += [
            ("stretches" if number == 0 else "", line) for number, line in enumerate(stretch_lines(only.stretches))
        ]
        _print(("file", one_line(only.input)), rows)
    else:
        head = ("file", *(title for title, _ in _TABLE))
        _print(head, [(one_line(item.input), *(one_line(cell(item)) for _, cell in _TABLE)) for item in inspections])


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
    ("container", lambda inspection: inspection.info.container),
    ("codec", lambda inspection: inspection.info.codec),
    ("sample_rate", lambda inspection: inspection.info.sample_rate),
    ("channels", lambda inspection: inspection.info.channels),
    ("bits", lambda inspection: inspection.info.bits),
    ("effective_bits", lambda inspection: inspection.effective_bits),
    ("seconds", lambda inspection: inspection.seconds),
    ("cutoff_hz", lambda inspection: round(inspection.bandwidth.cutoff_hz, 1)),
    ("cutoff_confidence", lambda inspection: round(inspection.bandwidth.confidence, 3)),
    ("cutoff_evidence", lambda inspection: inspection.cutoff_evidence),
    ("peak_dbfs", lambda inspection: _rounded(inspection.peak_dbfs)),
    ("true_peak_dbtp", lambda inspection: _rounded(inspection.true_peak_dbtp)),
    ("loudness_lufs", lambda inspection: _rounded(inspection.loudness_lufs)),
    ("clipped_runs", lambda inspection: inspection.clipped_runs),
    ("clipped_samples", lambda inspection: inspection.clipped_samples),
    ("dc_offset", lambda inspection: f"{inspection.dc_offset:.7f}"),
    ("hum_hz", lambda inspection: None if inspection.hum is None else inspection.hum.frequency_hz),
    ("hum_dbfs", lambda inspection: None if inspection.hum is None else _rounded(inspection.hum.level_db)),
    ("noise_floor_dbfs", lambda inspection: _rounded(inspection.noise_floor_dbfs)),
    ("would_be_restored", lambda inspection: "yes" if inspection.restorable else "no"),
    ("reason", lambda inspection: inspection.reason),
    ("notes", lambda inspection: "; ".join(inspection.notes)),
    ("stretches", lambda inspection: len(inspection.stretches)),
    ("sound", lambda inspection: None if inspection.sound is None else inspection.sound.kind),
    ("speech_probability", lambda inspection: inspection.sound and round(inspection.sound.speech, 3)),
)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def csv_header() -> str:
    """The names of the columns."""
    return ",".join(["input", "status", *(name for name, _ in _COLUMNS), "error", "message"])


def csv_line(result: Inspected) -> str:
    """A recording as one line; what is unknown is empty."""
    inspection, error = result.inspection, result.error
    cells = ["" if inspection is None else cell(inspection) for _, cell in _COLUMNS]
    problem = ["", ""] if error is None else [error.code, error.message]
    line = io.StringIO()
    status = "failed" if error else "inspected"
    csv.writer(line, lineterminator="").writerow([one_line(result.input), status, *cells, *problem])
    return line.getvalue()
