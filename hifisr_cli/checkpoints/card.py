"""The skeleton of a model card: what the checkpoint says of itself, and blanks for what only its maker knows."""

from __future__ import annotations

from pathlib import Path

from hifisr_cli.checkpoints.frozen import FrozenInfo
from hifisr_cli.errors import OutputError, reason_of

_BLANK = "(to be filled in)"


def write_card(info: FrozenInfo, checkpoint: Path, architecture: str) -> Path | None:
    """Writes the card beside a checkpoint, unless there is one already; returns its path where it was written.

    In a folder of its own ("model.safetensors") the card is MODEL_CARD.md, else it bears the checkpoint's name.

    Args:
        architecture: of the network, in a line.
    """
    path = checkpoint.with_name("MODEL_CARD.md" if checkpoint.stem == "model" else f"{checkpoint.stem}.MODEL_CARD.md")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(card_text(info, architecture))
    except FileExistsError:
        return None
    except OSError as error:
        raise OutputError(f"cannot be written: {reason_of(error)}", path=path) from error
    return path


def card_text(info: FrozenInfo, architecture: str) -> str:
    """The card in Markdown."""
    rows = [
        ("engine", info.engine),
        ("architecture", architecture),
        ("licence", info.licence),
        ("parameter hash", f"`{info.parameter_hash}`"),
        ("made by", _BLANK if info.provenance is None else f"imported by {info.provenance.importer}"),
    ]
    lines = [f"# {info.name}", "", _BLANK, "", "| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows), ""]
    lines += ["## Training", "", info.training, "", f"Data: {_BLANK}", ""]
    if info.provenance is not None:
        lines += ["## Where the weights come from", ""]
        lines += [f"Published at {info.provenance.source}.", ""] if info.provenance.source else []
        lines += ["| file | bytes | SHA-256 |", "|---|---|---|"]
        lines += [f"| {file.name} | {file.size} | `{file.sha256}` |" for file in info.provenance.files] + [""]
    lines += ["## Scores", "", f"{_BLANK}: `hifisr evaluate` writes table.md and eval.json; keep the latter here.", ""]
    limits = info.limits or (_BLANK,)
    lines += ["## Limits", "", "- Everything above the cutoff is generated. It is plausible, not true."]
    return "\n".join([*lines, *(f"- {limit[:1].upper()}{limit[1:]}." for limit in limits)]) + "\n"
