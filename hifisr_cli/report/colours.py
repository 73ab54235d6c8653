"""The colours of a spectrogram: dark violet for silence over red and orange to pale yellow for full scale.

Computed in Oklab (Ottosson 2020), where equal steps look equally large: the lightness rises evenly, so that the map
reads the same in grey, on paper and to the colour-blind.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

FLOOR_DB, TOP_DB = -110.0, -10.0
"""The range of every picture, in dB below a sine at full scale. Fixed, so that pictures can be compared."""

_DARK, _LIGHT = 0.13, 0.97
_FIRST_HUE, _LAST_HUE = 285.0, 465.0  # degrees: violet, then over magenta and orange to yellow
_CHROMA = 0.19


@cache
def palette() -> npt.NDArray[np.uint8]:
    """[256, 3] sRGB colours from silence to full scale."""
    t = np.linspace(0, 1, 256)
    lightness = _DARK + (_LIGHT - _DARK) * t
    hue = np.radians(_FIRST_HUE + (_LAST_HUE - _FIRST_HUE) * t)
    chroma = _CHROMA * np.sin(np.pi * (0.05 + 0.9 * t)) ** 0.8
    linear = _linear_rgb(lightness, chroma, hue)
    for _ in range(40):  # where the screen has no such colour, a greyer one of the same lightness
        outside = (linear < 0).any(axis=1) | (linear > 1).any(axis=1)
        if not outside.any():
            break
        chroma = np.where(outside, 0.95 * chroma, chroma)
        linear = _linear_rgb(lightness, chroma, hue)
    linear = np.clip(linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)


def painted(decibels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Decibels [H, W] -> indices [H, W] into `palette`; -inf is the darkest."""
    scaled = 255 * (np.maximum(decibels, FLOOR_DB) - FLOOR_DB) / (TOP_DB - FLOOR_DB)
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def _linear_rgb(
    lightness: npt.NDArray[np.float64], chroma: npt.NDArray[np.float64], hue: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Oklch -> linear sRGB [N, 3]."""
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=-1,
    )
