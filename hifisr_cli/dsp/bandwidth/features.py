"""The classifier looks at band levels on a fixed grid of log-frequency, relative to the sound's own level.

There are three views of every band. Its own: at which levels it spends its time (a steady floor is narrow, a codec's
holes are deep, sound is wide). In company: by how much it rises while each reference band is loud, which shows content
far below the noise, because noise rises with nothing. And how strongly it goes up and down with the bands beside it,
those below and those above, which ends where content ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import CLASS_DB, COMPRESSION, LOUDEST_DB, BandLevels

# The classifier was trained on features that were made with these values, and its weights have their shapes: whoever
# changes one has to train it again (`benchmarks/train_cutoff_judge.py`). They were chosen by hand (commit fdf8ecb).
STEPS_PER_OCTAVE = 12  # as fine as the bands
POSITIONS = 79  # from 250 Hz to 24 kHz in such steps
GRID_HZ = 250.0 * 2 ** ((np.arange(POSITIONS) + 0.5) / STEPS_PER_OCTAVE)
"""The grid, 250 Hz to 24 kHz; the same for every sample rate."""

_QUANTILES = (0.01, 0.05, 0.2, 0.5, 0.9, 0.97)  # of the frames, the loudest first
_LOUD_SHARES = np.array((0.03, 0.1, 0.3))  # of the frames: an s is rare, a vowel is not
_QUIET_SHARE = 0.3  # of the frames: pauses and what lies between words
_LEAST_FRAMES = 2.0  # that count as loud in a short recording, so that no single click decides
REFERENCES = 10  # pairs of neighbours in `bands._REFERENCES_HZ`
_LEVEL_BAND_HZ = (400.0, 2500.0)  # the level here is 0 dB: every voice is loud there, and most cutoffs lie above
_LOWEST_DB = -110.0  # levels are clipped to this range: digital silence must not outweigh everything else
_HIGHEST_DB = 40.0
"""The upper end of that range: a hum may stand this far above the voice."""
_BESIDE = 1.3  # ratio of frequency up to which neighbours are near
_OCTAVE = 2.0  # and up to which they count at all
_VOICE_HZ = (400.0, 3000.0)  # one more group: what voiced sounds fill
_HISS_HZ = (3000.0, 9000.0)  # and one: what hisses fill
GROUPS = 6  # near and far, below and above; voice; hiss
LEVELS = len(_QUANTILES) + 1 + REFERENCES  # quantiles, the quiet level, and the loud level by reference
CHANNELS = LEVELS + REFERENCES * len(_LOUD_SHARES) + 2 * GROUPS + 3  # and contrasts, correlations, the last three


def features(levels: BandLevels) -> npt.NDArray[np.float32]:
    """Returns the features [CHANNELS, POSITIONS] of levels that hold at least one frame; the gain does not matter.

    First LEVELS channels of levels (dB / 20), then contrasts (asinh of dB), then correlations with groups of bands and
    how sure they are, then 1 where the file has content at all, the position, and how much was heard.
    """
    own = quantiles_db(levels.histogram, _QUANTILES)
    frames = levels.counts.sum(axis=1, keepdims=True)  # [R, 1]
    quiet_db = _decibels(levels.means(np.maximum(_QUIET_SHARE * frames, 1.0), quietest=True))[:, 0]  # [R, K]
    loud_db = _decibels(levels.means(np.minimum(np.maximum(frames * _LOUD_SHARES, _LEAST_FRAMES), frames)))
    # low rates have fewer references: the highest stands for those above
    rows = np.minimum(np.arange(REFERENCES), len(frames) - 1)
    quiet_db, loud_db = quiet_db[rows], loud_db[rows]  # [R, K], [R, shares, K]
    centres = levels.centres_hz
    middle = (centres > _LEVEL_BAND_HZ[0]) & (centres < _LEVEL_BAND_HZ[1])
    reference = float(np.mean(own[1][middle] if middle.any() else own[1]))
    level = np.concatenate([own, quiet_db.min(axis=0)[None], loud_db[:, 1]]) - reference
    contrast = (loud_db - quiet_db[:, None]).reshape(-1, len(centres))
    values = np.concatenate([np.clip(level, _LOWEST_DB, _HIGHEST_DB) / 20, np.arcsinh(contrast) / 2, _together(levels)])
    inside = levels.edges_hz[-1] >= GRID_HZ
    octaves = np.log2(GRID_HZ)
    placed = np.array([np.interp(octaves, np.log2(centres), row) for row in values]) * inside
    heard = np.full(POSITIONS, np.log10(levels.frames) - 2)
    return np.concatenate([placed, [inside, octaves - 11, heard]]).astype(np.float32)


def quantiles_db(histogram: FloatArray, shares: Iterable[float]) -> FloatArray:
    """Returns the levels in dB [shares, K] that each band exceeds in these shares of the frames.

    Args:
        histogram: [K, L] of levels, as of `BandLevels`; linear within a class.
        shares: of the frames, the loudest first.
    """
    below = np.cumsum(histogram, axis=1)
    edges = LOUDEST_DB - CLASS_DB * np.arange(histogram.shape[1] + 1)
    rows = []
    for share in shares:
        wanted = share * below[:, -1:]
        index = np.argmax(below >= wanted, axis=1)
        taken = np.take_along_axis(below, index[:, None], 1)[:, 0]
        inside = np.take_along_axis(histogram, index[:, None], 1)[:, 0]
        rows.append(edges[index] - CLASS_DB * (1 - (taken - wanted[:, 0]) / np.maximum(inside, 1e-9)))
    return np.array(rows)


def _decibels(compressed: FloatArray) -> FloatArray:
    return np.asarray(10 / COMPRESSION * np.log10(np.maximum(compressed, 1e-6)))


def _together(levels: BandLevels) -> FloatArray:
    """[2 * GROUPS, K] correlation of every band with the mean of each group, and its significance (asinh)."""
    mean = levels.total / levels.frames
    covariance = levels.products / levels.frames - np.outer(mean, mean)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-12 * mean**2 + 1e-30))
    correlation = covariance / np.outer(deviation, deviation)
    rows = []
    for group in _groups(tuple(levels.centres_hz.tolist())):
        variance = np.einsum("kj,kj->k", group @ correlation, group)
        rows.append(np.sum(group * correlation, axis=1) / np.sqrt(np.maximum(variance, 1e-6)))
    close = np.clip(np.array(rows), -0.999, 0.999)
    return np.concatenate([close, np.arcsinh(np.arctanh(close) * np.sqrt(levels.frames)) / 2])


@lru_cache(maxsize=8)
def _groups(centres_hz: tuple[float, ...]) -> FloatArray:
    """[GROUPS, K, K] 1 where the second band is in the first one's group; never itself or one that shares FFT bins."""
    centres = np.array(centres_hz)
    ratio = centres[None] / centres[:, None]
    below, above = ratio < 1, ratio > 1
    apart = np.maximum(ratio, 1 / ratio)
    beside, further = apart <= _BESIDE, (apart > _BESIDE) & (apart <= _OCTAVE)
    voice, hiss = ((centres > low) & (centres < high) for low, high in (_VOICE_HZ, _HISS_HZ))
    index = np.arange(len(centres))
    clear = np.abs(index[:, None] - index[None]) >= 2
    kinds = (below & beside, below & further, above & beside, above & further, voice[None], hiss[None])
    return np.array([clear & kind for kind in kinds], np.float64)
