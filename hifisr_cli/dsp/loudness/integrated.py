"""Integrated loudness is measured after ITU-R BS.1770-4, as a stream: pyloudnorm's figure, in constant memory."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import FloatArray, Samples
from hifisr_cli.dsp.loudness.k_weighting import KWeighting, is_defined

# The figures of ITU-R BS.1770-4.
_BLOCK_SECONDS = 0.4  # of a gating block
_STEP = 0.25  # of a block: blocks overlap by 75 %
_STEPS = 4  # in a block
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU
_OFFSET = -0.691  # dB; makes a sine of 997 Hz at full scale in one channel -3.01 LUFS
_PORTION = 1 << 15  # samples; what is worked on stays in the processor's cache

# By number of channels. Up to five are pyloudnorm's: left, right, centre and two surrounds. From six on the orders of
# WAV files (5.1, 6.1, 7.1) with the weights of the standard for their directions; the bass channel does not count.
_FIVE = (1.0, 1.0, 1.0, 1.41, 1.41)
_WEIGHTS: dict[int, tuple[float, ...]] = {  # BS.1770-4, table 4, in the order of WAV files
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),
    7: (1.0, 1.0, 1.0, 0.0, 1.0, 1.41, 1.41),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41),
}


def channel_weights(channels: int) -> FloatArray:
    """Returns the weights of the channels [C]; beyond eight all count alike."""
    if channels <= len(_FIVE):
        return np.array(_FIVE[:channels])
    return np.array(_WEIGHTS.get(channels, (1.0,) * channels))


class LoudnessMeter:
    """Measures the integrated loudness of a stream. Push blocks of any size, ask at any time.

    Memory: 8 bytes for each 0.1 s (0.3 MB an hour), whatever the rate and the channels.

    Args:
        sample_rate: Hz. At 3000 Hz and below the weighting is not defined, and there is no loudness.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._filter = KWeighting(sample_rate) if is_defined(sample_rate) else None
        self._steps = array(
            "d"
        )  # energy of each completed step; one buffer, since small arrays that stay split the heap
        self._open = 0.0  # energy so far of the step that is going on
        self._position = 0  # filtered samples that have been added up
        self._samples = 0

    def push(self, block: Samples) -> None:
        """Takes the next block [C, T]; full scale is 1."""
        self._samples += block.shape[1]
        if self._filter is None or not block.shape[1]:
            return
        for start in range(0, block.shape[1], _PORTION):
            filtered = self._filter.push(block[:, start : start + _PORTION])
            closed, self._open = self._energies(filtered)
            self._position += filtered.shape[1]
            self._steps.frombytes(closed.tobytes())

    def integrated(self, gain_db: float = 0.0) -> float | None:
        """Returns the integrated loudness in LUFS of what was pushed, amplified by `gain_db`.

        (The gates make it move by not quite as much as the gain.)

        A recording of less than 0.4 s, for which the standard has no figure, is measured over its own length.
        None where nothing is louder than -70 LUFS (silence), where the rate is too low, and after samples that are not
        finite numbers.
        """
        if self._filter is None or not self._samples:
            return None
        closed, still_open = self._energies(self._filter.rest())
        steps = np.concatenate([np.array(self._steps), closed, [still_open]])
        if not np.isfinite(steps).all():
            return None
        return _gated(self._blocks(steps) * 10.0 ** (gain_db / 10.0))

    def _energies(self, filtered: FloatArray) -> tuple[FloatArray, float]:
        """Energy of the steps that end within the next samples [C, T], and of the one that goes on after them."""
        start, end = self._position, self._position + filtered.shape[1]
        power = channel_weights(filtered.shape[0]) @ np.square(filtered)
        last = int(end / (_BLOCK_SECONDS * _STEP * self._rate)) + 2
        bounds = self._bounds(np.arange(len(self._steps) + 1, last + 1))
        inside = bounds[bounds <= end] - start
        if not len(inside):
            return np.zeros(0), self._open + float(power.sum())
        totals = np.add.reduceat(np.append(power, 0.0), np.concatenate([[0], inside]))
        if inside[0] == 0:  # the step ended with the samples before
            totals[0] = 0.0
        totals[0] += self._open
        return totals[:-1], float(totals[-1])

    def _bounds(self, numbers: NDArray[np.intp]) -> NDArray[np.intp]:
        """First sample of each step, rounded as pyloudnorm does."""
        return np.asarray(np.floor(_BLOCK_SECONDS * (numbers * _STEP) * self._rate), np.intp)

    def _blocks(self, steps: FloatArray) -> FloatArray:
        """Mean square of every gating block, weighted and summed over the channels."""
        seconds = self._samples / self._rate
        if seconds < _BLOCK_SECONDS:
            return np.array([steps.sum() / self._samples])
        step_share = 1.0 - 0.75  # written as pyloudnorm computes it: the rounding below must fall alike
        count = int(np.round((seconds - _BLOCK_SECONDS) / (_BLOCK_SECONDS * step_share)) + 1)
        padded = np.zeros(count + _STEPS)
        padded[: min(len(steps), len(padded))] = steps[: len(padded)]
        sums = sum((padded[k : k + count] for k in range(_STEPS)), np.zeros(count))
        return np.asarray(sums / (_BLOCK_SECONDS * self._rate))


def _gated(power: FloatArray) -> float | None:
    """The two gates and the mean of the standard over gating blocks."""
    with np.errstate(divide="ignore"):
        loudness = _OFFSET + 10.0 * np.log10(power)
        above = power[loudness >= _ABSOLUTE_GATE]
        if not len(above):
            return None
        gate = _OFFSET + 10.0 * np.log10(above.mean()) + _RELATIVE_GATE
    kept = power[(loudness > gate) & (loudness > _ABSOLUTE_GATE)]
    return float(_OFFSET + 10.0 * np.log10(kept.mean())) if len(kept) else None
