"""Spectrogram triples of the bench: input, restored, original."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.evaluate.bench import Score, assess, read_full_band, write_float
from hifisr_cli.evaluate.conditions import Condition
from hifisr_cli.report.comparison import draw_comparison
from hifisr_cli.results import SAMPLE_RATE

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine

RANKS = ("best", "median", "worst")


def ranked(scores: Sequence[Score]) -> dict[str, Score]:
    """The best, the median and the worst by LSD of the scores of one condition."""
    order = sorted(scores, key=lambda score: score.restored.lsd)
    return dict(zip(RANKS, (order[0], order[len(order) // 2], order[-1]), strict=True))


def draw_triples(
    folder: Path,
    scores: Sequence[Score],
    conditions: Sequence[Condition],
    model: Engine,
    output: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Restores the best, median and worst recording of each condition once more and draws them.

    Args:
        folder: that the recordings of `scores` are relative to.
        output: the folder for pictures named CONDITION-RANK.png.
    """
    output.mkdir(parents=True, exist_ok=True)
    pictures = []
    for index, condition in enumerate(conditions):
        own = [score for score in scores if (score.condition, score.system) == (condition.name, model.identity.name)]
        for rank, score in ranked(own).items() if own else ():
            picture = output / f"{_slug(condition.name)}-{rank}.png"
            _draw(folder / score.recording, condition, model, picture)
            pictures.append(picture)
        if on_progress is not None:
            on_progress(index + 1, len(conditions))
    return pictures


def _draw(recording: Path, condition: Condition, model: Engine, picture: Path) -> None:
    outcome = assess(recording.name, condition.degrade(read_full_band(recording)), condition, model)
    with tempfile.TemporaryDirectory() as folder:
        waves = {"input": outcome.before, "restored": outcome.after, "original": outcome.reference}
        paths = [Path(folder) / f"{name}, {recording.stem}.wav" for name in waves]
        for path, wave in zip(paths, waves.values(), strict=True):
            write_float(path, wave[None], SAMPLE_RATE)
        draw_comparison(paths, picture, cutoff_hz=condition.cutoff_hz, overwrite=True)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
