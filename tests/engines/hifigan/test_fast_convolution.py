"""The fast convolution against its definition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.hifigan.fast_convolution import BLOCKS, FastConvolution, Workspace, bilinear

SHAPES = [
    # channels in and out, taps, dilation, rows
    (48, 48, 3, 1, 1000),
    (64, 48, 7, 3, 801),
    (48, 80, 11, 5, 1203),
    (48, 64, 11, 1, 480),
    (64, 48, 5, 2, 777),
    (48, 1, 7, 1, 333),  # too few channels for the fast algorithm
    (16, 16, 11, 3, 150),
    (48, 48, 11, 5, 1),  # too short for it
    (48, 48, 3, 3, 30),
    (48, 48, 1, 1, 500),  # nothing to gain
]


def plain_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int = 1) -> Tensor:
    """The definition: rows [T, C], weight [D, C, k] -> rows [T - (k - 1) dilation, D]."""
    length = x.shape[0] - (weight.shape[2] - 1) * dilation
    taps = [x[i * dilation :][:length] @ weight[:, :, i].T for i in range(weight.shape[2])]
    total = torch.stack(taps).sum(0)
    return total if bias is None else total + bias


def case(channels_in: int, channels_out: int, taps: int, dilation: int, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """A signal with the context that it needs, a weight that keeps its variance, and a bias."""
    torch.manual_seed(rows)
    weight = torch.randn(channels_out, channels_in, taps) / (channels_in * taps) ** 0.5
    return torch.randn(rows + (taps - 1) * dilation, channels_in), weight, torch.randn(channels_out)


def run(conv: FastConvolution, x: Tensor, *, beyond: float = 0.0, onto: float | None = None) -> Tensor:
    """The convolution, from and into buffers that have room for it; `beyond` is what stands past the input."""
    rows = x.shape[0] - conv.reach
    source = torch.full((conv.room(rows) + conv.reach, x.shape[1]), beyond)
    source[: x.shape[0]] = x
    target = torch.full((conv.room(rows), conv.channels_out), float("nan") if onto is None else onto)
    conv(source, target, rows, Workspace(), add=onto is not None)
    return target[:rows].clone()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("keep", [False, True])
def test_agrees_with_the_definition(shape: tuple[int, int, int, int, int], keep: bool) -> None:
    x, weight, bias = case(*shape)
    conv = FastConvolution(weight, bias, shape[3])
    if keep:
        conv.keep_transformed()
    expected = plain_convolution(x.double(), weight.double(), bias.double(), shape[3])
    assert (run(conv, x) - expected).abs().max() < 1e-5
    assert (run(conv, x, onto=0.5) - 0.5 - expected).abs().max() < 1e-5


def test_definition_is_that_of_pytorch() -> None:
    x, weight, bias = case(5, 4, 7, 3, 50)
    theirs = torch.nn.functional.conv1d(x.T[None].double(), weight.double(), bias.double(), dilation=3)[0].T
    assert torch.allclose(plain_convolution(x.double(), weight.double(), bias.double(), 3), theirs)


@pytest.mark.parametrize("taps", [3, 5, 7, 11])
def test_matrices_convolve_with_fewer_products(taps: int) -> None:
    block = BLOCKS.get(taps, 4 * taps)
    parts = bilinear(taps, block)
    torch.manual_seed(taps)
    x, w = torch.randn(block), torch.randn(taps)
    y = parts.synthesis @ ((parts.kernel @ w) * (parts.analysis @ x))
    assert (y - x.unfold(0, taps, 1) @ w).abs().max() < 1e-5
    assert parts.analysis.shape[0] < 0.7 * taps * (block - taps + 1)


def test_what_stands_past_the_input_does_not_touch_a_bit() -> None:
    x, weight, bias = case(48, 48, 11, 3, 500)
    conv = FastConvolution(weight, bias, 3)
    assert torch.equal(run(conv, x), run(conv, x, beyond=float("nan")))
    assert torch.equal(run(conv, x), run(conv, x, beyond=1e30))


def test_kept_weights_give_the_same_bytes_in_less_memory_than_both() -> None:
    x, weight, bias = case(64, 64, 7, 1, 600)
    conv = FastConvolution(weight, bias)
    anew = run(conv, x)
    conv.keep_transformed()
    assert torch.equal(run(conv, x), anew)


def test_no_bias_is_a_bias_of_zero() -> None:
    x, weight, _ = case(48, 48, 7, 1, 400)
    assert torch.equal(run(FastConvolution(weight, None), x), run(FastConvolution(weight, torch.zeros(48)), x))


def test_buffers_are_used_again_and_grow() -> None:
    space = Workspace()
    first = space.take("a", 10, 3)
    assert space.take("a", 5, 4).data_ptr() == first.data_ptr()
    assert space.take("b", 30).data_ptr() != first.data_ptr()
    assert space.take("a", 100, 100).shape == (100, 100)
