"""What tells speech from other sound is accumulated here, in constant memory.

It is how loud bands are, how they rise and fall together, how fast they do, and how harmonics move.

Syllables move the bands of a voice up and down, each with its own formants, pauses part them, and its pitch glides.
Notes stand still, drums hit all bands at once. Only bands that a telephone passes are looked at, so that all recordings
can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.frames import SILENCE, Frames, band_edges
from hifisr_cli.dsp.matmul_portions import matmul_in_portions
from hifisr_cli.dsp.sound.classifier import speech_probability
from hifisr_cli.results import HeardSound

# The classifier was trained on what is made with these values: whoever changes one has to train it again
# (`benchmarks/train_sound_judge.py`). They were chosen by hand.
BANDS = 16
"""Up to 3.4 kHz, where telephones end."""
SPEECH_FROM = 0.75
"""Music for speech costs more than speech for music. Of 34 clips of music and effects and 85 of speech none and 1 are
wrong from 8 and 16 kHz, none and 2 from 24 and 48; with 0.5 2 and 1, 1 and 1."""
LAGS = (1, 4)  # frames of 21 to 32 ms over which levels are compared: a consonant, and half a syllable
FINE_LAGS = (2, 6)  # and over which harmonics are: the next frame without an overlap, and the length of a short note
_HARMONICS_HZ = (250.0, 3_400.0)  # the bands' range
_SMOOTH_HZ = 200.0  # harmonics are what is left of a spectrum less its mean over so much
_FINE_CLASSES = 50  # of correlations from -1 to 1
_FINE_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)  # by hand
_COMPRESSION = 0.25  # powers are correlated as power ** 0.25, as in `bandwidth.bands`
_LOUDEST_DB = 40.0  # density that nothing reaches, as there
_CLASS_DB = 1.0  # step of the histograms of levels; quantiles are interpolated within a step
_CLASSES = 220  # down to the silence of 24 bits, as there
_STEP_CLASSES = 60  # of 1 dB: levels that move faster move as fast as that
_LEVEL_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)  # by hand
_LOUDNESS_QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)  # finer below, where pauses are; by hand
_STEP_QUANTILES = (0.25, 0.5, 0.75)  # by hand
_LOWEST_DB = -60.0  # relative to the mean of a recording: what is quieter is as quiet as that
_LEAST_FRAMES = 8  # more than the lags; a fifth of a second, in which anything is to be heard
_NEVER_ALIKE = 1e-9  # a band without sound is like no other

FEATURES = sum(
    (
        len(_LEVEL_QUANTILES) * BANDS,
        len(_LOUDNESS_QUANTILES),
        BANDS * (BANDS - 1) // 2,  # pairs of bands
        len(LAGS) * len(_STEP_QUANTILES) * BANDS,
        len(FINE_LAGS) * len(_FINE_QUANTILES),
    )
)
"""How many there are: of levels, of loudness, of what rises together, of steps and of harmonics."""


class SoundMeter:
    """Takes the frames of a recording in their order, whatever they come in.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._bands = min(BANDS, len(band_edges(sample_rate)) - 1)
        self._frames = 0
        self._power = 0.0
        self._levels = np.zeros((self._bands, _CLASSES), np.int64)
        self._loudness = np.zeros((1, _CLASSES), np.int64)
        self._sum = np.zeros(self._bands)
        self._products = np.zeros((self._bands, self._bands))
        self._steps = np.zeros((len(LAGS), self._bands, _STEP_CLASSES), np.int64)
        self._last: FloatArray = np.zeros((0, self._bands))
        self._sample_rate = sample_rate
        self._fine_steps = np.zeros((len(FINE_LAGS), _FINE_CLASSES), np.int64)
        self._last_fine: FloatArray | None = None

    def push(self, frames: Frames) -> None:
        """Takes frames; silent ones are passed over."""
        density = frames.density[:, :, : self._bands].mean(axis=0)
        sounds = density.max(axis=1) > SILENCE
        density = density[sounds]
        if not len(density):
            return
        self._push_fine(frames.powers[:, sounds])
        level_db = 10.0 * np.log10(np.maximum(density, SILENCE))
        loudness = density.mean(axis=1)
        compressed = density**_COMPRESSION
        self._frames += len(density)
        self._power += float(loudness.sum())
        self._sum += compressed.sum(axis=0)
        self._products += matmul_in_portions(compressed.T, compressed)
        _count(self._levels, _LOUDEST_DB - level_db)
        _count(self._loudness, _LOUDEST_DB - 10.0 * np.log10(loudness)[:, None])
        before = np.concatenate([self._last, level_db])
        for steps, lag in zip(self._steps, LAGS, strict=True):
            start = max(len(self._last), lag)
            if start < len(before):
                _count(steps, np.abs(before[start:] - before[start - lag : len(before) - lag]))
        self._last = before[-max(LAGS) :]

    def _push_fine(self, powers: npt.NDArray[np.float32]) -> None:
        """Compares the harmonics of frames [C, N, bins] with those some frames before."""
        fine = _harmonics(powers, self._sample_rate)
        before = fine if self._last_fine is None else np.concatenate([self._last_fine, fine])
        known = len(before) - len(fine)
        for place, lag in enumerate(FINE_LAGS):
            start = max(known, lag)
            if start < len(before):
                alike = (before[start:] * before[start - lag : len(before) - lag]).sum(axis=1)
                classes = ((alike + 1.0) * (_FINE_CLASSES / 2)).astype(np.int64)
                self._fine_steps[place] += np.bincount(np.clip(classes, 0, _FINE_CLASSES - 1), minlength=_FINE_CLASSES)
        self._last_fine = before[-max(FINE_LAGS) :]

    def features(self) -> npt.NDArray[np.float32] | None:
        """Returns what the classifier sees, [FEATURES], each of the order of 1; None where too little was heard."""
        if self._frames < _LEAST_FRAMES:
            return None
        mean_db = 10.0 * np.log10(self._power / self._frames)
        levels = _LOUDEST_DB - _quantiles(self._levels, [1.0 - share for share in _LEVEL_QUANTILES]) - mean_db
        loudness = _LOUDEST_DB - _quantiles(self._loudness, [1.0 - share for share in _LOUDNESS_QUANTILES]) - mean_db
        mean = self._sum / self._frames
        covariance = self._products / self._frames - np.outer(mean, mean)
        deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0)) + _NEVER_ALIKE
        alike = covariance / np.outer(deviation, deviation)
        steps = [_quantiles(each, _STEP_QUANTILES) for each in self._steps]
        absent = BANDS - self._bands  # of recordings at the lowest rates
        padded = np.pad(np.maximum(levels, _LOWEST_DB), ((0, 0), (0, absent)), constant_values=_LOWEST_DB)
        parts = [
            padded.ravel() / 20.0,
            np.maximum(loudness, _LOWEST_DB).ravel() / 20.0,
            np.pad(alike, (0, absent))[np.triu_indices(BANDS, 1)],
            *(np.pad(each, ((0, 0), (0, absent))).ravel() / 10.0 for each in steps),
            (_quantiles(self._fine_steps, _FINE_QUANTILES) * (2.0 / _FINE_CLASSES) - 1.0).ravel(),
        ]
        return np.concatenate(parts).astype(np.float32)

    def result(self) -> HeardSound | None:
        """Returns what the recording holds as far as it was heard; None where that was too little."""
        seen = self.features()
        if seen is None:
            return None
        speech = speech_probability(seen)
        return HeardSound("speech" if speech >= SPEECH_FROM else "other", speech)


