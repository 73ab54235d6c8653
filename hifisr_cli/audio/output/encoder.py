"""Restored sound and the layer in it, in the format of the output: the one less the other is the input there.

Integers: the output and the input are quantised with the same dither, and the layer is the difference of the integers.

Floating point: a difference of two numbers need not be a number that the format has. Rounded once, the layer is on the
finer of the grids of output and input, or on its own where that has no room for it; the output is then their sum. So
output minus layer is the input exactly wherever float32 has two numbers with that difference; else the output is the
float32 nearest to the sum. It is exact for every multiple of 2^-24 (all of 24 bits) below full scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.output.quantise import DITHER_BELOW_BITS, Dither, quantise

Encodable = npt.NDArray[np.int32] | Wave
"""Samples [C, T] as integers of the wanted number of bits, or as floating point."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A stretch of an output as it is written, all [C, T].

    Attributes:
        samples: of the output.
        layer: what of them was added.
        heard: the output as float.
    """

    samples: Encodable
    layer: Encodable
    heard: Wave


class Encoder:
    """Encodes one recording, stretch by stretch.

    Attributes:
        clipped: samples that exceeded full scale and were limited (never those of floating-point files), or whose layer
            did.
    """

    def __init__(self, chosen: OutputFormat) -> None:
        self._format = chosen
        self._dither = Dither() if chosen.bits is not None and chosen.bits < DITHER_BELOW_BITS else None
        self.clipped = 0

    def encode(self, restored: Wave, original: Wave | None) -> Encoded:
        """The next samples [C, T] at 48 kHz, and the input there; None: they are the input."""
        if self._format.codec == "FLOAT":
            return _as_floats(restored, original)
        over = np.abs(restored) > 1.0
        if self._format.bits is not None:
            encoded, limited = self._as_integers(restored, original, self._format.bits)
            over |= limited
        else:
            encoded = _as_lossy(restored, original)
        self.clipped += int(np.count_nonzero(over))
        return encoded

    def _as_integers(self, restored: Wave, original: Wave | None, bits: int) -> tuple[Encoded, npt.NDArray[np.bool_]]:
        """Encoded, and where the layer alone would exceed full scale."""
        full = 1 << (bits - 1)
        if original is None:
            samples = quantise(restored, bits, self._dither)
            layer, limited = np.zeros_like(samples), np.zeros(samples.shape, np.bool_)
        else:
            both = quantise(np.concatenate([restored, original]), bits, self._dither)
            wanted, kept = np.split(both.astype(np.int64), 2)
            difference = np.clip(wanted - kept, -full, full - 1)
            limited = kept + difference != wanted
            samples, layer = (kept + difference).astype(np.int32), difference.astype(np.int32)
        return Encoded(samples, layer, (samples * (1.0 / full)).astype(np.float32)), limited


def _as_floats(restored: Wave, original: Wave | None) -> Encoded:
    if original is None:
        return Encoded(restored, np.zeros_like(restored), restored)
    layer = restored - original
    restored = original + layer
    return Encoded(restored, layer, restored)


def _as_lossy(restored: Wave, original: Wave | None) -> Encoded:
    """For encoders that make something similar of it: what is heard is what they are given."""
    samples = np.clip(restored, -1.0, 1.0)
    layer = np.zeros_like(samples) if original is None else np.clip(restored - original, -1.0, 1.0)
    return Encoded(samples, layer, samples)
