"""White noise that depends on nothing but the place in the recording.

The network shapes it into the texture of breath and fricatives. Because sample n is the same whenever and however a
recording is cut, outputs stay reproducible and independent of chunks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4800
_KEY = 0x48694669
_FIRST_BLOCK = 1 << 32
"""Keeps counters positive for the context before the start of a recording."""


def positional_noise(start: int, length: int) -> NDArray[np.float32]:
    """Samples `start` to `start + length` of an endless white noise of unit variance: [T]. `start` may be negative."""
    first, last = start // _BLOCK, (start + length - 1) // _BLOCK
    blocks = [_block(index) for index in range(first, last + 1)]
    offset = start - first * _BLOCK
    return np.concatenate(blocks)[offset : offset + length] if length else np.zeros(0, np.float32)


@lru_cache(maxsize=64)  # all short recordings need the same
def _block(index: int) -> NDArray[np.float32]:
    generator = np.random.Generator(np.random.Philox(key=(_KEY, index + _FIRST_BLOCK)))
    block = generator.standard_normal(_BLOCK, dtype=np.float32)
    block.flags.writeable = False
    return block
