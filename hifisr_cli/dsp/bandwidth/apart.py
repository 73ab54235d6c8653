"""Two lines are told from one line with dark and bright passages: by the shape of what one has over the other."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import judge
from hifisr_cli.dsp.bandwidth.features import features, quantiles_db
from hifisr_cli.dsp.bandwidth.meter import decide

_SHARES = (0.05, 0.3)
_BELOW, _ABOVE = (0.65, 0.95), (1.06, 1.45)  # of the edge
_STEP_DB = 10.0
_CONFIDENCE = 0.5
_RATIO = 1.12


def step_db(narrow: BandLevels, wide: BandLevels, edge_hz: float) -> float:
    """Returns by how much more the wide one exceeds the narrow one just above the edge than just below it, in dB."""
    shares = np.array(_SHARES)
    more = quantiles_db(wide.histogram, shares) - quantiles_db(narrow.histogram, shares)
    ratio = wide.centres_hz / edge_hz
    below = (ratio > _BELOW[0]) & (ratio < _BELOW[1])
    above = (ratio > _ABOVE[0]) & (ratio < _ABOVE[1])
    if not below.any() or not above.any():
        return 0.0
    return float((more[:, above].mean(axis=1) - more[:, below].mean(axis=1)).max())


def found(levels: BandLevels) -> tuple[float, float]:
    """Returns the cutoff in Hz, and how sure the classifier is of it."""
    nyquist = levels.sample_rate / 2
    return decide(judge(features(levels), nyquist), nyquist)


def apart(narrow: BandLevels, wide: BandLevels) -> bool:
    """Says whether the narrow one came over a narrower line, and is not just darker sound."""
    if not narrow.frames or not wide.frames:
        return False
    edge, confidence = found(narrow)
    if confidence < _CONFIDENCE or step_db(narrow, wide, edge) < _STEP_DB:
        return False
    return found(wide)[0] > _RATIO * edge
