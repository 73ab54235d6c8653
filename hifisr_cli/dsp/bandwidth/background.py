"""The background of a recording: what sounds on when nothing else does, by frequency, and is no content."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import CLASS_DB, LOUDEST_DB, BandLevels
from hifisr_cli.results import SAMPLE_RATE

QUIET_SHARE = 0.2
"""A band is its background in so many of the frames: pauses take as much of nearly all speech."""
_EMPTY_DB = 60.0
"""Above the recording's own Nyquist frequency, and where a filter rings, nothing is content, however loud."""
# About a steep edge: LSD of brick walls on nine recordings, 0.837 so, 0.849 without.
_RINGING_SHARE = 0.02  # of the cutoff: it is known to about that; a tenth below it took content away for nothing
_RINGING_HZ = 100.0  # and two bins of the layer


def exceeded_db(levels: BandLevels, share: float) -> FloatArray:
    """Returns densities in dB [K] that each band stays below in this share of the frames; linear within a class."""
    histogram = levels.histogram
    below = np.cumsum(histogram[:, ::-1], axis=1)
    index = np.argmax(below >= share * below[:, -1:], axis=1)
    taken = np.take_along_axis(below, index[:, None], 1)[:, 0]
    inside = np.take_along_axis(histogram[:, ::-1], index[:, None], 1)[:, 0]
    lowest = LOUDEST_DB - CLASS_DB * histogram.shape[1]
    part = 1.0 - (taken - share * below[:, -1]) / np.maximum(inside, 1e-9)
    return np.asarray(lowest + CLASS_DB * (index + part))


def ringing_hz(cutoff_hz: float) -> tuple[float, float]:
    """Returns where the filter of a steep edge rings: what sounds there is no content."""
    reach = _RINGING_SHARE * cutoff_hz + _RINGING_HZ
    return cutoff_hz - reach, cutoff_hz + reach


def background_power(
    levels: BandLevels, places_hz: FloatArray, *, empty_hz: tuple[float, float] | None = None
) -> FloatArray:
    """Returns the power of white noise at 48 kHz as dense as what was added after the edge, at each place in Hz.

    The recording's own background went through the same filter as its content, and falls with it; what was added later
    (a line's hiss, rounding) goes on above the edge. So no place has more of it than any above: the running minimum of
    the background's level, from the top downwards.

    Args:
        levels: of the recording.
        places_hz: where it is wanted.
        empty_hz: between these frequencies nothing that sounds is content.
    """
    if levels.frames == 0:
        return np.zeros(len(places_hz))
    own_db = exceeded_db(levels, QUIET_SHARE) + 10 * np.log10(SAMPLE_RATE / levels.sample_rate)
    added_db = np.minimum.accumulate(own_db[::-1])[::-1]
    octaves, centres = np.log2(np.maximum(places_hz, 1.0)), np.log2(levels.centres_hz)
    level_db = np.interp(octaves, centres, added_db)
    empty = places_hz >= levels.sample_rate / 2
    if empty_hz is not None:
        empty |= (places_hz > empty_hz[0]) & (places_hz < empty_hz[1])
    return np.asarray(10 ** (np.where(empty, _EMPTY_DB, level_db) / 10))
