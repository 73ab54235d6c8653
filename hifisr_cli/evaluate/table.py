"""Scores as tables for people and as JSON for the model card."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from hifisr_cli.batch.history.record import plain
from hifisr_cli.dsp.metrics.level_error import BANDS_HZ
from hifisr_cli.evaluate.bench import Pair, Score
from hifisr_cli.evaluate.kinds import KINDS, OTHER
from hifisr_cli.evaluate.measures import Measures

Row = dict[str, Any]

_LEVEL_KEYS = tuple(f"level_error_{low / 1000:.0f}_khz_db" for low, _ in BANDS_HZ)


def summarize(scores: Sequence[Score], model: str) -> list[Row]:
    """One row a condition, in the order of appearance: means over all recordings, of a model."""
    return _rows([score for score in scores if score.system == model], lambda score: {"condition": score.condition})


def by_kind(scores: Sequence[Score]) -> list[Row]:
    """One row for each kind of sound, condition and system, in this order."""
    every = sorted(scores, key=lambda score: [*KINDS.values(), OTHER].index(score.kind))
    return _rows(every, lambda score: {"kind": score.kind, "condition": score.condition, "system": score.system})


def by_source(scores: Sequence[Score]) -> list[Row]:
    """One row for each condition, top folder of the data and system."""
    return _rows(
        scores,
        lambda score: {
            "condition": f"{score.condition}, {score.recording.split('/')[0]}",
            "system": score.system,
        },
    )


def _rows(scores: Sequence[Score], key: Callable[[Score], dict[str, str]]) -> list[Row]:
    """A row for all scores of the same key, which is a part of the row."""
    groups: dict[tuple[str, ...], list[Score]] = {}
    for score in scores:
        groups.setdefault(tuple(key(score).values()), []).append(score)
    return [{**key(some[0]), **_row(some)} for some in groups.values()]


def _row(scores: Sequence[Score]) -> Row:
    errors = [s.kept_band_error_db for s in scores if s.kept_band_error_db is not None]
    seconds = sum(s.seconds for s in scores)
    pairs = [(s.restored.visqol, s.visqol_before) for s in scores]
    worse = [after < before for after, before in pairs if after is not None and before is not None]
    return {
        "recordings": len(scores),
        **_means([s.restored for s in scores]),
        "visqol_before": _mean(s.visqol_before for s in scores),
        "rated_below_input": sum(worse) if worse else None,
        "worst_kept_band_error_db": max(errors, default=None),
        "cpu_seconds_per_second": sum(s.cpu_seconds for s in scores) / seconds if seconds else None,
    }


def _means(measures: Sequence[Measures]) -> Row:
    names = ("lsd", "lsd_low", "lsd_high", "texture_ratio", "rhythm", "snr_db", "visqol")
    levels = {key: _mean(one.level_errors_db[band] for one in measures) for band, key in enumerate(_LEVEL_KEYS)}
    return {**{name: _mean(getattr(one, name) for one in measures) for name in names}, **levels}


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of what could be measured."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None


_COLUMNS: dict[str, tuple[str, str]] = {
    "kind": ("kind", "{}"),
    "condition": ("input", "{}"),
    "system": ("restored by", "{}"),
    "recordings": ("recordings", "{}"),
    "patch_snr_db": ("SNR of patches, dB", "{:.2f}"),
    "patch_lsd": ("LSD of patches", "{:.2f}"),
    "lsd": ("LSD", "{:.3f}"),
    "lsd_low": ("LSD-LF", "{:.3f}"),
    "lsd_high": ("LSD-HF", "{:.3f}"),
    "texture_ratio": ("texture", "{:.2f}"),
    "rhythm": ("rhythm", "{:.2f}"),
    "snr_db": ("SNR, dB", "{:.1f}"),
    **{
        key: (f"level error {low / 1000:.1f} to {high / 1000:.1f} kHz, dB", "{:.1f}")
        for key, (low, high) in zip(_LEVEL_KEYS, BANDS_HZ, strict=True)
    },
    "visqol": ("ViSQOL", "{:.2f}"),
    "visqol_before": ("ViSQOL of the input", "{:.2f}"),
    "rated_below_input": ("rated below the input", "{}"),
    "worst_kept_band_error_db": ("worst kept band, dB", "{:.1f}"),
    "cpu_seconds_per_second": ("CPU s per s", "{:.3f}"),
}


def to_markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table, without the columns in which nothing was measured."""
    shown = [key for key in _COLUMNS if any(row.get(key) is not None for row in rows)]
    lines = ["| " + " | ".join(_COLUMNS[key][0] for key in shown) + " |", "|---" * len(shown) + "|"]
    for row in rows:
        cells = ["-" if row.get(key) is None else _COLUMNS[key][1].format(row[key]) for key in shown]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def finished_rows(pairs: Sequence[Pair]) -> list[Row]:
    """The single row of finished files."""
    return [{"condition": "finished files", "recordings": len(pairs), **_means([pair.measures for pair in pairs])}]


def to_json(
    scores: Sequence[Score], model: str, parameter_hash: str, *, peak_memory_mb: float | None = None
) -> dict[str, Any]:
    """Everything that was measured, ready for `json.dumps`; figures that are not finite become null."""
    report = {
        "version": 4,
        "model": model,
        "parameter_sha256": parameter_hash,
        "peak_memory_mb": peak_memory_mb,
        "summary": summarize(scores, model),
        "by_kind": by_kind(scores),
        "by_source": by_source(scores),
        "scores": [asdict(score) for score in scores],
    }
    finite: dict[str, Any] = plain(report)
    return finite


def finished_json(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The same for finished files."""
    finite: dict[str, Any] = plain(
        {"version": 4, "summary": finished_rows(pairs), "scores": [asdict(pair) for pair in pairs]}
    )
    return finite
