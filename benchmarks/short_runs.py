"""Short training runs of equal length, for `architectures.py` and `ablations.py`: what they share.

Every run sees the same batches in the same order. So short a run ranks how fast a network learns as much as how good it
becomes: read the tables as what they are.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.dsp.metrics.texture import texture_ratio
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.train.clips import Clip, load_clips
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.data import Batches
from hifisr_cli.train.loop import Trainer
from hifisr_cli.train.validation import RATES, excerpts, restored, validate

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
EXCERPTS = 10
HEADINGS = ("loss", *(f"LSD {rate // 1000} kHz" for rate in RATES), "texture 8 kHz")
COLUMNS = ("loss", *(f"lsd@{rate}" for rate in RATES), "texture")
_TEXTURE_RATE = 8_000


@dataclass(frozen=True, eq=False)
class Material:
    """What every run is trained on, and the full-band waveforms [T] that it is judged by."""

    clips: list[Clip]
    excerpts: list[NDArray[np.float32]]

    @classmethod
    def read(cls, data: list[Path], validation: list[Path]) -> Material:
        found = excerpts(load_clips(validation))
        floors = TrainConfig.read(EXAMPLES / "train.toml").floors
        return cls(load_clips(data, floors), found[:: max(len(found) // EXCERPTS, 1)])


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """The arguments that both scripts take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--validation", type=Path, action="append", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--only", nargs="*")
    return parser


def figures(name: str, config: TrainConfig, material: Material, output: Path, generator: Generator) -> dict[str, Any]:
    """Training loss over the last quarter of a run, LSD and texture after it; kept in `output`, and not run twice."""
    output.mkdir(parents=True, exist_ok=True)
    kept = output / f"{name.replace(' ', '-')}.json"
    if not kept.is_file():
        kept.write_text(json.dumps(_trained(config, material, output, generator)))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def _trained(config: TrainConfig, material: Material, output: Path, generator: Generator) -> dict[str, float]:
    trainer = Trainer(config, Batches(material.clips, config), output, generator=generator)
    losses = []
    for _ in range(config.steps):
        report = trainer.step()
        losses.append(report.losses["mel"] + report.losses["lsd"])
    learnt = trainer.average.eval()
    pairs = [restored(learnt, excerpt, _TEXTURE_RATE) for excerpt in material.excerpts]
    textures = [texture_ratio(*pair, _TEXTURE_RATE / 2) for pair in pairs]
    return {
        "loss": float(np.mean(losses[-len(losses) // 4 :])),
        "texture": float(np.mean([ratio for ratio in textures if ratio is not None])),
        **validate(learnt, material.excerpts),
    }


def to_markdown(rows: list[dict[str, Any]], headings: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """A table, best score first."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    for row in sorted(rows, key=lambda row: row.get("score", 0.0)):
        cells = (row.get(column, "") for column in columns)
        lines.append(
            "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"
        )
    return "\n".join(lines)
