"""Rendered pieces as recordings to train on, kept on disk so that each is rendered once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave
from hifisr_cli.dsp.level import NOMINAL_RMS, active_rms
from hifisr_cli.errors import UsageError
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.clips import FULL_SCALE, Clip
from hifisr_cli.train.rendering.applause import applause
from hifisr_cli.train.rendering.composer import compose
from hifisr_cli.train.rendering.instruments import instruments
from hifisr_cli.train.rendering.synthesizer import render

_VERSION = 2  # of what a seed makes; raised when the composer or the synthesizer's options change
_APPLAUSE = 0.05  # of the pieces; chosen by hand
_PEAK = 0.7  # of full scale, to which pieces are brought before they become integers
_BANDWIDTH_HZ = 21_600.0  # no loss is taken above: the samples of fonts were recorded at 44.1 kHz
_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"  # where Debian's fluid-soundfont-gm (MIT) puts it


@dataclass(frozen=True, slots=True)
class Rendering:
    """What is rendered, the section `[rendering]` of a training configuration.

    Attributes:
        pieces: how many there are; none renders nothing.
        seconds: of each.
        fonts: sound fonts, which take turns.
        folder: where pieces are kept: pieces x seconds x 96 kB in all, and no more.
        seed: piece n depends on (seed, n), the font and the length alone.
    """

    pieces: int = 0
    seconds: float = 20.0
    fonts: tuple[str, ...] = field(default=(_FONT,))
    folder: str = "runs/rendered"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.pieces < 0 or self.seconds <= 0.0 or not self.fonts:
            raise UsageError("rendering: pieces, seconds and fonts must be positive numbers and a list of files")

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Raises `UsageError` on unknown keys."""
        unknown = set(data) - {f.name for f in fields(cls)}
        if unknown:
            raise UsageError(f"unknown keys in the section rendering: {', '.join(sorted(unknown))}")
        return cls(**{**data, **({"fonts": tuple(data["fonts"])} if "fonts" in data else {})})


def rendered_clips(
    rendering: Rendering,
    *,
    rank: int = 0,
    processes: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Clip]:
    """All pieces as clips, mapped from disk; those that are missing there are rendered first.

    Args:
        rank, processes: of several processes, each begins at its own share, and finds what the others have rendered.
        on_progress: called with how many pieces are there, and how many there will be.

    Raises:
        UsageError: see `render`.
    """
    if not rendering.pieces:
        return []
    paths = [_path(rendering, number) for number in range(rendering.pieces)]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    begin = rendering.pieces * rank // processes
    for done, number in enumerate((*range(begin, rendering.pieces), *range(begin)), 1):
        if not paths[number].is_file():
            _write(paths[number], _rendered(rendering, number))
        if on_progress is not None:
            on_progress(done, rendering.pieces)
    return [_clip(path) for path in paths]


def _clip(path: Path) -> Clip:
    samples = np.load(path, mmap_mode="r")
    gain = NOMINAL_RMS / max(active_rms(samples.astype(np.float32) / FULL_SCALE, SAMPLE_RATE), 1e-4)
    return Clip(path.as_posix(), "rendered", samples, gain, _BANDWIDTH_HZ, _BANDWIDTH_HZ, None, "rendered")


def _font(rendering: Rendering, number: int) -> Path:
    return Path(rendering.fonts[number % len(rendering.fonts)])


def _path(rendering: Rendering, number: int) -> Path:
    """Another one for everything that makes another piece."""
    facts = f"{_VERSION} {rendering.seconds} {_font(rendering, number).name}"
    name = f"{rendering.seed}-{number}-{hashlib.sha256(facts.encode()).hexdigest()[:8]}.npy"
    return Path(rendering.folder) / name


def _rendered(rendering: Rendering, number: int) -> NDArray[np.int16]:
    font, rng = _font(rendering, number), np.random.default_rng((_VERSION, rendering.seed, number))
    if rng.random() < _APPLAUSE:
        wave = applause(rendering.seconds, rng)
    else:
        wave = render(compose(rendering.seconds, instruments(font), rng), font, rendering.seconds)
    scaled: Wave = np.rint(wave * (_PEAK * FULL_SCALE / max(float(np.abs(wave).max()), 1e-6)))
    return scaled.astype(np.int16)


def _write(path: Path, samples: NDArray[np.int16]) -> None:
    """Several processes may render the same piece at once: each writes its own file, and the last one stays."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, samples)
    part.replace(path)
