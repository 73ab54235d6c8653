"""Every output promises that the kept band did not move; this measures by how much it did."""

from __future__ import annotations

import math

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.results import SAMPLE_RATE

_FRAME = 4096  # samples, 85 ms: bins of 12 Hz, so that little below the edge is left out
_WINDOW = np.kaiser(_FRAME, 14.0)  # side lobes of -115 dB from the guard on: figures are about -110 dB
_GUARD_BINS = 6
"""Half of the main lobe of that window: what lies above the band must not leak into the figure."""
_PORTION = 1 << 21  # samples of all channels that are worked on at once: 32 MB as numbers of 64 bits, and as spectra


class KeptBandMeter:
    """Measures the energy of (output - original) over that of the original below `edge_hz`, in dB, block by block.

    A last frame of less than 85 ms is left out: where it breaks off its spectrum would tell of the break.
    """

    def __init__(self, edge_hz: float) -> None:
        self._bins = _bins_below(edge_hz)
        self._rest = np.zeros((2, 0, 0), np.float32)
        self._error = 0.0
        self._energy = 0.0

    def lower(self, edge_hz: float) -> None:
        """From now on compares below this, where it is lower."""
        self._bins = min(self._bins, _bins_below(edge_hz))

    def push(self, output: Wave, original: Wave) -> None:
        """Takes the next stretch of both signals [C, T]."""
        portion = max(_PORTION // output.shape[0], 1)
        for start in range(0, output.shape[1], portion):
            self._take(output[:, start : start + portion], original[:, start : start + portion])

    def _take(self, output: Wave, original: Wave) -> None:
        pair = np.stack((output - original, original))
        joined = pair if not self._rest.size else np.concatenate((self._rest, pair), axis=2)
        whole = joined.shape[2] // _FRAME * _FRAME
        self._add(joined[:, :, :whole])
        self._rest = joined[:, :, whole:].copy()

    def _add(self, pair: Wave) -> None:
        if pair.shape[2]:
            frames = pair.reshape(2, -1, _FRAME) * _WINDOW
            power = np.square(np.abs(np.fft.rfft(frames, axis=2)[:, :, : self._bins])).sum(axis=(1, 2))
            self._error += float(power[0])
            self._energy += float(power[1])

    def error_db(self) -> float | None:
        """Returns the figure: -inf when nothing moved, None with nothing to compare. Call it once, at the end."""
        if self._rest.size and self._energy == 0.0:  # a recording shorter than one frame
            self._add(np.pad(self._rest, ((0, 0), (0, 0), (0, _FRAME - self._rest.shape[2]))))
        if self._energy == 0.0:
            return None
        return 10.0 * math.log10(self._error / self._energy) if self._error > 0.0 else -math.inf


def _bins_below(edge_hz: float) -> int:
    return max(int(edge_hz * _FRAME / SAMPLE_RATE) - _GUARD_BINS, 1)
