"""White noise by place: what an engine draws for a place in a recording is the same whenever and however it is cut."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import Wave


def white_noise(key: int, seed: int, place: int, length: int, *, draw: int = 0) -> Wave:
    """Normal numbers of unit variance that depend on nothing but the arguments: [length].

    Args:
        key: 32 bits, of the engine, so that two of them draw different numbers.
        seed: 0 to 2^32 - 1.
        place: in units of the engine's own; may be negative.
        draw: where one place needs several independent ones.
    """
    keys = np.array((key | seed << 32, place % (1 << 64)), np.uint64)
    source = np.random.Philox(key=keys, counter=np.array((0, 0, 0, draw), np.uint64))
    return np.random.Generator(source).standard_normal(length, np.float32)
