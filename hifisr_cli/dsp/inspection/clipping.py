"""Clipping shows as runs of equal samples at full scale, which sound that is not clipped hardly ever has."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import Wave

SHORTEST_RUN = 3
"""Two equal samples at the top are common in loud, clean recordings."""


def full_scale(bits: int | None, codec: str = "") -> float:
    """Returns the absolute value from which on a sample is at the limit of its format: the largest positive code.

    Companded formats end below 1. Floating point has no limit of its own, so there it is that of 16 bits, which is
    also that of the 24 and 32-bit files that such material is kept in.
    """
    companded = {"ULAW": 32_124 / 32_768, "ALAW": 32_256 / 32_768}.get(codec)
    return companded if companded is not None else 1.0 - 2.0 ** (1 - min(bits or 16, 16))


class ClippingMeter:
    """Counts runs of at least three equal samples at or beyond `limit`, in each channel, across blocks.

    Args:
        limit: absolute value of full scale, from `full_scale`.

    Attributes:
        runs: how many there were, in all channels.
        samples: samples in them.
        longest: samples in the longest.
    """

    def __init__(self, limit: float) -> None:
        self.runs = 0
        self.samples = 0
        self.longest = 0
        self._limit = np.float32(limit)
        self._values: list[float] = []  # of the run that reaches up to the end of the last block, by channel
        self._lengths: list[int] = []

    def push(self, block: Wave) -> None:
        """Takes the next block [C, T]."""
        if not block.shape[1]:
            return
        if not self._lengths:
            self._values, self._lengths = [0.0] * len(block), [0] * len(block)
        for channel, samples in enumerate(block):
            if max(samples.max(), -samples.min()) >= self._limit or self._lengths[channel]:
                self._add(channel, samples)

    def _add(self, channel: int, samples: Wave) -> None:
        """Extends the open run of a channel, counts the runs that begin here, and leaves the last one open."""
        starts = np.flatnonzero(np.concatenate([[True], samples[1:] != samples[:-1]]))
        lengths = np.diff(np.append(starts, len(samples)))
        at_limit = np.abs(samples[starts]) >= self._limit
        if self._lengths[channel] and at_limit[0] and samples[0] == np.float32(self._values[channel]):
            before, lengths[0] = self._lengths[channel], lengths[0] + self._lengths[channel]
        else:
            before = 0
        for index in np.flatnonzero(at_limit & (lengths >= SHORTEST_RUN)):
            self._count(int(lengths[index]), before if index == 0 else 0)
        self._values[channel] = float(samples[-1])
        self._lengths[channel] = int(lengths[-1]) if at_limit[-1] else 0

    def _count(self, length: int, before: int) -> None:
        """A run; `before` samples of it have passed with an earlier block, which counted it if they were enough."""
        counted = before if before >= SHORTEST_RUN else 0
        self.runs += counted == 0
        self.samples += length - counted
        self.longest = max(self.longest, length)
