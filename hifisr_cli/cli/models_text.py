"""Models as text for people and as fields for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from hifisr_cli.checkpoints.published import UNKNOWN_LICENCE
from hifisr_cli.checkpoints.registry import AUTO
from hifisr_cli.cli.render import in_columns, one_line
from hifisr_cli.engines.load import default_settings, engine_module
from hifisr_cli.results import SOUND_KINDS

if TYPE_CHECKING:
    from hifisr_cli.checkpoints.catalogue import Description, ScoreRow
    from hifisr_cli.checkpoints.registry import ModelFile, PublishedModel


_LISTED = ("4000 Hz", "8000 Hz", "16000 Hz", "24000 Hz")
"""Scores of a model that fit into its line of the list: those of the inputs that most publications speak of."""


def megabytes(size: int) -> str:
    """Bytes as millions, one decimal."""
    return f"{size / 1e6:.1f} MB"


def licence_text(licence: str) -> str:
    """An SPDX identifier, or that there is none."""
    return "not stated" if licence == UNKNOWN_LICENCE else licence


def model_table(here: Sequence[Description], known: Sequence[PublishedModel]) -> list[str]:
    """A line for each model, in columns; those that are only known come last."""
    rows = [("NAME", "SIZE", "LICENCE", "LSD", "PARAMETERS", "TRAINED ON")]
    for described in here:
        name = _named(described.model)
        known_lsd = {score.input: score.lsd for score in described.scores if score.input in _LISTED}
        lsd = "/".join(_figure(known_lsd.get(name), ".2f") for name in _LISTED) if known_lsd else "-"
        rows.append(
            (
                name,
                megabytes(described.size),
                licence_text(described.licence),
                lsd,
                described.info.parameter_hash[:12],
                described.trained_on,
            )
        )
    for model in known:
        size = "-" if model.size is None else f"({megabytes(model.size)})"
        rows.append((model.name, size, licence_text(model.licence), "-", "not here", model.trained_on))
    lines = in_columns(rows)
    if any(described.scores for described in here):
        lines.append(f"LSD: {' / '.join(_LISTED)} input, lower is better.")
    elected = {described.model.sound: described.model.name for described in here}
    if elected.keys() >= set(SOUND_KINDS):
        default = " (default)" if any(described.model.default for described in here if described.model.sound) else ""
        lines.append(f"{AUTO}{default}: {elected['speech']} for speech, {elected['other']} for music and other sound.")
    lines += [f"To get {model.name}: hifisr models pull {model.name}" for model in known]
    return [one_line(line) for line in lines]


def model_text(described: Description) -> list[str]:
    """Everything that is known of a model."""
    model, info = described.model, described.info
    rows = [
        ("name", _named(model)),
        ("file", str(model.path)),
        ("size", f"{megabytes(described.size)}, {described.parameters / 1e6:.1f} million parameters"),
        ("licence", licence_text(described.licence)),
        ("engine", info.engine),
        ("trained on", described.trained_on),
        ("resampler", info.resampler),
        ("parameters", f"sha256 {info.parameter_hash}"),
    ]
    rows += [("whole file", f"sha256 {model.sha256}")] if model.sha256 else []
    if described.trained_on != info.training:
        rows.insert(6, ("training", info.training))
    if info.provenance is not None:
        rows.append(("imported by", info.provenance.importer))
        rows += [("published at", info.provenance.source)] if info.provenance.source else []
        rows += [("from", f"{f.name}, {f.size} bytes, sha256 {f.sha256}") for f in info.provenance.files]
    settings = fields(engine_module(info.engine).Settings)
    rows += [("setting", f"{one.name}={one.default}: {one.metadata['help']}") for one in settings]
    lines = [f"{label + ':':<14}{value}" for label, value in rows]
    lines += [f"{'limit:':<14}{limit}" for limit in info.limits]
    lines += score_table(described.scores)
    return [one_line(line) for line in lines]


def _named(model: ModelFile) -> str:
    """Its name, and whether it is taken when none is named: by itself, or for its kind of sound."""
    return model.name + (" (default)" if model.default and model.sound is None else "")


_COLUMNS = (
    ("recordings", "recordings", "d"),
    ("lsd", "LSD", ".3f"),
    ("lsd_low", "LSD-LF", ".3f"),
    ("lsd_high", "LSD-HF", ".3f"),
    ("texture_ratio", "texture", ".2f"),
    ("rhythm", "rhythm", ".2f"),
    ("visqol", "ViSQOL", ".2f"),
    ("worst_kept_band_error_db", "worst kept band, dB", ".1f"),
)


def score_table(scores: Sequence[ScoreRow]) -> list[str]:
    """The scores as a table, without the columns in which nothing was measured, or a line that there are none."""
    if not scores:
        return ["scores:       not measured (hifisr evaluate does)"]
    shown = [column for column in _COLUMNS if any(getattr(score, column[0]) is not None for score in scores)]
    rows = [["input", *(title for _, title, _ in shown)]]
    rows += [[score.input, *(_figure(getattr(score, key), form) for key, _, form in shown)] for score in scores]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["", *("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def model_fields(described: Description) -> dict[str, Any]:
    """For JSON."""
    model, info = described.model, described.info
    return {
        "name": model.name,
        "installed": True,
        "default": model.default,
        "path": str(model.path),
        "size": described.size,
        "parameters": described.parameters,
        "licence": described.licence,
        "trained_on": described.trained_on,
        "training": info.training,
        "resampler": info.resampler,
        "sha256": model.sha256,
        "parameter_sha256": info.parameter_hash,
        "limits": list(info.limits),
        "provenance": None if info.provenance is None else asdict(info.provenance),
        "engine": info.engine,
        "network": dict(info.config),
        "settings": dict(default_settings(info.engine)),
        "scores": [asdict(score) for score in described.scores],
    }
