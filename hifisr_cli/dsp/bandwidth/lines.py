"""The lines that a recording came over: what was heard on each, and which of them a piece of sound belongs to."""

from __future__ import annotations

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import judge
from hifisr_cli.dsp.bandwidth.features import features, quantiles_db
from hifisr_cli.dsp.bandwidth.meter import decide

MOST_LINES = 8  # each takes 0.6 MB

# Chosen by hand against `benchmarks/cutoff_track.py` on recordings for training.
_SHARES = (0.05, 0.3)  # of the frames, the loudest
_BELOW = (0.65, 0.95)  # of the edge: here levels are compared with those
_ABOVE = (1.06, 1.45)  # here
_STEP_DB = 10.0  # that the wider one rises by from one to the other
_CONFIDENCE = 0.5  # of the narrower cutoff
_RATIO = 1.12  # of both cutoffs


class KnownLine:
    """A way that sound came over.

    Args:
        first: what was heard of it first.
        reach: how far up it reaches, as a place among the cutoffs of `reach`.

    Attributes:
        levels: what was heard on it in all.
    """

    def __init__(self, first: BandLevels, reach: int) -> None:
        self.levels = BandLevels(first.sample_rate)
        self.reach = reach
        self._first = first

    def differs(self, levels: BandLevels) -> bool:
        """Says whether this was not heard on it."""
        return apart(self._first if self._first.frames > self.levels.frames else self.levels, levels)


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
    lines.append(KnownLine(levels, reach))
    return len(lines) - 1


def apart(one: BandLevels, other: BandLevels) -> bool:
    """Says whether one of them came over a narrower line than the other, and is not just darker sound.

    Sound gets darker by a slope, a line ends at an edge: there what the other has more rises at once.
    """
    if not one.frames or not other.frames:
        return False
    (edge, sure, narrow), (wider, _, wide) = sorted(
        ((*_cutoff(levels), levels) for levels in (one, other)), key=lambda cutoff: cutoff[0]
    )
    return sure >= _CONFIDENCE and wider > _RATIO * edge and step_db(narrow, wide, edge) >= _STEP_DB


def step_db(narrow: BandLevels, wide: BandLevels, edge_hz: float) -> float:
    """Returns by how much more the wide one exceeds the narrow one just above the edge than just below it, in dB."""
    more = quantiles_db(wide.histogram, _SHARES) - quantiles_db(narrow.histogram, _SHARES)
    ratio = wide.centres_hz / edge_hz
    below = (ratio > _BELOW[0]) & (ratio < _BELOW[1])
    above = (ratio > _ABOVE[0]) & (ratio < _ABOVE[1])
    if not below.any() or not above.any():
        return 0.0
    return float((more[:, above].mean(axis=1) - more[:, below].mean(axis=1)).max())


def _cutoff(levels: BandLevels) -> tuple[float, float]:
    nyquist = levels.sample_rate / 2
    return decide(judge(features(levels), nyquist), nyquist)
