"""Matrix products are made in portions here, so that OpenBLAS does each in one thread.

It starts its threads from 2**18 multiplications on. For the tall, narrow products of signal processing they gain
nothing, and where the cores are busy they wait for each other many times longer than the product takes.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float32, np.float64)

_THREADS_FROM = 1 << 18  # multiplications; OpenBLAS's own limit


def matmul_in_portions(rows: NDArray[Number], matrix: NDArray[Number]) -> NDArray[Number]:
    """Returns rows [N, K] @ matrix [K, M], which is [N, M]."""
    at_once = max(1, (_THREADS_FROM - 1) // matrix.size)
    out = np.empty((len(rows), matrix.shape[1]), np.result_type(rows, matrix))
    for first in range(0, len(rows), at_once):
        np.matmul(rows[first : first + at_once], matrix, out=out[first : first + at_once])
    return out