def _harmonics(powers: npt.NDArray[np.float32], sample_rate: int) -> FloatArray:
    """Returns the fine structure of spectra [C, N, bins], less their mean and of length 1: [N, some bins]."""
    bins = powers.shape[2]
    hz = sample_rate / (2 * (bins - 1))
    width = 2 * round(_SMOOTH_HZ / hz / 2) + 1
    low, high = round(_HARMONICS_HZ[0] / hz), min(round(_HARMONICS_HZ[1] / hz), bins - 1)
    first = max(low - width // 2, 0)
    levels = np.log(powers[:, :, first : high + width // 2 + 1].mean(axis=0, dtype=np.float64) + SILENCE)
    sums = np.cumsum(np.pad(levels, ((0, 0), (1, 0))), axis=1)
    fine = levels[:, width // 2 : levels.shape[1] - width // 2] - (sums[:, width:] - sums[:, :-width]) / width
    fine -= fine.sum(axis=1, keepdims=True) / max(fine.shape[1], 1)
    return np.asarray(fine / (np.linalg.norm(fine, axis=1, keepdims=True) + _NEVER_ALIKE))


def _count(histogram: npt.NDArray[np.int64], quiet_by: FloatArray) -> None:
    """Counts values [N, K] of 0 or more in the classes [K, L] of each column."""
    rows, classes = histogram.shape
    cells = np.clip(quiet_by // _CLASS_DB, 0, classes - 1).astype(np.int64) + np.arange(rows) * classes
    histogram += np.bincount(cells.ravel(), minlength=histogram.size).reshape(histogram.shape)


def _quantiles(histogram: npt.NDArray[np.int64], shares: Sequence[float]) -> FloatArray:
    """Returns the values in dB below which these shares of each row [K, L] lie: [S, K]."""
    found = np.empty((len(shares), len(histogram)))
    for row, counts in enumerate(histogram):
        reached = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
        found[:, row] = np.interp(shares, reached, _CLASS_DB * np.arange(len(reached)))
    return found
