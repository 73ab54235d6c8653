"""What is known of a model, from its file's header and what lies beside it, without torch."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hifisr_cli.checkpoints.frozen import FrozenInfo, read_header, read_info, verify_parameters
from hifisr_cli.checkpoints.registry import ModelFile
from hifisr_cli.errors import ModelError


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """Mean scores over the recordings of one kind of input; None where a figure was not measured.

    Attributes:
        input: what was restored, "8 kHz", say.
        lsd, lsd_low, lsd_high: log-spectral distances over all bins, below and above the cutoff; lower is better.
    """

    input: str
    recordings: int
    lsd: float | None
    lsd_low: float | None
    lsd_high: float | None
    texture_ratio: float | None
    rhythm: float | None
    visqol: float | None
    worst_kept_band_error_db: float | None


@dataclass(frozen=True, slots=True)
class Description:
    """A model, described.

    Attributes:
        model: as it was found.
        info: what its file says of itself.
        size: of the file in bytes.
        parameters: number of weights.
        trained_on: the registry's words, else the file's.
        licence: the registry's, else the file's.
        scores: of the eval.json beside the model; none where there is none, or it is of other weights.
    """

    model: ModelFile
    info: FrozenInfo
    size: int
    parameters: int
    trained_on: str
    licence: str
    scores: tuple[ScoreRow, ...]


def describe(model: ModelFile) -> Description:
    """Raises `ModelError` when the file is missing or damaged."""
    info = read_info(model.path)
    return Description(
        model=model,
        info=info,
        size=model.path.stat().st_size,
        parameters=_parameters(model.path),
        trained_on=model.trained_on or info.training,
        licence=model.licence or info.licence,
        scores=_scores(model.path, info.parameter_hash),
    )


def verify(model: ModelFile) -> None:
    """Checks every byte: the whole file where the registry pins it, and the weights against their own hash.

    Raises:
        ModelError: damaged.
    """
    model.verify()
    verify_parameters(model.path)


def _parameters(path: Path) -> int:
    header, _ = read_header(path)
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def _scores(checkpoint: Path, parameter_hash: str) -> tuple[ScoreRow, ...]:
    name = "eval.json" if checkpoint.stem == "model" else f"{checkpoint.stem}.eval.json"
    path = checkpoint.with_name(name)
    try:
        report = json.loads(path.read_text("utf-8"))
        if report["parameter_sha256"] != parameter_hash:
            return ()
        return tuple(_row(row) for row in report["summary"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the scores beside the model cannot be read: {error}", path=path) from error


def _row(row: dict[str, Any]) -> ScoreRow:
    """A row of eval.json; before its second version the input was a bare sample rate."""
    figures = ("lsd", "lsd_low", "lsd_high", "texture_ratio", "rhythm", "visqol", "worst_kept_band_error_db")
    name = str(row["condition"]) if "condition" in row else f"{float(row['rate']):g} Hz"
    values = {figure: row.get(figure) for figure in figures}
    return ScoreRow(name, int(row["recordings"]), **{k: None if v is None else float(v) for k, v in values.items()})
