"""How far up each channel's content reaches, from moment to moment: a dynamic programme over cutoffs.

Sound does not reach its cutoff all the time, but nothing reaches beyond it. So a cutoff costs, in every unit of time,
for what is seen above it, and a little for what is not seen below it while the low bands are loud; and a change of
cutoff has a price. The cheapest course is looked for (Viterbi).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.classifier import open_from_hz

UNIT_FRAMES = 4  # 0.1 s: shorter than a consonant and its pause
SECTION_UNITS = 40  # 4 s

_LOWEST_HZ, _STEPS_PER_OCTAVE = 1_200.0, 6
_FLOOR_DB = -105.0  # 16 bits' rounding
_VISIBLE_DB = 8.0
_REACH_MARGIN = 1.06
_SEEN_FULL_BANDS = 4.0
_SEEN_COST = 2.0
_UNSEEN_COST = 0.25
_UNSEEN_OCTAVES = 0.5
_LOW_HZ = (300.0, 3_000.0)
_ACTIVE_DB = 10.0
_MARGIN_DB = (20.0, 50.0)
_PRICE = 5.0


def cutoffs(sample_rate: int) -> FloatArray:
    """Returns the cutoffs in Hz [S] that are told apart: 1/6 octave; the last is "all that the rate holds"."""
    nyquist = sample_rate / 2
    top = open_from_hz(nyquist)
    steps = int(np.floor(np.log2(top / _LOWEST_HZ) * _STEPS_PER_OCTAVE - 0.5)) + 1 if top > _LOWEST_HZ else 0
    return np.append(_LOWEST_HZ * 2 ** (np.arange(max(steps, 0)) / _STEPS_PER_OCTAVE), nyquist)


class Reach:
    """Follows the cheapest course of each channel through the cutoffs, from section to section.

    Args:
        centres_hz: [K] of the bands.
        cutoffs_hz: [S].
    """

    def __init__(self, centres_hz: FloatArray, cutoffs_hz: FloatArray) -> None:
        self._above = centres_hz[:, None] > _REACH_MARGIN * cutoffs_hz  # [K, S]
        self._above[:, -1] = False
        self._octaves = np.log2(cutoffs_hz / centres_hz[:, None])  # [K, S] from a band up to a cutoff
        self._octaves[:, -1] = np.log2(min(cutoffs_hz[-1], 17_500.0) / centres_hz)
        self._low = (centres_hz > _LOW_HZ[0]) & (centres_hz < _LOW_HZ[1])
        self._cost: FloatArray | None = None

    def advance(self, density: FloatArray, floor_db: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Goes through a section.

        Args:
            density: [C, U, K] of each unit.
            floor_db: [C, K] what each band has at the least, about that time.

        Returns:
            [C, U, S] from which cutoff each cutoff is reached; and [C, U] where something was heard.
        """
        costs, heard = self._costs(density, floor_db)
        if self._cost is None:
            self._cost = np.zeros((costs.shape[0], costs.shape[2]))
        origin = np.empty(costs.shape, np.intp)
        same = np.arange(costs.shape[2])
        for unit in range(costs.shape[1]):
            cheapest = self._cost.argmin(axis=1)
            changed = np.take_along_axis(self._cost, cheapest[:, None], 1) + _PRICE
            origin[:, unit] = np.where(self._cost <= changed, same, cheapest[:, None])
            self._cost = np.minimum(self._cost, changed) + costs[:, unit]
        self._cost -= self._cost.min(axis=1, keepdims=True)
        return origin, heard

    def cheapest(self) -> npt.NDArray[np.intp]:
        """Returns the cutoff [C] at which the cheapest course ends so far."""
        assert self._cost is not None
        return self._cost.argmin(axis=1)

    def _costs(self, density: FloatArray, floor_db: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        level = 10 * np.log10(density + 1e-30)
        floor = np.maximum(floor_db, _FLOOR_DB)[:, None]
        visible = level > floor + _VISIBLE_DB
        pair = visible[..., :-1] & visible[..., 1:]
        seen = np.zeros_like(visible)
        seen[..., 1:] |= pair
        seen[..., :-1] |= pair
        bands_above = seen.astype(np.float64) @ self._above  # [C, U, S]
        contradicted = _SEEN_COST * np.minimum(bands_above / _SEEN_FULL_BANDS, 1.0)
        bands = level.shape[-1]
        top = bands - 1 - np.argmax(seen[..., ::-1], axis=-1)
        top = np.where(seen.any(axis=-1), top, 0)
        low = level[..., self._low].max(axis=-1)
        # the floor above what is seen, at which unseen content would be hidden
        tail = np.cumsum(floor[..., ::-1], axis=-1)[..., ::-1] / np.arange(bands, 0, -1)
        hidden = np.take_along_axis(np.broadcast_to(tail, level.shape), top[..., None], -1)[..., 0]
        margin = np.clip((low - hidden - _MARGIN_DB[0]) / (_MARGIN_DB[1] - _MARGIN_DB[0]), 0.0, 1.0)
        heard = low > floor[..., self._low].max(axis=-1) + _ACTIVE_DB
        short = np.maximum(self._octaves[top], 0.0)
        unseen = (_UNSEEN_COST * margin * heard)[..., None] * (1 - np.exp(-short / _UNSEEN_OCTAVES))
        return contradicted + unseen, heard
