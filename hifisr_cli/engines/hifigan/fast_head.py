"""The waveform head for the processor: the same numbers as `HifiGan`, in less time and bounded memory.

Signals are rows [T, C]; transposed convolutions are matrix products; residual blocks run on tiles of the signal that
stay in the cache, with the context that their convolutions need around them; buffers are used again. Inference only.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.hifigan.fast_convolution import BLOCKS, SHORT_BLOCKS, FastConvolution, Workspace
from hifisr_cli.engines.hifigan.head import HifiGan, ResidualBlock, Snake
from hifisr_cli.engines.hifigan.pulses import Pulsation
from hifisr_cli.engines.hifigan.threads import InterruptedWorkError, Threads

_TILE_VALUES = 524_288  # rows times channels of a tile: larger wastes less on context, smaller stays in the cache
_LAST_SHORT_BLOCKS = {7: 12}
_KEPT_BYTES = 65_000_000  # for transformed weights, smallest first; the others are transformed anew in every call


class _FastSnake:
    """Snake into a buffer. With v the rest of a x / pi after rounding, sin(a x)^2 = sin(pi v)^2 = 4 s (1 - s) with
    s = sin(pi v / 2)^2, a polynomial of v^2: ten passes that take less time than those with a sine (error 1e-7).
    """

    # Of sin(pi v / 2)^2 / v^2 in v^2, |v| <= 1/2: interpolated at the Chebyshev nodes.
    _CONSTANT, _LINEAR, _SQUARE, _CUBE = 2.46740072, -2.02930748, 0.66665663, -0.11137679

    def __init__(self, snake: Snake) -> None:
        alpha = snake.alpha.detach().reshape(-1).double()
        self.turns, self.scale = (alpha / math.pi).float(), (4.0 / (alpha + 1e-9)).float()
        self._coefficients = torch.tensor((self._CONSTANT, self._LINEAR, self._SQUARE)).unbind()

    def __call__(self, x: Tensor, out: Tensor, space: Workspace) -> None:
        constant, linear, square = self._coefficients
        scratch = space.take("scratch", *x.shape)
        torch.mul(x, self.turns, out=out)
        torch.round(out, out=scratch)
        out.sub_(scratch).square_()
        torch.add(square, out, alpha=self._CUBE, out=scratch)
        torch.addcmul(linear, scratch, out, out=scratch)
        torch.addcmul(constant, scratch, out, out=scratch)
        scratch.mul_(out)
        torch.addcmul(scratch, scratch, scratch, value=-1.0, out=scratch)
        torch.addcmul(x, scratch, self.scale, out=out)


class _FastLeakyReLU:
    """Leaky ReLU of a slope below 1 into a buffer: the larger of x and slope times x."""

    def __init__(self, relu: nn.LeakyReLU) -> None:
        self._slope = relu.negative_slope

    def __call__(self, x: Tensor, out: Tensor, _space: Workspace) -> None:
        torch.mul(x, self._slope, out=out)
        torch.maximum(x, out, out=out)


def _activation(module: nn.Module) -> _FastSnake | _FastLeakyReLU:
    return _FastSnake(module) if isinstance(module, Snake) else _FastLeakyReLU(cast("nn.LeakyReLU", module))


_Rows = Callable[[int, int, Workspace], Tensor]
"""A signal of which rows `start` to `stop` can be had: [stop - start, C], in a buffer of the workspace, valid until the
next are asked for."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where rows lie: the first of them at `first` of a signal of `end` rows, beyond which convolutions see zeros."""

    first: int
    end: int

    def later(self, rows: int) -> _Place:
        return _Place(self.first + rows, self.end)

    def silence_outside(self, x: Tensor) -> None:
        """Puts zeros where rows x [T, C] lie outside of the signal."""
        if self.first < 0:
            x[: min(-self.first, x.shape[0])].zero_()
        if self.first + x.shape[0] > self.end:
            x[max(self.end - self.first, 0) :].zero_()


