"""A recording in two curves: how loud every band is in its loud moments and in its quiet ones.

The network sees a third of a second to either side. In the middle of a word it cannot know the noise floor of the
recording, nor in a pause how bright the voice is: it is told.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hifisr_cli.dsp.bandwidth_bands import BandLevels
from hifisr_cli.results import SAMPLE_RATE

FloatArray = npt.NDArray[np.float64]

SHARES = (0.1, 0.5, 0.85)
"""Of the frames: the levels that this share exceeds."""
BANDS = 22
BAND_EDGES_HZ = 500.0 * 2 ** (np.arange(BANDS + 1) / 4)
"""Quarters of an octave from 500 Hz to 22.6 kHz."""

UNKNOWN = np.full((len(SHARES), BANDS), np.nan, np.float32)
"""The profile of a recording of which nothing is known beyond what the network sees."""

_FINER = 3
_PLACES_HZ = 500.0 * 2 ** ((np.arange(BANDS * _FINER) + 0.5) / (4 * _FINER))


def profile(levels: BandLevels, gain: float) -> npt.NDArray[np.float32]:
    """Power density in dB that a share of the frames exceeds: [S, P] for `SHARES` and the bands of `BAND_EDGES_HZ`.

    White noise of unit variance at 48 kHz has 0 dB, and what a file of a lower rate holds of it, too. NaN above the
    file's Nyquist frequency, and of silence.

    Args:
        gain: brings the recording to the network's level.
    """
    if levels.frames == 0:
        return UNKNOWN
    # of two files of the same sound that of the higher rate spreads the variance of white noise over more
    exceeded = levels.exceeded(SHARES) + 20.0 * np.log10(gain) + 10.0 * np.log10(SAMPLE_RATE / levels.sample_rate)
    places, centres = np.log2(_PLACES_HZ), np.log2(levels.centres_hz)
    curves = np.array([np.interp(places, centres, row) for row in exceeded])
    banded = curves.reshape(len(SHARES), BANDS, _FINER).mean(axis=2)
    return np.where(BAND_EDGES_HZ[1:] <= levels.edges_hz[-1] + 1e-6, banded, np.nan).astype(np.float32)


def profile_of(wave: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The profile of a waveform [T] at 48 kHz and the network's level: [S, P]."""
    levels = BandLevels(SAMPLE_RATE)
    levels.push(wave[None])
    return profile(levels.finished(), 1.0)
