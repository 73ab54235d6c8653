"""The shape of an edge is measured here: whether content breaks off, or sinks along the slope of a filter."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.content import separate
from hifisr_cli.dsp.bandwidth.meter import fallen_db
from hifisr_cli.dsp.bandwidth.templates import weigh
from hifisr_cli.results import Slope

_FROM_DB = 1.0  # where a slope begins, by definition
_TO_DB = 20.0  # and ends
_ASIDE = 1.25  # ratio by which the cutoff of a filter may differ from the one found
_SPREAD = 0.05  # of the cutoff: standard deviation of the same, as large as the error of the cutoffs found


def taken_db(levels: BandLevels, cutoff_hz: float) -> FloatArray | None:
    """Returns what an edge at a known cutoff has taken from each band, in dB, at least 0: [K].

    That is the median attenuation of the filters that would explain the levels (`templates`), each weighed by how well
    it does. None where the recording is silent.
    """
    if levels.frames == 0:
        return None
    evidence = weigh(separate(levels), levels.sample_rate, cutoff_hz / _ASIDE, cutoff_hz * _ASIDE)
    filters = np.isfinite(evidence.cutoffs_hz)
    if not filters.any():
        return None
    away = np.log(evidence.cutoffs_hz[filters] / cutoff_hz) / _SPREAD
    weight = np.exp(evidence.log_posterior[filters] - evidence.log_posterior[filters].max() - 0.5 * away**2)
    return -_median(evidence.attenuation_db[filters].astype(np.float64), weight)


def edge_slope(levels: BandLevels, taken: FloatArray) -> Slope:
    """Returns where the content sinks by 1 and by 20 dB, at most at the Nyquist frequency; see `taken_db`."""
    octaves = np.log2(levels.centres_hz)
    found = [2.0 ** np.interp(level, taken, octaves) for level in (_FROM_DB, _TO_DB)]
    return Slope(float(found[0]), float(found[1] if taken[-1] > _TO_DB else levels.edges_hz[-1]))


def missing_share(levels: BandLevels, taken: FloatArray, cutoff_hz: float, places_hz: FloatArray) -> FloatArray:
    """Returns how much of the power is missing at each place in Hz: 0 up to where a slope begins, 1 far beyond.

    What is lower by less than 1 dB counts as whole. Codecs leave holes below their edge that no filter explains: there
    the fall of the mean spectrum counts.
    """
    octaves, centres = np.log2(np.maximum(places_hz, 1.0)), np.log2(levels.centres_hz)
    lost = np.interp(octaves, centres, taken)
    place, fallen = fallen_db(levels, cutoff_hz)
    if len(place):
        lost = np.maximum(lost, np.interp(places_hz, place, fallen, left=0.0))
    share = 1.0 - 10 ** (-np.maximum(lost - _FROM_DB, 0.0) / 10)
    return np.asarray(np.where(places_hz >= levels.sample_rate / 2, 1.0, share))


def _median(values: FloatArray, weight: FloatArray) -> FloatArray:
    """[H, K], [H] -> [K]: the weighted median of each column."""
    order = np.argsort(-values, axis=0)
    shares = np.cumsum(weight[order], axis=0)
    middle = np.argmax(shares >= 0.5 * weight.sum(), axis=0)
    return np.asarray(np.take_along_axis(values, order, 0)[middle, np.arange(values.shape[1])], np.float64)
