"""Attenuation curves of the low-passes that recordings have gone through, averaged over bands.

They are powers |H|^2 in closed form, for a thousand hypotheses at once. `degrade.band_limit`, which has to filter,
holds complex responses with their phase; the tests compare the families that both have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import FloatArray

DEEPEST_DB = -120.0  # below every floor that is met: nothing follows from what lies deeper
_POINTS = 12  # a band's mean is taken over this many frequencies


def butterworth(order: int) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 over frequency / cutoff: -3 dB at the cutoff, 6 dB an octave and order after it."""
    return lambda ratio: 1 / (1 + ratio ** (2 * order))


def bessel(order: int) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 of a Bessel filter over frequency / its -3 dB frequency, from the reverse Bessel polynomial."""
    coefficients = [1.0]  # ascending powers of s: a_k = (2n - k)! / (2^(n - k) k! (n - k)!), from a_n = 1 downwards
    for k in range(order, 0, -1):
        coefficients.append(coefficients[-1] * (2 * order - k + 1) * k / (2 * (order - k + 1)))
    polynomial = np.polynomial.Polynomial(coefficients[::-1])

    def gain(ratio: FloatArray) -> FloatArray:
        return np.asarray(coefficients[-1] ** 2 / np.abs(polynomial(1j * ratio)) ** 2)

    low, high = 0.1, 10.0 * order
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if gain(np.array(middle)) > 0.5 else (low, middle)
    half = low
    return lambda ratio: gain(ratio * half)


def brick_wall(ratio: FloatArray) -> FloatArray:
    """Returns |H|^2: all up to the cutoff, nothing above."""
    return np.asarray(ratio <= 1, dtype=np.float64)


def chebyshev(order: int, ripple_db: float) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 of a Chebyshev I filter over frequency / its ripple band's edge."""
    epsilon = 10 ** (ripple_db / 10) - 1

    def gain(ratio: FloatArray) -> FloatArray:
        inside = np.cos(order * np.arccos(np.minimum(ratio, 1)))
        outside = np.cosh(order * np.arccosh(np.maximum(ratio, 1)))
        return np.asarray(1 / (1 + epsilon * np.where(ratio <= 1, inside, outside) ** 2))

    return gain


def resampler(centre: float, width: float) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 of a linear-phase low-pass over frequency / low Nyquist: -6 dB at `centre`, softly falling."""

    def gain(ratio: FloatArray) -> FloatArray:
        x = np.clip((ratio - centre) / width, -6.0, 6.0)
        # a tail of the normal distribution, by the usual logistic with a cubic term
        return 1 / (1 + np.exp(2.257 * x + 0.2 * x**3)) ** 2

    return gain


@dataclass(frozen=True)
class Family:
    """Describes a kind of low-pass: its |H|^2 over frequency / cutoff, and how deep (dB) its attenuation follows that.

    `weight` is its share of the prior. `digital` filters come from the bilinear transform, which squeezes all
    frequencies below Nyquist.
    """

    gain: Callable[[FloatArray], FloatArray]
    depth_db: float
    weight: float = 1.0
    digital: bool = True


# The kinds that `benchmarks/cutoff_detection.py` and old recordings hold. Depths and weights were chosen by hand when
# the detector was made (commit dce8f71); the weights count only where the classifier is unsure.
FAMILIES: dict[str, Family] = {
    "brick": Family(brick_wall, 30.0, 6.0, digital=False),
    "resampler": Family(resampler(1.0, 0.1), 35.0, 2.0, digital=False),
    "resampler-early": Family(resampler(0.94, 0.03), 35.0, 4.0, digital=False),
    "chebyshev8": Family(chebyshev(8, 0.5), 70.0),
    "butterworth12": Family(butterworth(12), 70.0, 0.5),
    "butterworth10": Family(butterworth(10), 70.0, 0.5),
    "butterworth8": Family(butterworth(8), 70.0, 2.0),
    "butterworth6": Family(butterworth(6), 70.0),
    "butterworth5": Family(butterworth(5), 70.0, 0.5),
    "butterworth4": Family(butterworth(4), 70.0),
    "bessel8": Family(bessel(8), 70.0, 2.0),
    "bessel6": Family(bessel(6), 70.0, 0.5),
    "bessel4": Family(bessel(4), 70.0, 0.5),
    "bessel8-analogue": Family(bessel(8), 70.0, 0.5, digital=False),
    "butterworth8-analogue": Family(butterworth(8), 70.0, 0.5, digital=False),
}


def attenuation_db(family: Family, cutoffs_hz: FloatArray, edges_hz: FloatArray, sample_rate: float) -> FloatArray:
    """Returns the attenuation [H, K] in dB (at most 0, at least -120) of K bands by low-passes at H cutoffs."""
    steps = (np.arange(_POINTS) + 0.5) / _POINTS
    inside = edges_hz[:-1, None] + np.diff(edges_hz)[:, None] * steps  # [K, points]
    if family.digital:
        scale = np.pi / sample_rate
        warped = np.tan(scale * np.minimum(cutoffs_hz, 0.4995 * sample_rate))
        ratio = np.tan(scale * inside)[None] / warped[:, None, None]
    else:
        ratio = inside[None] / cutoffs_hz[:, None, None]
    gain = family.gain(ratio)
    return np.asarray(np.maximum(10 * np.log10(gain.mean(axis=2) + 1e-30), DEEPEST_DB))
