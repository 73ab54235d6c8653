"""The effective bit depth is how many bits of its samples a file really uses."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import Wave

_SCALE_BITS = 31  # every integer sample up to 32 bits is a whole number at this scale
_FLOAT_BITS = 24  # what single precision holds of a sample near full scale


class BitDepthMeter:
    """Finds the bits that are zero in all samples: those below 16 in a 24-bit file that was made from 16 bits.

    Samples have passed single precision. Integers of up to 24 bits go through it unharmed; of a 32-bit file the figure
    may be too low, never too high. A floating-point file has a depth only where all its samples are whole steps of
    24 bits or fewer.

    Args:
        bits: bits a sample of the file.
        is_float: the file holds floating-point samples.
    """

    def __init__(self, bits: int, *, is_float: bool) -> None:
        self._bits, self._is_float = bits, is_float
        self._used = 0
        self._lowest = 1 if is_float else 1 << max(0, _SCALE_BITS + 1 - bits)  # once that is in use, all is known
        self._whole = True

    def push(self, block: Wave) -> None:
        """Takes the next block [C, T]."""
        if not self._whole or not block.size or self._used & self._lowest:
            return
        scaled = block.astype(np.float64) * float(1 << (_FLOAT_BITS - 1) if self._is_float else 1 << _SCALE_BITS)
        integers = scaled.astype(np.int64)
        if self._is_float and (integers != scaled).any():
            self._whole = False
            return
        self._used |= int(np.bitwise_or.reduce(np.abs(integers), axis=None))

    def result(self) -> int | None:
        """Returns the bits in use with the sign; 0 for silence, None for floating point that holds no integers."""
        if not self._whole:
            return None
        if self._used == 0:
            return 0
        zeros = (self._used & -self._used).bit_length() - 1
        scale = _FLOAT_BITS - 1 if self._is_float else _SCALE_BITS
        return max(1, min(scale - zeros + 1, _FLOAT_BITS if self._is_float else self._bits))
