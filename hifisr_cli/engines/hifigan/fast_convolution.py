"""Convolution over time with fewer multiplications: overlap-save in the frequency domain, as three matrix products.

A block of N samples is taken to the frequency domain, multiplied there by the spectrum of the kernel, and taken back;
its first N - k + 1 samples are those of the convolution. Each complex product is three real ones (Gauss), and the
additions that this needs are folded into the transforms. What is left is a bilinear algorithm with real matrices,

    y = S [(K w) * (A x)],    A [R, N], K [R, k], S [N - k + 1, R],

in which the product (*) of a block and a kernel is, over channels, a matrix product for each of the R rows: R / (N -
k + 1) multiplications for an output sample and a pair of channels instead of k. The matrices are well conditioned (all
points lie on the unit circle), so float32 loses nothing against the plain sum.

Signals are rows [T, C] here, so that blocks of a dilated convolution are strided matrices and nothing is copied.
Inference only: results are written into buffers that are used again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

PLAIN = 0

BLOCKS = {3: 16, 7: 24, 11: 40}
"""Block length N for a number of taps k, as measured to be fastest from 64 to 512 channels; else about 4 k."""

SHORT_BLOCKS = {3: PLAIN, 7: 16, 11: 28}
"""The same for signals of a few hundred rows, where most of the time goes by while weights come from memory: shorter
blocks have smaller ones."""

# Of both there must be so many at least for the fast algorithm to be the faster one.
_FEWEST_CHANNELS = 48
_FEWEST_BLOCKS = 12
# Weights that are not kept are transformed and used in pieces: columns at a time, bytes at a time.
_PIECE = 8192
_PIECE_BYTES = 16_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Bilinear:
    """The three matrices of the algorithm, float32.

    Attributes:
        analysis: A [R, N], of a block of the signal.
        kernel: K [R, k], of the taps.
        synthesis: S [N - k + 1, R], back to samples; its first column is the constant 1 / N.
    """

    analysis: Tensor
    kernel: Tensor
    synthesis: Tensor


@cache
def bilinear(taps: int, block: int) -> Bilinear:
    """The algorithm for kernels of `taps` and blocks of `block` samples (even, at least `taps`)."""
    n = torch.arange(block, dtype=torch.float64)
    half = block // 2
    frequency = torch.arange(1, half, dtype=torch.float64)[:, None]
    angle = 2.0 * math.pi * frequency * n / block
    cos, sin = angle.cos(), angle.sin()
    constant, alternating = torch.ones(1, block, dtype=torch.float64), (1.0 - 2.0 * (n % 2))[None]
    # With X = a + ib the spectrum of the block and conj(W) = c + id: k1 = c (a + b), k2 = a (d - c), k3 = b (c + d)
    # give the product (k1 - k3) + i (k1 + k2).
    analysis = torch.cat((constant, alternating, cos - sin, cos, -sin))
    kernel = torch.cat((constant, alternating, cos, sin - cos, cos + sin))[:, :taps]
    synthesis = torch.cat((constant, alternating, 2 * (cos - sin), -2 * sin, -2 * cos)).T / block
    return Bilinear(analysis.float(), kernel.float(), synthesis[: block - taps + 1].float().contiguous())


class Workspace:
    """Float32 buffers that are used again and again, by name; one for each thread."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """A tensor of this shape with arbitrary contents, valid until the name is taken again."""
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            self._buffers.pop(name, None)
            buffer = self._buffers[name] = torch.empty(size)
        return buffer[:size].view(shape)


class FastConvolution:
    """A dilated convolution without padding, for rows: [T, C] -> [T - reach, D] with reach = (k - 1) dilation.

    Short signals and few channels are convolved by the plain sum over taps. The choice goes by sizes alone, so that
    equal inputs give equal bytes.

    Attributes:
        reach: rows of context in all: so many more rows go in than come out.
        transformed_bytes: size of the transformed weight; 0 where there is none.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, dilation: int = 1, *, blocks: Mapping[int, int] = BLOCKS
    ) -> None:
        """Takes the weight [D, C, k] and bias [D] of a PyTorch convolution; neither is kept.

        Args:
            blocks: block lengths by numbers of taps; `PLAIN` always takes the plain sum.
        """
        self.channels_out, self.channels_in, self.taps = weight.shape
        self.dilation = dilation
        self._weight: Tensor | None = weight.detach().permute(2, 1, 0).contiguous()  # [k, C, D]
        self.bias = torch.zeros(self.channels_out) if bias is None else bias.detach().clone()
        block = blocks.get(self.taps, 4 * self.taps)
        self._wide = block != PLAIN and self.taps > 1 and min(self.channels_in, self.channels_out) >= _FEWEST_CHANNELS
        self.block = block if self._wide else self.taps
        self.hop = self.block - self.taps + 1
        self.reach = (self.taps - 1) * self.dilation
        rows = 3 * (self.block // 2 - 1) + 2 if self._wide else 0
        self.transformed_bytes = 4 * rows * self.channels_in * self.channels_out
        self._transformed: Tensor | None = None

    def keep_transformed(self) -> None:
        """Transforms the weight once and for all: about five times the memory of the weight, less time for a call."""
        if self._wide and self._weight is not None:
            size = self.transformed_bytes // (4 * self.channels_in * self.channels_out)
            self._transformed = self._transform(slice(None), torch.empty(size, self.channels_in, self.channels_out))
            self._weight = None

    def room(self, length: int) -> int:
        """Rows that the output buffer of `length` rows must have room for; the input buffer needs `reach` more."""
        stride = self.hop * self.dilation
        return -(-length // stride) * stride

    def __call__(self, source: Tensor, target: Tensor, length: int, space: Workspace, *, add: bool = False) -> None:
        """Convolves the first `length` + reach rows of `source` into (or, with `add`, onto) the first of `target`.

        Args:
            source: [`room(length)` + reach or more, C], contiguous; rows past `length` + reach are overwritten.
            target: [`room(length)` or more, D], contiguous; rows past `length` hold nothing of use afterwards.
            space: of the calling thread.
        """
        if self._weight is None or (self._wide and length >= _FEWEST_BLOCKS * self.hop):
            self._fast(source, target, length, space, add=add)
        else:
            self._plain(source, self._weight, target[:length], add=add)

    def _plain(self, source: Tensor, weight: Tensor, target: Tensor, *, add: bool) -> None:
        length = target.shape[0]
        torch.addmm(target + self.bias if add else self.bias, source[:length], weight[0], out=target)
        for i in range(1, self.taps):
            target.addmm_(source[i * self.dilation :][:length], weight[i])

    def _fast(self, source: Tensor, target: Tensor, length: int, space: Workspace, *, add: bool) -> None:
        parts = bilinear(self.taps, self.block)
        d, c, o, hop, rows = self.dilation, self.channels_in, self.channels_out, self.hop, parts.analysis.shape[0]
        room = self.room(length)
        blocks = room // (hop * d)  # of each of the d interleaved signals
        # What lies beyond the input must not even touch the rounding of the output.
        source[length + self.reach : room + self.reach].zero_()
        spectra = space.take("spectra", rows, blocks * d, c)
        products = space.take("products", rows, blocks * d, o)
        signal = source.as_strided((d, blocks, self.block, c), (c, hop * d * c, d * c, 1), source.storage_offset())
        analysis = parts.analysis.expand(blocks, -1, -1)
        for phase, slots in enumerate(spectra.view(rows, d, blocks, c).permute(1, 2, 0, 3)):
            torch.bmm(analysis, signal[phase], out=slots)
        if self._transformed is not None:
            torch.bmm(spectra, self._transformed, out=products)
        else:
            several = max(_PIECE_BYTES // (4 * c * o), 1)
            for first in range(0, rows, several):
                some = slice(first, first + several)
                weight = self._transform(some, space.take("weight", len(parts.kernel[some]), c, o))
                torch.bmm(spectra[some], weight, out=products[some])
        products[0] += self.block * self.bias
        result = target.as_strided((d, blocks, hop, o), (o, hop * d * o, d * o, 1), target.storage_offset())
        synthesis = parts.synthesis.expand(blocks, -1, -1)
        for phase, slots in enumerate(products.view(rows, d, blocks, o).permute(1, 2, 0, 3)):
            if add:
                result[phase].baddbmm_(synthesis, slots)
            else:
                torch.bmm(synthesis, slots, out=result[phase])

    def _transform(self, rows: slice, out: Tensor) -> Tensor:
        """Rows of K applied to the weight: [R', C, D]. In pieces that stay in the cache."""
        assert self._weight is not None
        kernel, taps, result = bilinear(self.taps, self.block).kernel[rows], self._weight.flatten(1), out.flatten(1)
        for start in range(0, taps.shape[1], _PIECE):
            torch.mm(kernel, taps[:, start : start + _PIECE], out=result[:, start : start + _PIECE])
        return out
