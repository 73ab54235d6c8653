"""A poor resampler leaves the mirror image of the band below its cutoff above it; the image gives the cutoff away.

What was interpolated from the rate 2 c repeats the band below c above it, backwards: X(c + d) is the conjugate of
X(c - d) times a gain, in a phase that turns with 2 c. So the products of two bins at the same distance from c, turned
back, all add up, over time and over distances (a filter of linear phase turns them all alike, whatever its delay).
Those of content do not: its phases on both sides of c have nothing to do with each other. This is the spectral
correlation at the cycle frequency 2 c: W. A. Gardner, "Exploitation of spectral redundancy in cyclostationary
signals", IEEE Signal Processing Magazine 8 (2), 1991.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray

_RATES = (6000, 8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000)
"""The usual sample rates, up to those whose content counts as full band."""
SUMS = 10
"""Numbers that are summed over the frames for each cutoff."""
# Chosen by hand on 1,188 pieces of 1 to 8 s of training recordings (speech and sound) without images, and on 142 of
# them interpolated poorly. How often images are found: `benchmarks/cutoff_images.py`.
_REACH = 0.2  # of the cutoff: so far the images of short windowed sincs reach
_LEAST_REACH = 0.1  # of the cutoff: the least that the recording's own rate must have room for
_DISTANCES = 24  # that are looked at: one to six bins apart
_LAG = 4  # frames, 0.1 s: sound that is no drone has another spectrum then
_LEAST_COHERENCE = 0.7  # of loud moments, half of the energy [images 0.9 and more, in noise 0.5 and more]
_LEAST_OF_TONES = 0.4  # by hand: where sound is coherent about other places, too, it is made of tones
_LEAST_EXCESS = 2.8  # over chance [of those with a coherence of 0.5: without images up to 2.2, with them 3 to 8]
_LEAST_LEVEL_DB = -50.0  # over the band below [resample_poly -25; good converters below -80, which do no harm]
_LEAST_BELOW = 1e-10  # of all energy [3e-10 to 1e-4; what MP3 leaves above a cutoff mirrors, too: 5e-12; rounding less]
_STEADIEST = 0.9  # [recordings 0.7 to 0.8, sustained music up to 0.94, sawtooth tones 0.92 to 0.98]
_TINY = 1e-30  # against division by zero


@dataclass(frozen=True, slots=True)
class Image:
    """What stands above a cutoff.

    Attributes:
        cutoff_hz: half of the rate that the recording was interpolated from.
        coherence: share of the amplitude above it that mirrors what is below, in loud moments; 0 to 1.
        level_db: of the image over the band that it mirrors.
    """

    cutoff_hz: float
    coherence: float
    level_db: float


class Mirror:
    """Compares what frames have above each possible cutoff with what they have below it.

    Args:
        sample_rate: Hz.
        window: samples of a frame.

    Attributes:
        cutoffs_hz: [M].
    """

    def __init__(self, sample_rate: int, window: int) -> None:
        self.cutoffs_hz = possible_cutoffs_hz(sample_rate)
        bin_hz = sample_rate / window
        reach = np.minimum(_REACH * self.cutoffs_hz, sample_rate / 2 - self.cutoffs_hz)
        distances = np.linspace(np.full(len(reach), 2 * bin_hz), reach, _DISTANCES, axis=1)
        self._above = np.floor((self.cutoffs_hz[:, None] + distances) / bin_hz).astype(np.intp)
        # All pairs have the sum that is nearest to twice the cutoff: so all have one phase.
        self._below = np.round(2 * self.cutoffs_hz / bin_hz).astype(np.intp)[:, None] - self._above
        self._turns = 2 * self.cutoffs_hz / sample_rate  # of that phase, in a sample
        self._earlier: npt.NDArray[np.float32] | None = None

    def compare(
        self, spectra: npt.NDArray[np.complex64], powers: npt.NDArray[np.float32], starts: npt.NDArray[np.int64]
    ) -> FloatArray:
        """Returns [C, N, M, SUMS] of the next frames, which are to be summed over channels and frames for `image_in`.

        Args:
            spectra: [C, N, K] of the frames.
            powers: [C, N, K] their squares.
            starts: [N] first sample of each.
        """
        below = spectra[:, :, self._below]
        product = spectra[:, :, self._above] * below  # [C, N, M, D]
        power = np.abs(product)
        root = np.sqrt(power)  # as weights: quiet moments count, but less
        back = np.exp(-2j * np.pi * (starts[:, None] * self._turns % 1.0))
        even = (product / (root + np.float32(_TINY))).sum(axis=3) * back
        loud = product.sum(axis=3) * back
        level = np.abs(below)
        energy = np.square(level).sum(axis=3)
        # a drone: each frame's spectrum has the shape that it had before
        level /= level.mean(axis=3, keepdims=True) + np.float32(_TINY)
        if self._earlier is None:
            self._earlier = np.repeat(level[:, :1], _LAG, axis=1)
        every = np.concatenate([self._earlier, level], axis=1)
        self._earlier, earlier = every[:, -_LAG:], every[:, :-_LAG]
        same = np.sqrt(np.minimum(level, earlier) / (np.maximum(level, earlier) + np.float32(_TINY)))
        return np.stack(
            [
                even.real,
                even.imag,
                np.square(np.abs(even)),
                root.sum(axis=3),
                (root * same).sum(axis=3),
                loud.real,
                loud.imag,
                power.sum(axis=3),
                energy,
                np.broadcast_to(powers.sum(axis=2)[:, :, None], energy.shape),
            ],
            axis=3,
            dtype=np.float64,
        )


def possible_cutoffs_hz(sample_rate: int) -> FloatArray:
    """Returns half of the usual rates that recordings of this rate may have been interpolated from: [M]."""
    halves = np.array(_RATES) / 2
    return halves[(1 + _LEAST_REACH) * halves <= sample_rate / 2]


def image_in(sums: FloatArray, sample_rate: int) -> Image | None:
    """Returns the image above the lowest cutoff that has one, or None.

    Tones whose frequencies are multiples of one another's differences are coherent about many places: such are no
    images, which stand about multiples of one cutoff only.

    Args:
        sums: [M, SUMS] what `Mirror.compare` returned, summed over channels and frames.
        sample_rate: Hz.
    """
    cutoffs = possible_cutoffs_hz(sample_rate)
    even, by_chance = np.hypot(sums[:, 0], sums[:, 1]), np.sqrt(sums[:, 2])
    root, same = sums[:, 3], sums[:, 4]
    loud, power, energy = np.hypot(sums[:, 5], sums[:, 6]), sums[:, 7] + _TINY, sums[:, 8] + _TINY
    coherence = loud / power
    level_db = 20 * np.log10(loud / energy + _TINY)  # mean gain
    audible = (level_db > _LEAST_LEVEL_DB) & (energy > _LEAST_BELOW * sums[:, 9])
    coherent = (even > _LEAST_EXCESS * by_chance) & audible
    found = coherent & (coherence > _LEAST_COHERENCE)
    if not found.any() or (cutoffs[coherent & (coherence > _LEAST_OF_TONES)] % cutoffs[found][0]).any():
        return None
    lowest = int(np.argmax(found))
    if same[lowest] > _STEADIEST * root[lowest]:
        return None
    return Image(float(cutoffs[lowest]), float(coherence[lowest]), float(level_db[lowest]))
