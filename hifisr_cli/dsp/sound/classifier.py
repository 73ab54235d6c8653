"""The classifier is a small network of one hidden layer, from features to the probability of speech.

Its weights lie beside this file; `benchmarks/train_sound_judge.py` made them. It runs in numpy, once a recording.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

WEIGHTS = Path(__file__).with_name("classifier.npz")


def speech_probability(seen: npt.NDArray[np.float32]) -> float:
    """Returns how likely these features [FEATURES] are those of speech, 0 to 1."""
    w = _weights()
    hidden = np.tanh(w["enter.weight"] @ ((seen - w["mean"]) / w["scale"]) + w["enter.bias"])
    logit = float((w["leave.weight"] @ hidden + w["leave.bias"])[0])
    return float(1.0 / (1.0 + np.exp(-logit)))


@lru_cache(maxsize=1)
def _weights() -> dict[str, npt.NDArray[np.float32]]:
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        return {name: np.asarray(stored[name], np.float32) for name in stored.files}
