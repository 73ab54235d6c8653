"""The last tenth below a cutoff is looked at in the finest spectrum, for steep edges and for what can be kept."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import COMPRESSION, BandLevels
from hifisr_cli.results import KEPT_FRACTION, LEAST_CROSSOVER_HZ

# These were chosen on the 73 validation recordings with `hifisr evaluate` (commits cb42521 and 2deff5e). Together with
# the caution of `meter.py` they took the LSD of compact-6 from 0.829 to 0.820 from 16 kHz (model card).
# In brackets: hits of `benchmarks/cutoff_detection.py --files 5` as in `meter.py`, 82.9 % as it is.
_WHOLE_FRACTION = 0.98  # of the cutoff: 0.94 for all left a hole that MP3 encoders had made, 0.96 kept less
_REFERENCE_FRACTION = 0.84  # of the cutoff: levels are relative to those up to 0.9 of it [0.68: 82.8, 0.87: 82.9]
_SMOOTHING = 0.01  # of the cutoff: the width of the mean that is taken over bins [82.9 / 82.9]
_FALLEN_DB = 8.0  # a band that is this much lower somewhere is not whole
_EDGE_DB = 20.0  # a steep edge stands where the level has fallen by so much [82.2 / 83.1]
_EMPTY_DB = 25.0  # and where beyond it all is lower by so much [82.9 / 83.1]
_STEEP = 0.03  # of the edge: within this the level has to fall to that; natural slopes need more [82.8 / 83.1]


def steep_edge_hz(levels: BandLevels, cutoff_hz: float) -> float:
    """Returns the cutoff in Hz, moved to a steep edge between 0.9 of it and itself if there is one.

    Encoders and converters often empty the band just below the cutoff that their format has: by 25 dB within 3 %.
    """
    place, level = _near(levels, cutoff_hz)
    fallen = np.flatnonzero(level < -_EDGE_DB)
    if not len(fallen):
        return cutoff_hz
    edge = float(place[fallen[0]])
    beyond = level[place >= (1 + _STEEP) * edge]
    return edge if len(beyond) and beyond.max() < -_EMPTY_DB else cutoff_hz


def kept_edge_hz(levels: BandLevels, cutoff_hz: float) -> float:
    """Returns where the crossover to what is generated may begin, in Hz.

    That is 0.98 of the cutoff, but at least 60 Hz below it, where the mean spectrum is as high up to there as below 0.9
    of it, and else 0.9 of it.
    """
    lowest, highest = KEPT_FRACTION * cutoff_hz, min(_WHOLE_FRACTION * cutoff_hz, cutoff_hz - LEAST_CROSSOVER_HZ)
    place, level = _near(levels, cutoff_hz)
    inside = level[place <= highest]
    whole = len(inside) > 0 and inside.min() > -_FALLEN_DB
    return max(highest, lowest) if whole else lowest


def _near(levels: BandLevels, cutoff_hz: float) -> tuple[FloatArray, FloatArray]:
    """Returns places in Hz from 0.9 of the cutoff up to it, and the smoothed spectrum there in dB over that below.

    Both are empty where there is too little to see.
    """
    bin_hz = levels.sample_rate / levels.window
    wide = max(round(_SMOOTHING * cutoff_hz / bin_hz), 1)
    reference, first, last = (round(share * cutoff_hz / bin_hz) for share in (_REFERENCE_FRACTION, KEPT_FRACTION, 1.0))
    below = levels.spectrum[reference:first]
    near = levels.spectrum[first - wide // 2 : last + 1 + wide // 2]
    if not below.any() or len(near) < 2 * wide:
        return np.zeros(0), np.zeros(0)
    smooth = np.convolve(near, np.full(wide, 1.0 / wide), "valid")
    place = (first - wide // 2 + (wide - 1) / 2 + np.arange(len(smooth))) * bin_hz
    return place, 10 / COMPRESSION * np.log10(smooth / below.mean() + 1e-30)
