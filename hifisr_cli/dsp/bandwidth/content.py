"""Content is told from background here: it is the part of the band levels that rises together with other bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import COMPRESSION, BandLevels

# Chosen by hand against `benchmarks/cutoff_detection.py` (commit dce8f71). They feed the templates and the reason.
# In brackets: hits in % with the value halved / doubled, of the 990 cases of that benchmark with `--files 5`,
# of which 82.9 % were hits as it was, before the classifier had learnt music.
_LOUD_SHARES = (0.08, 0.03)  # of the frames that count as loud: vowels, and the rarer hisses [82.9 / 83.1]
_LEAST_LOUD_FRAMES = 3.0  # in a short recording [82.9 / 82.8]
_QUIET_SHARE = 0.3  # of the frames that count as quiet [83.3 / 82.4]
_DEVIATIONS = 6.5  # standard deviations by which a band must rise: an hour of noise must not count [83.0 / 82.5]
_ALONE = 3.0  # a band that rises without its neighbours must exceed its limit by this factor [82.9 / 82.9]
_LIVELY_DB = 4.0  # that a reference must rise beyond what noise does, sorted by its own level [82.9 / 82.8]


@dataclass(frozen=True)
class Content:
    """Holds the density of the content, of the steady rest, and the least content that would show; dB, each [K].

    `lively` is false where nothing rises and falls (steady noise, a tone): then all counts as content.
    """

    edges_hz: FloatArray
    centres_hz: FloatArray
    level_db: FloatArray
    steady_db: FloatArray
    limit_db: FloatArray
    lively: bool


def separate(levels: BandLevels) -> Content:
    """Separates content and steady background of a recording that is not silent."""
    views = [_rising(levels, share) for share in _LOUD_SHARES]
    level, limit = views[0]
    lively = bool(np.isfinite(limit).any())
    for other, other_limit in views[1:]:
        both = (level > limit) & (other > other_limit)
        if both.any():
            # fewer frames see deeper; brought to the same scale they fill in what the many do not show
            scale = float(np.exp(np.median(np.log(level[both] / other[both]))))
            fill = (level <= limit) & (other > other_limit)
            level = np.where(fill, other * scale, level)
            limit = np.where(level > limit, limit, np.minimum(limit, other_limit * scale))
    # chance picks single bands, sound comes in several
    seen = np.pad(level > limit, 1)
    alone = ~(seen[:-2] | seen[2:]) & (level < _ALONE * limit)
    level = np.where(alone, np.minimum(level, limit), level)
    frames = levels.counts.sum(axis=1, keepdims=True)  # [R, 1]
    steady = _density(levels.means(_QUIET_SHARE * frames, quietest=True)).min(axis=(0, 1))
    if not lively:
        level = _density(levels.total / levels.frames)
        steady = np.zeros_like(level)
        limit = np.full_like(level, 1.25 * np.sort(level)[: max(1, len(level) // 8)].mean())
    return Content(levels.edges_hz, levels.centres_hz, _decibels(level), _decibels(steady), _decibels(limit), lively)


def _rising(levels: BandLevels, share: float) -> tuple[FloatArray, FloatArray]:
    """Density [K] by which the loudest `share` of frames exceeds the quiet ones, and the least that is no chance."""
    frames = levels.counts.sum(axis=1)  # [R]
    quiet_frames = np.maximum(_QUIET_SHARE * frames, 1.0)
    loud_frames = np.minimum(np.maximum(share * frames, _LEAST_LOUD_FRAMES), frames)
    quiet = _density(levels.means(quiet_frames[:, None], quietest=True))[:, 0]  # [R, K]
    loud = _density(levels.means(loud_frames[:, None]))[:, 0]
    within = _members(levels)
    # noise alone, sorted by its own level, would show this much between its loud and its quiet frames
    spread = 1 / np.sqrt(within @ levels.cells)
    chance = 10 * np.log10((1 + 2.6 * spread) / np.maximum(1 - 0.9 * spread, 0.2))
    ratio = 10 * np.log10(((within * loud).sum(axis=1) + 1e-30) / ((within * quiet).sum(axis=1) + 1e-30))
    rises = ratio >= chance + _LIVELY_DB
    if not rises.any():
        return np.zeros(len(levels.cells)), np.full(len(levels.cells), np.inf)
    fewness = np.sqrt((1 / loud_frames + 1 / quiet_frames)[:, None] / levels.cells)
    limit = (_DEVIATIONS * np.minimum(quiet, loud) * fewness)[rises].min(axis=0)
    return np.maximum((loud - quiet)[rises].max(axis=0), 0.0), limit


def _members(levels: BandLevels) -> FloatArray:
    """[R, K] 1 where a band belongs to a reference."""
    bands = np.arange(len(levels.cells))
    first, last = levels.references.T[:, :, None]
    return np.asarray((bands >= first) & (bands < last), np.float64)


def _density(compressed: FloatArray) -> FloatArray:
    return np.asarray(compressed ** (1 / COMPRESSION))


def _decibels(density: FloatArray) -> FloatArray:
    return np.asarray(10 * np.log10(np.clip(density, 1e-22, 1e6)))
