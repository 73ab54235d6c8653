"""The skeleton of a model card: what the checkpoint says of itself, and blanks for what only its maker knows."""

from __future__ import annotations

from pathlib import Path

from hifisr_cli.checkpoints.frozen import FrozenInfo
from hifisr_cli.errors import OutputError, reason_of

_BLANK = "(to be filled in)"


def write_card(info: FrozenInfo, checkpoint: Path) -> Path | None:
    """Writes the card beside a checkpoint, unless there is one already; returns its path where it was written.

    In a folder of its own ("model.safetensors") the card is MODEL_CARD.md, else it bears the checkpoint's name.
    """
    path = checkpoint.with_name("MODEL_CARD.md" if checkpoint.stem == "model" else f"{checkpoint.stem}.MODEL_CARD.md")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(card_text(info))
    except FileExistsError:
        return None
    except OSError as error:
        raise OutputError(f"cannot be written: {reason_of(error)}", path=path) from error
    return path


def card_text(info: FrozenInfo) -> str:
    """The card in Markdown."""
    latent, head, mel = info.config.latent, info.config.head, info.config.mel
    tail = f"inverse STFT (n_fft {head.istft_n_fft})" if head.istft_n_fft else "waveform convolution"
    rows = [
        (
            "architecture",
            f"log-mel ({mel.bands} bands, 0 to {mel.f_max / 1000:g} kHz, hop {mel.hop}) -> MossFormer latent "
            f"({latent.blocks} blocks, {latent.width} wide, {latent.context} context) -> HiFi-GAN head "
            f"({head.channels} channels, {len(head.rates)} upsamplings) -> {tail}",
        ),
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
