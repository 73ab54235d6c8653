"""What the engine is told of a recording before its windows go through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Of one recording.

    Attributes:
        cutoff_hz: upper edge of the content.
        gain: brings the recording to the network's level; undone after it.
        kept_hz: where the crossover to what is generated begins; None for 0.9 of the cutoff.
        profile: how loud and how quiet its bands are, [S, P] (`dsp.profile`); None where it is not known.
    """

    cutoff_hz: float
    gain: float = 1.0
    kept_hz: float | None = None
    profile: NDArray[np.float32] | None = None
