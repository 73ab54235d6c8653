"""The DC offset is the mean of the samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class OffsetMeter:
    """Measures the mean of every channel of a stream."""

    def __init__(self) -> None:
        self._sums: NDArray[np.float64] | float = 0.0
        self._samples = 0

    def push(self, block: NDArray[np.float32]) -> None:
        """Takes the next block [C, T]."""
        self._sums = self._sums + block.sum(axis=1, dtype=np.float64)
        self._samples += block.shape[1]

    def result(self) -> float:
        """Returns the mean that is farthest from zero among the channels, full scale 1; 0 for nothing."""
        means = np.atleast_1d(self._sums) / max(self._samples, 1)
        return float(means[np.argmax(np.abs(means))])
