"""The fast convolution computes what PyTorch's does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hifisr_cli.engines.audiosr import winograd
from hifisr_cli.engines.audiosr.winograd import WinogradConv


def pair(channels_in: int = 32, channels_out: int = 48) -> tuple[nn.Conv2d, WinogradConv]:
    torch.manual_seed(0)
    conv = nn.Conv2d(channels_in, channels_out, 3, padding=1).requires_grad_(requires_grad=False)
    return conv, WinogradConv(conv)


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 4, 4), (2, 8, 12), (1, 7, 5), (3, 1, 2), (1, 33, 18)])
def test_it_is_the_same_convolution_of_any_size(batch: int, height: int, width: int) -> None:
    plain, fast = pair()
    image = torch.randn(batch, 32, height, width)
    expected = plain(image)
    for given in (image, image.contiguous(memory_format=torch.channels_last)):
        assert fast(given).shape == expected.shape
        assert (fast(given) - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize(("chunk", "kernel"), [(1, 1), (20_000, 1), (1, 20_000), (20_000, 20_000)])
def test_pieces_do_not_show(chunk: int, kernel: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, fast = pair()
    image = torch.randn(1, 32, 20, 24)
    monkeypatch.setattr(winograd, "_CHUNK_VALUES", chunk)
    monkeypatch.setattr(winograd, "_KERNEL_VALUES", kernel)
    expected = plain(image)
    assert (fast(image) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_what_it_gave_stays_when_it_is_used_again() -> None:
    _, fast = pair()
    first, second = torch.randn(2, 1, 32, 8, 8)
    given = fast(first)
    before = given.clone()
    fast(second)
    assert torch.equal(given, before)


def test_the_algorithm_is_the_convolution_itself() -> None:
    """Of one tile and one kernel, in float64: S [(K w) * (V x)] is the sum over the taps."""
    values, taps, products = (
        torch.tensor(rows, dtype=torch.float64) for rows in (winograd._VALUES, winograd._TAPS, winograd._PRODUCTS)
    )
    tile, kernel = torch.randn(6, 6, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64)
    made = products @ ((taps @ kernel @ taps.T) * (values @ tile @ values.T)) @ products.T
    assert torch.allclose(made, nn.functional.conv2d(tile[None, None], kernel[None, None])[0, 0], atol=1e-12)


def test_of_another_kind_it_is_not() -> None:
    assert WinogradConv.fits(nn.Conv2d(64, 64, 3, padding=1))
    others = (
        nn.Conv2d(64, 64, 3, padding=1, stride=2),
        nn.Conv2d(64, 64, 3),
        nn.Conv2d(64, 64, 3, padding=1, dilation=2),
        nn.Conv2d(64, 64, 3, padding=1, groups=2),
        nn.Conv2d(64, 64, 3, padding=1, bias=False),
        nn.Conv2d(64, 64, 1),
        nn.Conv2d(1, 64, 3, padding=1),
    )
    assert not any(map(WinogradConv.fits, others))
