"""The frequency weighting of BS.1770, a shelf and a high-pass, as a stream: pyloudnorm's filters without SciPy.

The coefficients are those of pyloudnorm's `IIRfilter` (R. Bristow-Johnson's cookbook), bit for bit. pyloudnorm itself
is not used, since it imports `scipy.signal`: that takes half as long as importing PyTorch (1.1 to 1.7 s of a processor
beside 2.0 to 2.6 s on a slow machine) and 61 MB, in every process that restores or inspects as much as one short file.
A thread hides none of it, because Python runs one import at a time (7.4 s in two threads, 7.3 s one after the other).

The recursion is unrolled instead: y = T x + O s over blocks of `_LENGTH` samples with s the state before the block, and
the same trick once more over groups of blocks for the states. That makes it matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.matmul_portions import matmul_in_portions

# The two stages with which pyloudnorm's `Meter` stands for those that BS.1770-4 tabulates at 48 kHz.
_SHELF_HZ = 1500.0
"""Corner of the shelf, which stands for the head."""
_SHELF_DB = 4.0  # its gain
_SHELF_Q = 1 / np.sqrt(2)  # its steepness
_HIGH_PASS_HZ = 38.0  # corner of the high-pass
_HIGH_PASS_Q = 0.5  # its steepness
_LENGTH = 32  # samples in a block; this and the next only trade one product's size for the other's
_GROUP = 32  # blocks in a group
_UNIT = _LENGTH * _GROUP
_STATES = 4  # two of each stage


def is_defined(sample_rate: int) -> bool:
    """Whether the weighting exists at a rate: its shelf must stand below the Nyquist frequency."""
    return sample_rate > 2 * _SHELF_HZ


def coefficients(sample_rate: int) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """(b, a) [3] of the shelf and of the high-pass, a[0] = 1."""
    root = 10 ** (_SHELF_DB / 40.0)
    omega = 2.0 * np.pi * (_SHELF_HZ / sample_rate)
    alpha, cosine = np.sin(omega) / (2.0 * _SHELF_Q), np.cos(omega)
    slope = 2 * np.sqrt(root) * alpha
    b = [
        root * ((root + 1) + (root - 1) * cosine + slope),
        -2 * root * ((root - 1) + (root + 1) * cosine),
        root * ((root + 1) + (root - 1) * cosine - slope),
    ]
    a = [
        (root + 1) - (root - 1) * cosine + slope,
        2 * ((root - 1) - (root + 1) * cosine),
        (root + 1) - (root - 1) * cosine - slope,
    ]
    shelf = np.array(b) / a[0], np.array(a) / a[0]
    omega = 2.0 * np.pi * (_HIGH_PASS_HZ / sample_rate)
    alpha, cosine = np.sin(omega) / (2.0 * _HIGH_PASS_Q), np.cos(omega)
    b = [(1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2]
    a = [1 + alpha, -2 * cosine, 1 - alpha]
    return shelf, (np.array(b) / a[0], np.array(a) / a[0])


@dataclass(frozen=True)
class _Matrices:
    """Two levels of the unrolled recursion.

    Attributes:
        block: [L + 4, L]: samples and the state before them, to outputs.
        drive: [L, 4]: samples to what they add to the state after them.
        group: [G * 4, G * 4 + 4]: what the blocks of a group add, to the states before each of them and after all.
        decay: [4, G * 4 + 4]: the state before a group to the same.
    """

    block: FloatArray
    drive: FloatArray
    group: FloatArray
    decay: FloatArray


@lru_cache(maxsize=8)
def _matrices(sample_rate: int) -> _Matrices:
    # every unit input and every unit state at once: [L + 4] signals through the filter, sample by sample
    signals = np.concatenate([np.eye(_LENGTH), np.zeros((_STATES, _LENGTH))])
    state = np.concatenate([np.zeros((_LENGTH, _STATES)), np.eye(_STATES)])
    block = np.zeros((_LENGTH + _STATES, _LENGTH))
    for n in range(_LENGTH):
        x = signals[:, n]
        for stage, (b, a) in enumerate(coefficients(sample_rate)):
            low = 2 * stage  # transposed direct form II
            y = b[0] * x + state[:, low]
            state[:, low] = b[1] * x - a[1] * y + state[:, low + 1]
            state[:, low + 1] = b[2] * x - a[2] * y
            x = y
        block[:, n] = x
    drive, step = state[:_LENGTH], state[_LENGTH:]
    powers = [np.eye(_STATES)]
    for _ in range(_GROUP):
        powers.append(powers[-1] @ step)
    group = np.zeros((_GROUP, _STATES, _GROUP + 1, _STATES))
    for source in range(_GROUP):
        for place in range(source + 1, _GROUP + 1):
            group[source, :, place] = powers[place - source - 1]
    size = _GROUP * _STATES
    return _Matrices(block, drive, group.reshape(size, size + _STATES), np.concatenate(powers, axis=1))


class KWeighting:
    """Filters blocks [C, T] of any length at one sample rate; before the first sample there was silence.

    The filter works in units of 1024 samples counted from the start of the recording, so outputs come with a delay
    of up to one unit, and they do not depend on the blocks.

    Args:
        sample_rate: Hz, above 3000.
    """

    def __init__(self, sample_rate: int) -> None:
        if not is_defined(sample_rate):
            raise ValueError(f"the weighting of BS.1770 is not defined at {sample_rate} Hz")
        self._matrices = _matrices(sample_rate)
        self._pending: NDArray[np.float32] | FloatArray | None = None
        self._state: FloatArray | None = None

    def push(self, block: NDArray[np.float32] | FloatArray) -> FloatArray:
        """Takes samples [C, T], returns the outputs [C, T'] that are complete."""
        joined = block if self._pending is None else np.concatenate([self._pending, block], axis=1)
        whole = joined.shape[1] // _UNIT * _UNIT
        self._pending = joined[:, whole:].copy()
        out, self._state = self._filter(joined[:, :whole])
        return out

    def rest(self) -> FloatArray:
        """The outputs of the samples that still wait; changes nothing."""
        if self._pending is None:
            return np.zeros((0, 0))
        left = self._pending.shape[1]
        padded = np.pad(self._pending.astype(np.float64), ((0, 0), (0, -left % _UNIT)))
        return self._filter(padded)[0][:, :left]

    def _filter(self, samples: NDArray[np.float32] | FloatArray) -> tuple[FloatArray, FloatArray]:
        """[C, whole units] to the same, and the state [C, 4] after it."""
        channels, length = samples.shape
        m = self._matrices
        state = np.zeros((channels, _STATES)) if self._state is None else self._state
        rows = np.empty((channels, length // _LENGTH, _LENGTH + _STATES))
        rows[:, :, :_LENGTH] = samples.reshape(channels, -1, _LENGTH)
        added = matmul_in_portions(rows[:, :, :_LENGTH].reshape(-1, _LENGTH), m.drive).reshape(
            channels, -1, _GROUP * _STATES
        )
        for unit in range(length // _UNIT):
            states = added[:, unit] @ m.group + state @ m.decay
            first = unit * _GROUP
            rows[:, first : first + _GROUP, _LENGTH:] = states[:, :-_STATES].reshape(channels, _GROUP, _STATES)
            state = states[:, -_STATES:]
        return matmul_in_portions(rows.reshape(-1, _LENGTH + _STATES), m.block).reshape(channels, length), state
