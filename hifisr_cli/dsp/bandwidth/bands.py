"""This module measures the band levels of a recording, sorted by what else sounds at the time, in constant memory.

The cutoff is read from these numbers. A cutoff is a fact of certain moments: an s reaches 10 kHz in one frame of
ten, and noise hides it in the mean. So every band's level is kept separately for the frames that are loud and the
frames that are quiet in each of a few reference bands. What rises together with speech is content, whatever rises
with nothing is hum or noise, of any colour.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.frames import SILENCE, Frames, Framing, band_edges
from hifisr_cli.dsp.bandwidth.images import SUMS, possible_cutoffs_hz
from hifisr_cli.dsp.matmul_portions import matmul_in_portions

# The classifier was trained on levels that were made with these values: whoever changes one has to train it again
# (`benchmarks/train_cutoff_judge.py`). They were chosen by hand when the detector was made (commit dce8f71).
COMPRESSION = 0.25
"""Levels are averaged as power ** 0.25: neither a click nor a codec's hole outweighs the rest."""

_REFERENCES_HZ = tuple(500.0 * 2 ** (i / 2) for i in range(11))  # half octaves from 500 Hz to 16 kHz
CLASS_DB = 2  # step of the histograms; quantiles are interpolated within a step
_CLASSES = 110  # from LOUDEST_DB down 220 dB, beyond the silence of 24 bits
LOUDEST_DB = 40  # density that nothing reaches: white noise of unit power has 0, a sine at full scale some 28


class BandLevels:
    """Accumulates compressed band levels by class of loudness in each reference band.

    Args:
        sample_rate: Hz.

    Attributes:
        edges_hz, centres_hz: [K + 1] edges of the bands, and [K] their geometric centres.
        cells: [K] independent spectral values that a band holds in one frame.
        references: [R, 2] first and last + 1 band of each reference.
        counts: [R, L] frames by loudness class (the loudest first, 2 dB each).
        sums: [R, L, K] summed `power ** 0.25` of these frames.
        histogram: [K, L] frames by each band's own level, in the same classes.
        total: [K] summed `power ** 0.25` of all frames.
        spectrum: [window // 2 + 1] the same of every bin, in any unit.
        mirrored: [M, SUMS] what stands above each of some cutoffs against what stands below, for `image_in`.
        products: [K, K] summed products of two bands' `power ** 0.25`: what rises together.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._framing = Framing(sample_rate)
        self.window, self.hop = self._framing.window, self._framing.hop
        self.edges_hz = band_edges(sample_rate)
        self.centres_hz: FloatArray = np.sqrt(self.edges_hz[:-1] * self.edges_hz[1:])
        bands = len(self.edges_hz) - 1
        self.cells = np.maximum(np.diff(self.edges_hz) * self.window / sample_rate / 1.5, 1.0)
        self.references = _references(self.edges_hz)
        self.counts = np.zeros((len(self.references), _CLASSES))
        self.sums = np.zeros((len(self.references), _CLASSES, bands))
        self.histogram = np.zeros((bands, _CLASSES))
        self.total = np.zeros(bands)
        self.spectrum = np.zeros(self.window // 2 + 1)
        self.products = np.zeros((bands, bands))
        self.mirrored: FloatArray = np.zeros((len(possible_cutoffs_hz(sample_rate)), SUMS))

    @property
    def frames(self) -> float:
        """Returns how many frames are not silence."""
        return float(self.counts[0].sum())

    def means(self, frames: FloatArray, *, quietest: bool = False) -> FloatArray:
        """Returns the mean `power ** 0.25` over the loudest (or quietest) frames in each reference: [R, S, K].

        Args:
            frames: how many, [R, S]; a class may count in part.
        """
        backwards = slice(None, None, -1 if quietest else 1)
        counts, sums = self.counts[:, None, backwards], self.sums[:, backwards]
        before = np.cumsum(counts, axis=2) - counts
        share = np.clip((frames[:, :, None] - before) / np.maximum(counts, 1.0), 0.0, 1.0) * (counts > 0)
        return np.asarray(share @ sums / frames[:, :, None])

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Takes a block [C, T] of any length T. Samples that are not finite count as zero."""
        for frames in self._framing.push(block):
            self.count(frames)

    def finished(self) -> BandLevels:
        """Returns these levels; of a recording shorter than one window, those of its only, shorter frame."""
        density = self._framing.short()
        if density is None:
            return self
        short = BandLevels(self.sample_rate)
        short.add(density)
        return short

    def count(self, frames: Frames, times: int = 1) -> None:
        """Counts these frames, the mean power of their channels; times -1 takes them back."""
        power = frames.powers.mean(axis=0, dtype=np.float64)
        # power ** COMPRESSION, by square roots, which are cheap
        self.spectrum += times * np.sqrt(np.sqrt(power)).sum(axis=0)
        self.mirrored += times * frames.mirrored.sum(axis=(0, 1))
        self.add(frames.density.mean(axis=0), times)

    def add(self, density: FloatArray, times: int = 1) -> None:
        """Counts frames of these mean power densities [N, K], silent ones left out; times -1 takes them back."""
        density = density[density.max(axis=1) > SILENCE]
        if not len(density):
            return
        compressed = density**COMPRESSION
        self.total += times * compressed.sum(axis=0)
        self.products += times * matmul_in_portions(compressed.T, compressed)
        widths = np.diff(self.edges_hz)
        cells = _loudness_class(density) + np.arange(len(widths)) * _CLASSES
        seen = np.bincount(cells.ravel(), minlength=self.histogram.size)
        self.histogram += times * seen.reshape(self.histogram.shape)
        for row, (first, last) in enumerate(self.references):
            power = density[:, first:last] @ widths[first:last] / widths[first:last].sum()
            classes = _loudness_class(power)
            order = np.argsort(classes, kind="stable")
            kinds, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
            self.counts[row, kinds] += times * counts
            self.sums[row, kinds] += times * np.add.reduceat(compressed[order], starts)


def _loudness_class(density: FloatArray) -> npt.NDArray[np.intp]:
    quiet_by = (LOUDEST_DB - 10 * np.log10(density + 1e-30)) // CLASS_DB
    return np.asarray(np.clip(quiet_by, 0, _CLASSES - 1), np.intp)


def _references(edges_hz: FloatArray) -> npt.NDArray[np.intp]:
    bounds = np.unique(np.searchsorted(edges_hz, _REFERENCES_HZ))
    bounds = bounds[bounds < len(edges_hz)]
    if len(bounds) < 2:
        bounds = np.array([0, len(edges_hz) - 1])
    return np.stack([bounds[:-1], bounds[1:]], axis=1)
