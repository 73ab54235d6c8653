"""The classifier is a small convolutional network over log-frequency, from features to a distribution of the cutoff.

Its weights lie beside this file; `benchmarks/train_cutoff_judge.py` made them. It runs in numpy, once a recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.features import GRID_HZ, POSITIONS, STEPS_PER_OCTAVE

FULL_BAND_HZ = 17_500.0
"""Content up to here leaves nothing worth restoring in speech."""
OPEN_SHARE = 0.93
"""Content up to this share of Nyquist is content up to Nyquist: no file goes further than its own low-pass."""

FINER = 3  # cells of the answer in one step of the features; the weights have this many outputs a step
_CELLS = np.arange(POSITIONS * FINER)
CUTOFFS_HZ = GRID_HZ[0] * 2 ** ((_CELLS - (FINER - 1) / 2) / (FINER * STEPS_PER_OCTAVE))
"""The cutoffs that are told apart: 1/36 octave, 2 %."""
DILATIONS = (1, 2, 4, 8, 16, 1)
"""One block of the network each. Together they see 32 positions, 2.7 octaves, to either side."""
WEIGHTS = Path(__file__).with_name("classifier.npz")


@dataclass(frozen=True)
class Verdict:
    """Holds the probability of each of CUTOFFS_HZ, and that nothing is missing up to `open_from_hz`."""

    cutoffs: FloatArray
    complete: float


def open_from_hz(nyquist: float) -> float:
    """Returns the frequency in Hz up to which content must reach to count as complete."""
    return min(FULL_BAND_HZ, OPEN_SHARE * nyquist)


def judge(seen: npt.NDArray[np.float32], nyquist: float) -> Verdict:
    """Returns the distribution of the cutoff, from features [CHANNELS, POSITIONS] of a file with this Nyquist."""
    w = _weights()
    inside = seen[-3]
    x = _conv(seen, w["enter.weight"], w["enter.bias"], 1)
    for block, dilation in enumerate(DILATIONS):
        context = (np.maximum(x, 0) * inside).sum(axis=1) / inside.sum()
        y = _conv(np.maximum(x, 0), w[f"blocks.{block}.weight"], w[f"blocks.{block}.bias"], dilation)
        x = x + np.maximum(y + (w[f"contexts.{block}.weight"] @ context)[:, None], 0)
    logits = _conv(x, w["leave.weight"], w["leave.bias"], 1).T.ravel()
    pooled = (np.maximum(x, 0) * inside).sum(axis=1) / inside.sum()
    complete = float(w["complete.weight"][0] @ pooled + w["complete.bias"][0])
    every = np.append(np.where(open_from_hz(nyquist) > CUTOFFS_HZ, logits, -np.inf), complete).astype(np.float64)
    probability = np.exp(every - every.max())
    probability /= probability.sum()
    return Verdict(probability[:-1], float(probability[-1]))


def _conv(
    x: npt.NDArray[np.float32], weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32], dilation: int
) -> npt.NDArray[np.float32]:
    """[in, F] to [out, F] with weight [out, in, taps], zeros beyond the ends."""
    taps, length = weight.shape[2], x.shape[1]
    padded = np.zeros((len(x), length + (taps - 1) * dilation), np.float32)
    padded[:, taps // 2 * dilation :][:, :length] = x
    shifted = np.empty((len(x), taps, length), np.float32)
    for tap in range(taps):
        shifted[:, tap] = padded[:, tap * dilation : tap * dilation + length]
    return np.asarray(weight.reshape(len(weight), -1) @ shifted.reshape(-1, length) + bias[:, None])


@lru_cache(maxsize=1)
def _weights() -> dict[str, npt.NDArray[np.float32]]:
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        return {name: np.asarray(stored[name], np.float32) for name in stored.files}
