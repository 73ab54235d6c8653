"""The arrays that every layer hands on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]
"""Samples of sound, [T] or [C, T]; full scale is 1."""

Samples = NDArray[np.float32] | NDArray[np.float64]
"""Samples of sound in either precision."""

FloatArray = NDArray[np.float64]
"""Figures that are computed with: spectra, powers, filters."""