class _Step:
    """Activation, then a convolution, on rows that carry their context with them."""

    def __init__(self, activation: nn.Module, conv: nn.Conv1d, blocks: Mapping[int, int]) -> None:
        self.activate = _activation(activation)
        self.conv = _taken(conv, blocks)
        self.reach = self.conv.reach

    def __call__(
        self, x: Tensor, target: Tensor, length: int, place: _Place, space: Workspace, *, add: bool = False
    ) -> None:
        """Rows x [length + reach or more, C] at `place` -> (or, with `add`, onto) the first `length` of `target`.

        See `FastConvolution` for the room that `target` must have.
        """
        valid = length + self.reach
        activated = space.take("activated", self.conv.room(length) + self.reach, x.shape[1])
        self.activate(x[:valid], activated[:valid], space)
        place.silence_outside(activated[:valid])
        self.conv(activated, target, length, space, add=add)


def _steps(activations: nn.ModuleList, convs: nn.ModuleList, blocks: Mapping[int, int]) -> list[_Step]:
    pairs = zip(activations, convs, strict=True)
    return [_Step(activation, cast("nn.Conv1d", conv), blocks) for activation, conv in pairs]


class _Block:
    """A residual block: pairs of steps (the second is missing in unpaired blocks), each added to what went in."""

    def __init__(self, block: ResidualBlock, blocks: Mapping[int, int]) -> None:
        self.dilated = _steps(block.dilated_snakes, block.dilated, blocks)
        self.plain = _steps(block.plain_snakes, block.plain, blocks)
        self.steps = self.dilated + self.plain
        self.context = sum(step.reach for step in self.steps) // 2

    def __call__(self, x: Tensor, place: _Place, space: Workspace) -> Tensor:
        """Rows x [T + 2 context, C] at `place` -> [T, C], a buffer of `space`."""
        length = x.shape[0]
        # Outputs need room for whole blocks of samples past their end.
        sums = space.take("sums", length + max(step.conv.room(1) for step in self.steps), x.shape[1])
        sums[:length].copy_(x)
        for i, step in enumerate(self.dilated):
            length -= step.reach
            if self.plain:
                between = space.take("between", step.conv.room(length), x.shape[1])
                step(sums, between, length, place, space)
                second = self.plain[i]
                length -= second.reach
                shift = (step.reach + second.reach) // 2
                second(between, sums[shift:], length, place.later(step.reach // 2), space, add=True)
            else:
                shift = step.reach // 2
                step(sums, sums[shift:], length, place, space, add=True)
            sums, place = sums[shift:], place.later(shift)
        return sums[:length]


class _Upsample:
    """Activation and transposed convolution, as one matrix product for each input row that an output row sees."""

    def __init__(self, activation: nn.Module, conv: nn.ConvTranspose1d) -> None:
        self.activate = _activation(activation)
        self.rate, self.padding = conv.stride[0], int(conv.padding[0])
        channels_in, self.channels, taps = conv.weight.shape
        self.surplus = taps - self.rate - 2 * self.padding
        self.seen = -(-taps // self.rate)
        weight = F.pad(conv.weight.detach(), (0, self.seen * self.rate - taps)).permute(2, 0, 1)
        weight = weight.reshape(self.seen, self.rate, channels_in, self.channels).transpose(1, 2)
        self.weight = weight.reshape(self.seen, channels_in, self.rate * self.channels)
        bias = torch.zeros(self.channels) if conv.bias is None else conv.bias.detach()
        self.bias = bias.repeat(self.rate)
        del conv.weight

    def length(self, rows: int) -> int:
        """Of the output that so many rows make."""
        return rows * self.rate + self.surplus

    def __call__(self, below: _Rows, end: int, start: int, stop: int, space: Workspace) -> Tensor:
        """Rows `start` to `stop` of the output, made of the `end` rows `below` and zeros around: [stop - start, D].

        Input row t reaches the output rows from t rate - padding on.
        """
        first, last = (start + self.padding) // self.rate, (stop - 1 + self.padding) // self.rate
        low = first - self.seen + 1
        inside = below(max(low, 0), min(last + 1, end), space)
        activated = space.take("activated", last + 1 - low, inside.shape[1])
        before = max(-low, 0)
        activated[:before].zero_()
        activated[before + inside.shape[0] :].zero_()
        self.activate(inside, activated[before : before + inside.shape[0]], space)
        count = last + 1 - first
        full = space.take("upsampled", count, self.rate * self.channels)
        for i, weight in enumerate(self.weight):
            seen = activated[self.seen - 1 - i :][:count]
            torch.addmm(full if i else self.bias, seen, weight, out=full)
        return full.view(-1, self.channels)[start + self.padding - first * self.rate :][: stop - start]


class _Stage:
    """Upsampling, then the mean of residual blocks: [T, C] -> [T rate, D], any stretch of it at a time."""

    def __init__(self, up: _Upsample, fields: nn.ModuleList, blocks: Mapping[int, int]) -> None:
        self.up = up
        self.blocks = [_Block(block, blocks) for block in fields if isinstance(block, ResidualBlock)]
        self.context = max(block.context for block in self.blocks)

    def rows(self, below: _Rows, end: int) -> _Rows:
        """Its output, computed where it is asked for, from the `end` rows `below`."""

        def stretch(start: int, stop: int, space: Workspace) -> Tensor:
            upsampled = self.up(below, end, start - self.context, stop + self.context, space)
            mean = space.take(f"mean of {self.up.channels}", stop - start, self.up.channels)
            for index, block in enumerate(self.blocks):
                spare = self.context - block.context
                seen = upsampled[spare : upsampled.shape[0] - spare]
                done = block(seen, _Place(start - block.context, self.up.length(end)), space)
                torch.add(mean, done, out=mean) if index else mean.copy_(done)
            return mean.div_(len(self.blocks))

        return stretch


def _taken(conv: nn.Conv1d, blocks: Mapping[int, int]) -> FastConvolution:
    """The fast form of a convolution, which loses its weight so that no two copies of a large head exist."""
    fast = FastConvolution(conv.weight, conv.bias, conv.dilation[0], blocks=blocks)
    del conv.weight
    return fast


class FastHead(nn.Module):
    """Does what `HifiGan` does (weight norm folded, float32, on the processor); same shapes.

    It takes the weights out of the head that it is made of. Threads may share it. While `interrupt` is set it raises
    `InterruptedWorkError` instead of going on to the next tile.

    Args:
        fewest_rows: of the first stage, and of the second, in a tile. Where their layers are so wide that transforming
            a weight takes as long as using it on a tile, larger tiles pay. (Published HiFi-SR: no difference.)
        threads: tiles that are worked on side by side. The bytes are those of one.
    """

    def __init__(self, head: HifiGan, *, fewest_rows: int = 1, threads: int = 1) -> None:
        super().__init__()
        self._fewest_rows = fewest_rows
        self.config, self.context_frames, self.istft = head.config, head.context_frames, head.istft
        few = head.config.has_few_rows
        blocks, last_blocks = (SHORT_BLOCKS, _LAST_SHORT_BLOCKS) if few else (BLOCKS, BLOCKS)
        self._enter = _taken(head.enter, blocks)
        self._stages = [
            _Stage(_Upsample(snake, cast("nn.ConvTranspose1d", up)), cast("nn.ModuleList", fields), blocks)
            for snake, up, fields in zip(head.snakes, head.ups, head.blocks, strict=True)
        ]
        self._leave = _Step(head.snake_out, head.leave, last_blocks)
        self._local = threading.local()
        self.interrupt = threading.Event()
        self._threads = Threads(threads, self.interrupt) if threads > 1 else None

    def keep_transformed(self) -> None:
        """Transforms weights once and for all as far as memory allows, the smallest first."""
        steps = [step for stage in self._stages for block in stage.blocks for step in block.steps]
        convs = [self._enter, self._leave.conv, *(step.conv for step in steps)]
        left = _KEPT_BYTES
        for conv in sorted(convs, key=lambda each: each.transformed_bytes):
            left -= conv.transformed_bytes
            if left >= 0:
                conv.keep_transformed()

    def forward(
        self, latent: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None, *, spare: int = 0
    ) -> Tensor:
        return self.render(self.draw(latent, spare=spare), noise, pulses)

    def draw(self, latent: Tensor, *, spare: int = 0) -> Tensor:
        """[B, C, F] -> what the output layer needs, [B, outputs, (F - 2 spare) upsampling]."""
        drawn = [self._draw(rows, spare) for rows in latent.transpose(1, 2)]
        return torch.stack(drawn).transpose(1, 2) if len(drawn) > 1 else drawn[0][None].transpose(1, 2)

    def render(self, drawn: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None) -> Tensor:
        """The output layer: see `HifiGan.render`."""
        return torch.tanh(drawn)[:, 0] if self.istft is None else self.istft(drawn, noise, pulses)

    def _draw(self, latent: Tensor, spare: int) -> Tensor:
        """Rows [F, C] -> [(F - 2 spare) upsampling, outputs]."""
        length, edge = latent.shape[0], self._enter.reach // 2
        x = torch.empty(self._enter.room(length), self._enter.channels_out)

        def enter(start: int, stop: int, space: Workspace) -> None:
            padded = space.take("activated", self._enter.room(stop) + self._enter.reach, latent.shape[1])
            padded.zero_()
            padded[edge : edge + stop] = latent
            self._enter(padded, x[start:], stop, space)

        self._on_tiles(enter, [(0, length)])
        return self._finish(x[:length], spare)

    def _workspace(self) -> Workspace:
        """Of this thread: memory that is new to the process costs as much time as what is computed in it."""
        space: Workspace | None = getattr(self._local, "space", None)
        if space is None:
            space = self._local.space = Workspace()
        return space

    def _finish(self, x: Tensor, spare: int) -> Tensor:
        """Stages, last activation and convolution, tile by tile: rows [T, C] -> [(T - 2 spare) upsampling, outputs].

        All of a tile is computed before the next one, so that nothing but the result is ever held as a whole. Only the
        first stage, few rows with a long context, is done at once.
        """
        rows, end = _whole(x), x.shape[0]
        for index, stage in enumerate(self._stages):
            rows, end = stage.rows(rows, end), stage.up.length(end)
            channels = stage.up.channels
            if index == 0 and len(self._stages) > 1:
                rows = _whole(self._computed(rows, end, channels))
        edge, outputs = self._leave.reach // 2, self._leave.conv.channels_out
        left_out = spare * self.config.upsampling
        length = end - 2 * left_out
        result = torch.empty(length, outputs)

        def leave(top: int, bottom: int, space: Workspace) -> None:
            start, stop = left_out + top, left_out + bottom
            low, high = max(start - edge, 0), min(stop + edge, end)
            tile = F.pad(rows(low, high, space), (0, 0, low - (start - edge), stop + edge - high))
            for begin, finish in _tiles(bottom - top, outputs):
                drawn = space.take("drawn", self._leave.conv.room(finish - begin), outputs)
                self._leave(tile[begin:], drawn, finish - begin, _Place(start - edge + begin, end), space)
                result[top + begin : top + finish] = drawn[: finish - begin]

        self._on_tiles(leave, _tiles(length, channels, self._fewest_rows * math.prod(self.config.rates[2:])))
        return result

    def _computed(self, rows: _Rows, end: int, channels: int) -> Tensor:
        """All of a signal: [end, C]."""
        result = torch.empty(end, channels)

        def compute(start: int, stop: int, space: Workspace) -> None:
            result[start:stop] = rows(start, stop, space)

        self._on_tiles(compute, _tiles(end, channels, self._fewest_rows))
        return result

    def _on_tiles(self, work: Callable[[int, int, Workspace], None], tiles: Sequence[tuple[int, int]]) -> None:
        """Does `work` from the start to the stop of each tile, in the workspace of the thread that does it."""

        @torch.inference_mode()
        def on_tile(start: int, stop: int) -> None:
            if self.interrupt.is_set():
                raise InterruptedWorkError
            work(start, stop, self._workspace())

        if self._threads is None:
            for tile in tiles:
                on_tile(*tile)
        else:
            self._threads.map(on_tile, *zip(*tiles, strict=True))


def _whole(x: Tensor) -> _Rows:
    return lambda start, stop, _space: x[start:stop]


def _tiles(length: int, channels: int, fewest: int = 1) -> list[tuple[int, int]]:
    """Cuts `length` rows into tiles of nearly equal size, of at most `_TILE_VALUES` or `fewest` rows."""
    count = max(min(-(-length * channels // _TILE_VALUES), -(-length // fewest)), 1)
    return list(pairwise(length * i // count for i in range(count + 1)))
