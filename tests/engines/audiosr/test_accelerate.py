"""The prepared network computes what the plain one computes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from hifisr_cli.engines.audiosr.accelerate import accelerate
from hifisr_cli.engines.audiosr.importing import import_published
from hifisr_cli.engines.audiosr.network import AudioSr, load_network
from hifisr_cli.engines.audiosr.winograd import WinogradConv
from hifisr_cli.engines.hifigan.fast_head import FastHead
from tests.engines.audiosr.published_form import Sizes, random_state, save

pytestmark = pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="PyTorch without Intel MKL")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[AudioSr, AudioSr]:
    """Plain and prepared, with a vocoder wide enough for the frequency domain."""
    folder = tmp_path_factory.mktemp("accelerate")
    save(folder / "pytorch_model.bin", random_state(Sizes(vocoder=128)))
    import_published([folder], folder / "net.safetensors")
    return load_network(folder / "net.safetensors"), accelerate(load_network(folder / "net.safetensors"))


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def agree(ours: Tensor, expected: Tensor) -> bool:
    return ours.shape == expected.shape and float((ours - expected).abs().max()) < 3e-5 * float(expected.abs().max())


@torch.inference_mode()
def test_every_stage_agrees(networks: tuple[AudioSr, AudioSr]) -> None:
    plain, fast = networks
    log_mel, latent = draw(2, 24, 32), draw(2, 4, 12, 16)
    assert agree(fast.condition(log_mel).mean, plain.condition(log_mel).mean)
    assert agree(fast.condition(log_mel).std, plain.condition(log_mel).std)
    assert agree(fast.decode(latent), plain.decode(latent))
    assert agree(fast.vocode(log_mel), plain.vocode(log_mel))
    assert agree(fast.vocode(log_mel, spare=3), plain.vocode(log_mel, spare=3))
    at = torch.tensor([999.0, 3.0])
    assert torch.equal(fast.velocity(latent, at, latent), plain.velocity(latent, at, latent))


def test_what_is_prepared(networks: tuple[AudioSr, AudioSr]) -> None:
    plain, fast = networks
    kept = [part for part in plain.modules() if isinstance(part, nn.Conv2d) and WinogradConv.fits(part)]
    taken = [part for part in fast.modules() if isinstance(part, WinogradConv)]
    inside = [part for part in plain.unet.modules() if isinstance(part, nn.Conv2d) and WinogradConv.fits(part)]
    assert len(taken) == len(kept) - len(inside) > 0
    assert isinstance(fast.vocoder, FastHead)


@torch.inference_mode()
def test_same_bytes_again(networks: tuple[AudioSr, AudioSr]) -> None:
    _, fast = networks
    latent = draw(1, 4, 12, 16)
    assert torch.equal(fast.decode(latent), fast.decode(latent))
