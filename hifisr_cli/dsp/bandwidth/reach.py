"""How far up each channel's content reaches, from moment to moment: a dynamic programme over cutoffs.

Sound does not reach its cutoff all the time, but nothing reaches beyond it. So in every unit of time a cutoff costs for
what is seen above it, and less for what is not seen below it while the low bands are loud; and a change of cutoff has a
price. The cheapest course is looked for (Viterbi's algorithm).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.classifier import open_from_hz

# Chosen by hand against 110 programmes of speech for training (`benchmarks/cutoff_track.py`). In brackets: how many of
# 164 changes were missed where one value alone had left the first choice (a price of 5, 0.25 for what is unseen, 8 dB
# to be visible, 60 dB deep), which missed 93. With these 54 are missed, nearly all at gradual edges, and 5 are wrong.
_LOWEST_HZ = 1_200.0  # below there is no line that speech came over
_STEPS_PER_OCTAVE = 6  # 12 %, as far as two lines must be apart
_FLOOR_DB = -105.0  # nothing counts below: the rounding of 16 bits has -101
_VISIBLE_DB = 6.0  # over the floor [6: 88]
_DEEPEST_DB = 60.0  # below the low bands: what resamplers and gradual edges leave does not count [50: 98, 90: 90]
_MARGIN = 1.06  # a band that is centred above this much of a cutoff is above it
_SEEN_COST = 2.0  # of content above a cutoff, in a unit
_SEEN_BANDS = 4.0  # as many cost that, fewer cost less
_UNSEEN_COST = 0.8  # of no content up to far below a cutoff, in a unit [0.4: 71, 0.6: 61]
_UNSEEN_OCTAVES = 0.5  # as far below costs two thirds of that
_LOW_HZ = (300.0, 3_000.0)  # where every sound is loud
_HEARD_DB = 10.0  # over the floor, there
_HIDDEN_DB = (20.0, 50.0)  # so far below the low bands the floor hides all content, and none
_PRICE = 4.0  # of a change [4: 78; with all the others as they are, 2.5: 51 missed, but 9 wrong]


def cutoffs_hz(sample_rate: int) -> FloatArray:
    """Returns the cutoffs in Hz [S] that are told apart: 1/6 octave; the last stands for all that the rate holds."""
    top = open_from_hz(sample_rate / 2)
    steps = max(int(np.log2(top / _LOWEST_HZ) * _STEPS_PER_OCTAVE + 0.5), 0)
    return np.append(_LOWEST_HZ * 2 ** (np.arange(steps) / _STEPS_PER_OCTAVE), top)


@dataclass(frozen=True)
class Ways:
    """Ways through a section: origin [C, U, S], the cutoff before each one; and heard [C, U], where sound is."""

    origin: npt.NDArray[np.intp]
    heard: npt.NDArray[np.bool_]


class Reach:
    """Follows the cheapest course of each channel through the cutoffs, from section to section.

    Args:
        centres_hz: [K] of the bands.
        cutoffs_hz: [S].
    """

    def __init__(self, centres_hz: FloatArray, cutoffs_hz: FloatArray) -> None:
        self._centres_hz, self._cutoffs_hz = centres_hz, cutoffs_hz
        self._above = np.array(centres_hz[:, None] > _MARGIN * cutoffs_hz, np.float64)  # [K, S]
        self._above[:, -1] = 0.0  # nothing is above the last cutoff
        self._octaves = np.maximum(np.log2(cutoffs_hz / centres_hz[:, None]), 0.0)  # [K, S] from a band to a cutoff
        low = (centres_hz > _LOW_HZ[0]) & (centres_hz < _LOW_HZ[1])
        self._low = low if low.any() else np.ones_like(low)
        self._cost: FloatArray = np.zeros((1, len(cutoffs_hz)))  # [C, S] of the cheapest way to each cutoff

    def advance(self, density: FloatArray, floor: FloatArray) -> Ways:
        """Goes through a section.

        Args:
            density: [C, U, K] of each unit.
            floor: [C, K] density that each band has at the least, about that time.
        """
        costs, heard = self._costs(10 * np.log10(density + 1e-30), 10 * np.log10(floor + 1e-30))
        origin: npt.NDArray[np.intp] = np.empty(costs.shape, np.intp)
        for unit in range(costs.shape[1]):
            cheapest = self._cost.argmin(axis=1)[:, None]
            changed = self._cost.min(axis=1, keepdims=True) + _PRICE
            origin[:, unit] = np.where(self._cost <= changed, np.arange(costs.shape[2]), cheapest)
            self._cost = np.minimum(self._cost, changed) + costs[:, unit]
        self._cost = self._cost - self._cost.min(axis=1, keepdims=True)
        return Ways(origin, heard)

    def cheapest(self, courses: list[Ways]) -> npt.NDArray[np.intp]:
        """Returns the cheapest way [C, U] through these consecutive sections, of which the last was heard last."""
        origin = np.concatenate([course.origin for course in courses], axis=1)
        channels, units, _ = origin.shape
        way: npt.NDArray[np.intp] = np.empty((channels, units), np.intp)
        cutoff = np.argmin(self._cost, axis=1)
        for unit in range(units - 1, -1, -1):
            way[:, unit] = cutoff
            cutoff = origin[np.arange(channels), unit, cutoff]
        return way

    def between(self, density: FloatArray, before: int, after: int) -> tuple[FloatArray, bool]:
        """Returns the mean level in dB [N] of the bands between two cutoffs, from a density [N, K]; and if it rises."""
        low, high = np.searchsorted(self._centres_hz, self._cutoffs_hz[[min(before, after), max(before, after)]])
        first = min(int(low), density.shape[1] - 1)
        return 10 * np.log10(density[:, first : max(int(high), first + 1)] + 1e-30).mean(axis=1), after > before

    def _costs(self, level_db: FloatArray, floor_db: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """[C, U, S], and [C, U] where anything is heard."""
        floor_db = np.maximum(floor_db, _FLOOR_DB)[:, None]
        low_db = level_db[..., self._low].max(axis=-1, keepdims=True)
        visible = level_db > np.maximum(floor_db + _VISIBLE_DB, low_db - _DEEPEST_DB)
        # chance picks single bands, sound comes in several
        both = np.pad(visible[..., 1:] & visible[..., :-1], [(0, 0), (0, 0), (1, 1)])
        seen = both[..., 1:] | both[..., :-1]
        above = np.minimum(seen @ self._above / _SEEN_BANDS, 1.0)
        bands = seen.shape[-1]
        top = np.where(seen.any(axis=-1), bands - 1 - np.argmax(seen[..., ::-1], axis=-1), 0)
        # the mean floor from there on is what hides the rest
        hides_db = (np.cumsum(floor_db[..., ::-1], axis=-1) / np.arange(1, bands + 1))[..., ::-1]
        hides_db = np.take_along_axis(hides_db[:, 0], top, axis=1)
        least, most = _HIDDEN_DB
        clear = np.clip((low_db[..., 0] - hides_db - least) / (most - least), 0.0, 1.0)
        heard = low_db[..., 0] > floor_db[..., self._low].max(axis=-1) + _HEARD_DB
        missing = 1 - np.exp(-self._octaves[top] / _UNSEEN_OCTAVES)
        return _SEEN_COST * above + _UNSEEN_COST * (clear * heard)[..., None] * missing, heard
