"""3x3 convolutions with a quarter of the products: the same numbers to rounding, in less time on a processor.

Minimal filtering F(4x4, 3x3) (Winograd 1980; Lavin and Gray 2016): a tile of 6x6 values and the kernel become 36 values
each, whose products, summed over the channels, become 4x4 values of the output. The sums are matrix products.
"""

from __future__ import annotations

import threading

import torch
from torch import Tensor, nn

from hifisr_cli.engines.hifigan.fast_convolution import Workspace

_TILE, _SEEN = 4, 6
_POINTS = _SEEN * _SEEN

# Rows for the points 0, 1, -1, 2, -2 and infinity: what they make of 6 values, of 3 taps, and of 6 products.
_VALUES = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_TAPS = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_PRODUCTS = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))

# Measured on one core with AVX2 at the published sizes, where a convolution takes 0.5 to 0.65 of PyTorch's time (128
# channels: 0.6 to 0.75). A quarter of the tiles at a time takes a third to a half more; half as large and four times as
# large pieces of the weights made no clear difference.
_CHUNK_VALUES = 1 << 22  # of tiles at a time
_KERNEL_VALUES = 1 << 24  # of transformed weights at a time
_FEWEST_CHANNELS = 32  # by hand: the transforms take as long for each channel, however many there are


_local = threading.local()


def workspace() -> Workspace:
    """Of this thread."""
    space: Workspace | None = getattr(_local, "space", None)
    if space is None:
        space = _local.space = Workspace()
    return space


def _in_both_directions(rows: Tensor, x: Tensor, between: Tensor, out: Tensor) -> None:
    """What rows [a, b] make of [b, b, N], down and across: [a, a, N].

    One direction after the other takes half (values) or three quarters (products) of the time of all pairs at once.

    Args:
        between: room for [a, b, N].
    """
    made, seen = rows.shape
    torch.mm(rows, x.view(seen, -1), out=between.view(made, -1))
    torch.bmm(rows.expand(made, made, seen), between.view(made, seen, -1), out=out.view(made, made, -1))


class WinogradConv(nn.Module):
    """Does what a 3x3 convolution of stride 1 does, zeros around the image. [B, C, H, W] -> [B, D, H, W].

    The kernel is transformed anew in every call, a part of the outputs at a time, which costs little where there are
    many tiles. Inference only: buffers are used again, those of one thread by all convolutions.
    """

    values: Tensor
    taps: Tensor
    products: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.get_parameter("bias")
        taps = torch.tensor(_TAPS, dtype=torch.float64)
        for name, rows in (
            ("values", torch.tensor(_VALUES, dtype=torch.float32)),
            ("taps", torch.kron(taps, taps).float()),  # in both directions at once: there are few
            ("products", torch.tensor(_PRODUCTS, dtype=torch.float32)),
        ):
            self.register_buffer(name, rows, persistent=False)

    @staticmethod
    def fits(conv: nn.Conv2d) -> bool:
        """Whether a convolution is of this kind, and of enough channels for products to be most of its work."""
        kind = conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups
        wide = min(conv.in_channels, conv.out_channels) >= _FEWEST_CHANNELS
        return kind == ((3, 3), (1, 1), (1, 1), (1, 1), 1) and conv.bias is not None and wide

    @torch.inference_mode()  # in which the buffers were made, whoever used them first
    def forward(self, x: Tensor) -> Tensor:
        """The result is in channels-last layout, which saves those that follow a copy."""
        down, across = (-(-size // _TILE) for size in x.shape[2:])
        space = workspace()
        out = torch.empty(len(x), down * _TILE, across * _TILE, self.weight.shape[0])
        for image, target in zip(x.permute(0, 2, 3, 1), out, strict=True):
            self._convolve(image, target.view(down, _TILE, across, _TILE, -1), space)
        return out[:, : x.shape[2], : x.shape[3]].permute(0, 3, 1, 2)

    def _convolve(self, image: Tensor, target: Tensor, space: Workspace) -> None:
        """[H, W, C] -> tiles [down, 4, across, 4, D]."""
        height, width, channels_in = image.shape
        down, across, channels_out = target.shape[0], target.shape[2], target.shape[4]
        padded = space.take("padded", down * _TILE + 2, across * _TILE + 2, channels_in).zero_()
        padded[1 : height + 1, 1 : width + 1] = image
        tiles = padded.unfold(0, _SEEN, _TILE).unfold(1, _SEEN, _TILE).permute(3, 4, 0, 1, 2)
        rows = min(max(_CHUNK_VALUES // (_POINTS * across * channels_in), 1), down)
        outputs = min(max(_KERNEL_VALUES // (_POINTS * channels_in), 1), channels_out)
        for first in range(0, channels_out, outputs):
            some = slice(first, first + outputs)
            weight = self.weight[some].reshape(-1, 9).T
            kernel = space.take("kernel", _POINTS, weight.shape[1])
            torch.mm(self.taps, weight, out=kernel)
            kernel = kernel.view(_POINTS, -1, channels_in).transpose(1, 2)
            for top in range(0, down, rows):
                into = target[top : top + rows, ..., some]
                count = len(into) * across
                seen = space.take("seen", _SEEN, _SEEN, len(into), across, channels_in)
                seen.copy_(tiles[:, :, top : top + rows])
                spectra = space.take("spectra", _POINTS, count, channels_in)
                _in_both_directions(self.values, seen, space.take("between", *seen.shape), spectra)
                multiplied = space.take("products", _POINTS, count, kernel.shape[2])
                torch.bmm(spectra, kernel, out=multiplied)
                made = space.take("made", _TILE * _TILE, count * kernel.shape[2])
                between = space.take("between", _TILE, _SEEN, count * kernel.shape[2])
                _in_both_directions(self.products, multiplied.view(_SEEN, _SEEN, -1), between, made)
                made = made.view(_TILE, _TILE, len(into), across, -1).permute(2, 0, 3, 1, 4)
                torch.add(made, self.bias[some], out=into)
