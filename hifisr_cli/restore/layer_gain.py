"""How much of what restoration adds to a recording is mixed into its output."""

from __future__ import annotations

import math

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.errors import UsageError

LOWEST_DB, HIGHEST_DB = -60.0, 20.0


def check_layer_gain(gain_db: float) -> None:
    """Raises UsageError: no gain from `LOWEST_DB` to `HIGHEST_DB`, nor -inf."""
    if gain_db != -math.inf and not LOWEST_DB <= gain_db <= HIGHEST_DB:
        raise UsageError(
            f"a layer gain of {gain_db} is neither -inf nor from {LOWEST_DB:g} to {HIGHEST_DB:g} dB", hint="say -6"
        )


def mixed(restored: Wave, original: Wave, gain_db: float) -> Wave:
    """The original with its layer at a gain; 0 dB is what was restored, to the bit.

    Shape: [C, T], [C, T] -> [C, T].
    """
    if gain_db == 0.0 or restored is original:
        return restored
    return original + np.float32(10.0 ** (gain_db / 20.0)) * (restored - original)
