"""The lines that a recording came over: what was heard on each, and which of them a piece of sound belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import CUTOFFS_HZ, judge
from hifisr_cli.dsp.bandwidth.features import features, quantiles_db
from hifisr_cli.dsp.bandwidth.templates import low_passes

MOST_LINES = 8  # each takes 0.6 MB

# Chosen by hand against 175 changes that can be heard in 120 spliced programmes, and 480 uniform pieces of speech,
# music and effects, all of recordings for training (`benchmarks/cutoff_track.py`). In brackets: how many changes were
# missed and how many pieces split with another value; 30 and 3 with these. Asking for a step of 8 dB at the edge,
# which gradual edges do not have, had given 53 and 3.
_NARROWER = 0.6  # probability that one cutoff is the lower one [0.7, and 5.5 dB: 33 and 1]
_SURE = 0.6  # probability that the lower one is known to within the ratio [0: 15 and 5, and many more in validation]
_UNEXPLAINED_DB = 6.5  # mean difference from what a low-pass makes of the wider levels [8, and 0.7: 31 and 1]
_RATIO = 1.2  # of both cutoffs
_EDGES_HZ = (2_000.0, 16_000.0)  # decays end below, little is missed above
_LEAST_SECONDS = 1.4  # of each, without digital silence
_SHARES = (0.05, 0.2, 0.5, 0.8, 0.95)  # of the frames, the loudest first; the last is a piece's own floor
# By reasoning, not measured one by one.
_ROUNDING_DB = -98.0  # what 16 bits round to may come and go with the sound
_ASIDE = 1.5  # ratio by which the cutoff of the low-pass may differ from the narrower one
_CLEAR_DB = (4.0, 10.0)  # above the floor a level begins to count, and counts in full
_LEAST_BANDS = 2.5  # as many that fit are taken for granted, or two or three would decide
_MOST_APART_DB = 40.0  # a hole counts no more
_LOUD_HZ = (300.0, 3_000.0)  # both are compared as if equally loud here, below the edge
_WHOLE = 0.8  # of the edge: up to there nothing is attenuated much

_CUTOFFS_HZ = np.append(CUTOFFS_HZ, 24_000.0)  # the last stands for nothing missing


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

    Then its cutoff is known and likely to be the lower one, and a low-pass makes of the levels of the other what its
    own are: the loud ones, the quiet ones, and those of the pauses.
    """
    if min(one.frames, other.frames) * one.hop < _LEAST_SECONDS * one.sample_rate:
        return False
    (edge, narrower, narrow), (_, wider, wide) = sorted(
        ((*_cutoff(levels), levels) for levels in (one, other)), key=lambda cutoff: cutoff[0]
    )
    lowest, highest = _EDGES_HZ
    if not lowest <= edge <= highest:
        return False
    near = np.abs(np.log(_CUTOFFS_HZ / edge)) < np.log(_RATIO)
    if narrower[near].sum() < _SURE or _below(narrower, wider) < _NARROWER:
        return False
    return unexplained_db(narrow, wide, edge) < _UNEXPLAINED_DB


def unexplained_db(narrow: BandLevels, wide: BandLevels, edge_hz: float) -> float:
    """Returns by how much the narrow levels differ from what the best low-pass near an edge makes of the wide ones.

    In the mean of the bands, in dB; differences below the floor of the narrow ones, which the low-pass did not make,
    do not count.
    """
    sound = narrow.centres_hz > _LOUD_HZ[0]
    levels = (quantiles_db(each.histogram[sound], _SHARES) for each in (narrow, wide))
    (*narrow_db, floor_db), (*wide_db, _) = (np.maximum(each, _ROUNDING_DB) for each in levels)
    found, whole = np.array(narrow_db), np.array(wide_db)
    # what was added after the low-pass goes on above it
    added = np.minimum.accumulate(floor_db[::-1])[::-1]
    centres = narrow.centres_hz[sound]
    loud = centres < min(_WHOLE * edge_hz, _LOUD_HZ[1])
    whole = whole + np.median((found - whole)[:, loud])
    attenuation = low_passes(narrow.edges_hz, narrow.sample_rate, edge_hz / _ASIDE, edge_hz * _ASIDE)
    attenuation = attenuation[:, None, sound]
    made = 10 * np.log10(10 ** ((whole + attenuation) / 10) + 10 ** (added / 10))
    first, full = _CLEAR_DB
    counts = np.clip((np.maximum(found, whole) - added - first) / (full - first), 0.0, 1.0)
    apart_db = np.minimum(np.abs(found - made), _MOST_APART_DB)
    total = counts.sum() + _LEAST_BANDS * len(found)
    return float(((apart_db * counts).sum(axis=(1, 2)) / total).min())


def _cutoff(levels: BandLevels) -> tuple[float, FloatArray]:
    """The median of a cutoff's distribution, and that, [H + 1]; the last stands for nothing missing."""
    verdict = judge(features(levels), levels.sample_rate / 2)
    probability = np.append(verdict.cutoffs, verdict.complete)
    middle = min(int(np.searchsorted(np.cumsum(probability), 0.5)), len(_CUTOFFS_HZ) - 1)
    return float(_CUTOFFS_HZ[middle]), probability


def _below(narrower: FloatArray, wider: FloatArray) -> float:
    """The probability that the first cutoff is the lower one by the ratio, from the distributions of both."""
    places = np.searchsorted(_CUTOFFS_HZ, _CUTOFFS_HZ / _RATIO, side="right")
    return float(wider @ np.append(0.0, np.cumsum(narrower))[places])
