"""Scores as a table for people and as JSON for the model card."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from hifisr_cli.evaluate.bench import Score


def summarize(scores: list[Score]) -> list[dict[str, float]]:
    """One row an input rate: means over its recordings, and the worst kept-band error."""
    rows = []
    for rate in sorted({score.rate for score in scores}):
        of_rate = [score for score in scores if score.rate == rate]
        errors = [s.kept_band_error_db for s in of_rate if s.kept_band_error_db is not None]
        rows.append(
            {
                "rate": float(rate),
                "recordings": float(len(of_rate)),
                "lsd": float(np.mean([s.lsd for s in of_rate])),
                "lsd_low": float(np.mean([s.lsd_low for s in of_rate])),
                "lsd_high": float(np.mean([s.lsd_high for s in of_rate])),
                "worst_kept_band_error_db": max(errors, default=-math.inf),
            }
        )
    return rows


def to_markdown(rows: list[dict[str, float]]) -> str:
    """The rows of `summarize` as a Markdown table."""
    lines = [
        "| input rate | recordings | LSD | LSD-LF | LSD-HF | worst kept-band error |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['rate']:.0f} Hz | {row['recordings']:.0f} | {row['lsd']:.3f} | {row['lsd_low']:.3f} "
        f"| {row['lsd_high']:.3f} | {row['worst_kept_band_error_db']:.1f} dB |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def to_json(scores: list[Score], model: str, parameter_hash: str) -> dict[str, Any]:
    """Everything that was measured, ready for `json.dumps`; figures that are not finite become null."""
    return {
        "version": 1,
        "model": model,
        "parameter_sha256": parameter_hash,
        "summary": [_finite(row) for row in summarize(scores)],
        "scores": [_finite(asdict(score)) for score in scores],
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()}
