"""From floating point to integers: rounding, saturation, and dither where bits are lost.

libsndfile rounds float to PCM towards minus infinity (half a step of DC and 6 dB more noise), so all integers are made
here. Reducing to 16 bits adds triangular dither of two steps peak to peak (Lipshitz, Wannamaker and Vanderkooy,
"Quantization and dither: a theoretical survey", 1992), which makes the error independent of the signal; its value
depends on the position in the recording alone, so that the bytes do not depend on how the signal was cut into blocks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DITHER_BELOW_BITS = 24
_DITHER_KEY = 0x48694669
_DITHER_BLOCK = 16_384


class Dither:
    """Triangular noise in steps of the quantiser, from -1 to 1, the same for every recording.

    All channels get the same noise: a recording of two equal channels keeps them equal.
    """

    def __init__(self) -> None:
        self._position = 0
        self._block = -1
        self._noise: npt.NDArray[np.float64] = np.empty(0)

    def take(self, frames: int) -> npt.NDArray[np.float64]:
        """The noise [frames] at the next positions."""
        out = np.empty(frames)
        done = 0
        while done < frames:
            block, offset = divmod(self._position, _DITHER_BLOCK)
            if block != self._block:
                numbers = np.random.Generator(np.random.Philox(key=_DITHER_KEY, counter=[0, 0, block, 0]))
                self._noise = numbers.random(_DITHER_BLOCK) - numbers.random(_DITHER_BLOCK)
                self._block = block
            count = min(frames - done, _DITHER_BLOCK - offset)
            out[done : done + count] = self._noise[offset : offset + count]
            done += count
            self._position += count
        return out


def quantise(block: npt.NDArray[np.float32], bits: int, dither: Dither | None = None) -> npt.NDArray[np.int32]:
    """Integers [C, T] of `bits` bits (right-aligned) from float [C, T].

    Full scale is 2**(bits - 1); values are rounded to the nearest integer and saturate, they never wrap.

    Args:
        block: finite samples, full scale 1.
        bits: 8 to 32.
        dither: its noise is added; None rounds plainly. Give the same object for all blocks of a recording.
    """
    full = float(1 << (bits - 1))
    scaled = block.astype(np.float64) * full
    if dither is not None:
        scaled += dither.take(block.shape[1])
    return np.clip(np.rint(scaled), -full, full - 1).astype(np.int32)
