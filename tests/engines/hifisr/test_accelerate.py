"""The prepared network computes what the plain one computes."""

from __future__ import annotations

import copy
import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.hifigan import fast_head
from hifisr_cli.engines.hifigan.fast_head import FastHead
from hifisr_cli.engines.hifigan.head import HifiGan, fold_weight_norm
from hifisr_cli.engines.hifigan.threads import InterruptedWorkError
from hifisr_cli.engines.hifisr.accelerate import PlainHead, RowsDepthwise, accelerate, plain_is_faster
from hifisr_cli.engines.hifisr.config import COMPACT, PUBLISHED, NetworkConfig
from hifisr_cli.engines.hifisr.generator import Generator

pytestmark = pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="PyTorch without Intel MKL")

# Four stages from 128 to 16 channels: wide and narrow, paired and with three dilations.
SMALL_PUBLISHED = dataclasses.replace(
    PUBLISHED,
    latent=dataclasses.replace(PUBLISHED.latent, width=64, blocks=1),
    head=dataclasses.replace(PUBLISHED.head, channels=256),
)
SMALL_COMPACT = dataclasses.replace(
    COMPACT,
    latent=dataclasses.replace(COMPACT.latent, blocks=1, latent=64),
    head=dataclasses.replace(COMPACT.head, channels=64),
)


def pair(config: NetworkConfig, *, plain: bool = False, bfloat16: bool = False) -> tuple[Generator, Generator]:
    """A network with weights that let the input through to the output, plain and prepared."""
    torch.manual_seed(0)
    given = Generator(config).eval().requires_grad_(requires_grad=False)
    fold_weight_norm(given)
    for name, parameter in given.named_parameters():
        if "alpha" in name:
            parameter.uniform_(0.3, 3.0)
        elif name.startswith("head") and parameter.dim() == 3:
            parameter.mul_(3.0)
    return given, accelerate(copy.deepcopy(given), plain=plain, bfloat16=bfloat16)


@pytest.fixture(scope="module", params=[SMALL_PUBLISHED, SMALL_COMPACT], ids=["published", "compact"])
def networks(request: pytest.FixtureRequest) -> tuple[Generator, Generator]:
    return pair(request.param)


def inputs(network: Generator, frames: int, batch: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(frames)
    samples = frames * network.hop
    return 0.1 * torch.randn(batch, samples), torch.full((batch,), 4000.0), torch.randn(1, samples)


@pytest.mark.parametrize("frames", [4, 5, 33, 150])
def test_agrees_with_the_plain_network(networks: tuple[Generator, Generator], frames: int) -> None:
    plain, fast = networks
    assert isinstance(fast.head, FastHead)
    assert isinstance(plain.head, HifiGan)
    with torch.inference_mode():
        expected, got = plain(*inputs(plain, frames)), fast(*inputs(plain, frames))
    assert got.shape == expected.shape
    assert (got - expected).abs().max() < 1e-5 * expected.abs().max()


def test_tiles_do_not_show(networks: tuple[Generator, Generator], monkeypatch: pytest.MonkeyPatch) -> None:
    plain, fast = networks
    with torch.inference_mode():
        expected = plain(*inputs(plain, 60))
        for values in (3_000, 20_000):
            monkeypatch.setattr(fast_head, "_TILE_VALUES", values)
            assert (fast(*inputs(plain, 60)) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_same_bytes_alone_in_a_batch_and_in_any_thread(networks: tuple[Generator, Generator]) -> None:
    _, fast = networks
    wave, cutoff, noise = inputs(fast, 40, batch=2)

    def row(index: int) -> Tensor:
        torch.set_num_threads(1)
        with torch.inference_mode():
            result: Tensor = fast(wave[index : index + 1], cutoff[:1], noise)
        return result

    with ThreadPoolExecutor(2) as pool:
        first, second, again = pool.map(row, (0, 1, 0))
    assert torch.equal(first, again)
    threads = torch.get_num_threads()
    with torch.inference_mode():
        both = fast(wave, cutoff, noise)
    assert (both - torch.cat((first, second))).abs().max() < 1e-5 * both.abs().max()
    torch.set_num_threads(threads)


def test_depthwise_convolution_in_rows() -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv1d(24, 24, 7, padding=3, groups=24, bias=False).requires_grad_(requires_grad=False)
    rows = torch.randn(2, 50, 24)
    ours = RowsDepthwise(conv)(rows.transpose(1, 2))
    assert (ours - conv(rows.transpose(1, 2))).abs().max() < 1e-6
    assert ours.transpose(1, 2).is_contiguous()


def test_a_head_of_few_rows_stays_with_pytorch_where_vectors_are_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, few in (("AVX512", True), ("AVX2", False), ("DEFAULT", False)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda answer=capability: answer)
        assert plain_is_faster(COMPACT.head) is few
        assert not plain_is_faster(PUBLISHED.head)


def test_a_plain_head_agrees_with_the_plain_network() -> None:
    plain, prepared = pair(SMALL_COMPACT, plain=True)
    assert isinstance(prepared.head, PlainHead)
    with torch.inference_mode():
        expected, got = plain(*inputs(plain, 33)), prepared(*inputs(plain, 33))
        assert (got - expected).abs().max() < 1e-5 * expected.abs().max()
        latent = torch.randn(1, SMALL_COMPACT.latent.latent, 30)
        assert torch.equal(prepared.head.draw(latent, spare=3), plain.head.draw(latent, spare=3))


@pytest.mark.parametrize("config", [SMALL_PUBLISHED, SMALL_COMPACT], ids=["published", "compact"])
def test_bfloat16_is_the_heads_alone(config: NetworkConfig) -> None:
    plain, prepared = pair(config, bfloat16=True)
    assert isinstance(prepared.head, PlainHead)
    wave, cutoff, _ = inputs(plain, 12)
    with torch.inference_mode():
        features = plain.featurize(wave, cutoff)
        expected, got = plain.latent(features), prepared.latent(features)
        assert got.dtype == torch.float32
        assert (got - expected).abs().max() < 1e-5 * expected.abs().max()
        exact, rounded = plain.head.draw(expected), prepared.head.draw(got)
        assert rounded.dtype == torch.float32
        error = (rounded - exact).square().mean() / exact.square().mean()
    assert 1e-8 < error < 1e-3  # of eight bits: between 80 and 30 dB below


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_plain_head_knows_no_place_and_can_be_stopped(bfloat16: bool) -> None:
    plain, _ = pair(SMALL_COMPACT)
    head = PlainHead(plain.head, bfloat16=bfloat16)
    latent = torch.randn(2, SMALL_COMPACT.latent.latent, 90)
    with torch.inference_mode():
        # What a frame becomes depends on its neighbourhood, not on where the window begins.
        whole, later = head.draw(latent), head.draw(latent[..., 10:], spare=head.context_frames)
        inner = whole[..., (10 + head.context_frames) * head.config.upsampling :][..., : later.shape[-1]]
        assert (later - inner).square().mean() < 1e-8 * inner.square().mean()
        head.interrupt.set()
        with pytest.raises(InterruptedWorkError):
            head.draw(latent)
