"""ADPCM of four bits a sample without a header, as speech processors keep it: IMA (DVI) and Dialogic's (OKI).

A code of four bits is a sign and three bits of magnitude, in steps whose size the codes before it have set. Both kinds
have the same rule and differ in their table of steps. The difference is the magnitude and a half, times the step, over
four, as SoX and FFmpeg compute it. (The reference of the IMA rounds the parts of this product one by one, which is up
to two units of 16 bits less for each code.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

_IMA_STEPS = (
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107,
    118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963,
    1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894,
    6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794,
    32767,
)  # fmt: skip
_OKI_STEPS = (
    16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190,
    209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552,
)  # fmt: skip
_CHANGES = (-1, -1, -1, -1, 2, 4, 6, 8)
_LOWEST, _HIGHEST = -32768, 32767


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """What a byte, of two codes, does to a decoder whose step is the n-th.

    Attributes:
        after: [n] the steps' numbers after each of the 256 bytes.
        differences: [n, 256, 2] from sample to sample.
    """

    after: tuple[bytes, ...]
    differences: npt.NDArray[np.int32]


@cache
def _tables(kind: str) -> _Tables:
    steps, unit = (_IMA_STEPS, 1) if kind == "ima" else (_OKI_STEPS, 16)  # OKI: 12 bits
    differences = np.zeros((len(steps), 256, 2), np.int32)
    after = []
    for number in range(len(steps)):
        ends = bytearray(256)
        for byte in range(256):
            now = number
            for place, code in enumerate((byte >> 4, byte & 15)):
                size = (2 * (code & 7) + 1) * steps[now] >> 3
                differences[number, byte, place] = unit * (-size if code & 8 else size)
                now = min(max(now + _CHANGES[code & 7], 0), len(steps) - 1)
            ends[byte] = now
        after.append(bytes(ends))
    return _Tables(tuple(after), differences)


class AdpcmDecoder:
    """Decodes bytes in their order; the upper four bits of each come first.

    Args:
        kind: "ima" or "vox".
    """

    def __init__(self, kind: str) -> None:
        self._tables, self._step, self._sample = _tables(kind), 0, 0

    def decode(self, data: bytes) -> npt.NDArray[np.float32]:
        """Two samples a byte, with full scale 1."""
        after, step = self._tables.after, self._step
        steps = bytearray(len(data))
        for place, byte in enumerate(data):
            steps[place] = step
            step = after[step][byte]
        self._step = step
        codes, numbers = np.frombuffer(data, np.uint8), np.frombuffer(steps, np.uint8)
        differences = self._tables.differences[numbers, codes].reshape(-1)
        samples = self._sample + np.cumsum(differences, dtype=np.int64)
        if len(samples) and (samples.min() < _LOWEST or samples.max() > _HIGHEST):
            samples = self._limited(differences)
        if len(samples):
            self._sample = int(samples[-1])
        return samples.astype(np.float32) / np.float32(32768.0)

    def _limited(self, differences: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        samples, sample = np.empty(len(differences), np.int64), self._sample
        for place, difference in enumerate(differences.tolist()):
            samples[place] = sample = min(max(sample + difference, _LOWEST), _HIGHEST)
        return samples
