"""The lines that a recording came over: what was heard on each, and which of them a piece of sound belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import judge
from hifisr_cli.dsp.bandwidth.features import features, quantiles_db
from hifisr_cli.dsp.bandwidth.meter import decide

MOST_LINES = 8  # each takes 0.6 MB

# Chosen by hand against 183 changes that can be heard and 369 dark passages of 1080 uniform pieces of music and effects
# for training (`benchmarks/cutoff_track.py`). In brackets: changes found and passages taken for a line with another
# value; 133 and 7 with these.
_CONFIDENCE = 0.5  # of the narrower cutoff [0.35: 137 and 16]
_STEP_DB = 8.0  # that the wider one rises by at the edge [6: 135 and 7, 10: 131 and 6]
_SHARES = (0.03, 0.1, 0.3)  # of the frames, the loudest, any of which may show that [0.05 and 0.3: 130 and 7]
_BELOW = (0.65, 0.95)  # of the edge: levels here are compared with
_ABOVE = (1.06, 1.45)  # those here
_ROUNDING_DB = -98.0  # what 16 bits round to may come and go with the sound
_RATIO = 1.2  # of both cutoffs
_EDGES_HZ = (2_000.0, 16_000.0)  # decays end below, little is missed above [any, and a ratio of 1.12: 134 and 54]
_LEAST_SECONDS = 1.4  # of each, without digital silence [0: 133 and 20]


@dataclass
class KnownLine:
    """A way that sound came over.

    Attributes:
        levels: what was heard on it in all.
        first: what was heard of it first, None before anything was.
        reach: how far up it reaches, as a place among the cutoffs of `reach`.
    """

    levels: BandLevels
    first: BandLevels | None = None
    reach: int = -1

    def differs(self, levels: BandLevels) -> bool:
        """Says whether this was not heard on it."""
        known = self.first if self.first is not None and self.first.frames > self.levels.frames else self.levels
        return apart(known, levels)


def line_of(levels: BandLevels, reach: int, current: int, lines: list[KnownLine]) -> int:
    """Returns which line this was heard on: if in doubt the current one; a new one is added to the lines."""
    if not lines[current].differs(levels):
        lines[current].reach = max(lines[current].reach, reach)
        return current
    others = sorted(set(range(len(lines))) - {current}, key=lambda line: abs(lines[line].reach - reach))
    for line in others:
        if lines[line].reach == reach or not lines[line].differs(levels):
            return line
    if len(lines) == MOST_LINES:
        return others[0]
    lines.append(KnownLine(BandLevels(levels.sample_rate), levels, reach))
    return len(lines) - 1


def apart(one: BandLevels, other: BandLevels) -> bool:
    """Says whether one of them came over a narrower line than the other, and is not just darker sound.

    Sound gets darker by a slope, a line ends at an edge: there what the other has more rises at once.
    """
    if min(one.frames, other.frames) * one.hop < _LEAST_SECONDS * one.sample_rate:
        return False
    (edge, sure, narrow), (wider, _, wide) = sorted(
        ((*_cutoff(levels), levels) for levels in (one, other)), key=lambda cutoff: cutoff[0]
    )
    lowest, highest = _EDGES_HZ
    if sure < _CONFIDENCE or not lowest <= edge <= min(highest, wider / _RATIO):
        return False
    return step_db(narrow, wide, edge) >= _STEP_DB


def step_db(narrow: BandLevels, wide: BandLevels, edge_hz: float) -> float:
    """Returns by how much more the wide one exceeds the narrow one just above the edge than just below it, in dB."""
    loud = [np.maximum(quantiles_db(levels.histogram, _SHARES), _ROUNDING_DB) for levels in (narrow, wide)]
    more, ratio = loud[1] - loud[0], wide.centres_hz / edge_hz
    below, above = ((ratio > low) & (ratio < high) for low, high in (_BELOW, _ABOVE))
    if not below.any() or not above.any():
        return 0.0
    return float((more[:, above].mean(axis=1) - more[:, below].mean(axis=1)).max())


def _cutoff(levels: BandLevels) -> tuple[float, float]:
    nyquist = levels.sample_rate / 2
    return decide(judge(features(levels), nyquist), nyquist)
