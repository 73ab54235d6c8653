"""The whole network: its scale, its guidance, its vocoder's place in time, its checkpoint."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hifisr_cli.checkpoints.frozen import read_info, write
from hifisr_cli.checkpoints.registry import find_model
from hifisr_cli.engines.audiosr.importing import import_published
from hifisr_cli.engines.audiosr.network import AudioSr, load_network
from hifisr_cli.errors import ModelError
from tests.engines.audiosr.published_form import random_state, save


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    import_published([save(folder / "pytorch_model.bin", random_state())], folder / "net.safetensors")
    return folder / "net.safetensors"


@pytest.fixture(scope="module")
def network(checkpoint: Path) -> AudioSr:
    return load_network(checkpoint)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_one_way_through(network: AudioSr) -> None:
    config, frames = network.config, 4 * network.config.frames_multiple
    log_mel = network.log_mel(0.1 * draw(2, frames * 480))
    assert log_mel.shape == (2, frames, config.mel.bands)
    found = network.condition(log_mel)
    assert found.mean.shape == (2, config.vae.latent, frames // config.vae.reduction, config.latent_rows)
    v = network.velocity(found.mean, torch.tensor([999.0, 10.0]), found.mean)
    assert v.shape == found.mean.shape
    assert network.decode(v).shape == log_mel.shape
    assert network.vocode(log_mel).shape == (2, frames * 480 + config.surplus)


def test_the_scale_is_that_of_latents_outside(checkpoint: Path) -> None:
    """Latents are scaled by it, and unscaled before they are decoded."""
    network, log_mel = load_network(checkpoint), draw(1, 16, 32)
    before, decoded = network.condition(log_mel), network.decode(draw(1, 4, 8, 16))
    nothing = network.no_condition(before.mean)
    assert float(nothing.mean()) == pytest.approx(-11.4981 * 0.3342401385307312)
    network.scale *= 2.0
    after = network.condition(log_mel)
    assert torch.allclose(after.mean, 2.0 * before.mean)
    assert torch.allclose(after.std, 2.0 * before.std)
    assert torch.allclose(network.no_condition(before.mean), 2.0 * nothing)
    assert torch.allclose(network.decode(2.0 * draw(1, 4, 8, 16)), decoded, atol=1e-5)


def test_a_frame_later_is_a_hop_later(network: AudioSr) -> None:
    log_mel = draw(1, 64, 32)
    whole = network.vocode(log_mel)
    later = network.vocode(log_mel[:, 1:])
    reach = network.vocoder.context_frames * 480
    assert torch.allclose(whole[:, 480 + reach : -reach], later[:, reach:-reach], atol=1e-5)


def test_half_of_the_surplus_stands_in_front(network: AudioSr) -> None:
    """A vocoder whose taps are all alike answers to a frame evenly on both sides of the frame's middle, 8 later."""
    even = AudioSr(network.config).requires_grad_(requires_grad=False)
    for parameter in even.vocoder.parameters():
        parameter.fill_(0.0 if parameter.dim() == 1 else 1e-3)
    log_mel = torch.zeros(1, 65, 32)
    log_mel[:, 32] = 1.0
    wave = even.vocode(log_mel).double()[0]
    centre = float((wave * torch.arange(len(wave))).sum() / wave.sum())
    assert centre == pytest.approx(32 * 480 + 239.5 + network.config.surplus / 2, abs=0.5)


@pytest.mark.skipif(sys.platform != "linux", reason="no list of what is mapped")
def test_float32_weights_stay_in_the_file(network: AudioSr, checkpoint: Path) -> None:
    assert network.scale.dtype == torch.float32
    assert str(checkpoint) in Path("/proc/self/maps").read_text()


def test_damage_is_named(checkpoint: Path, tmp_path: Path) -> None:
    info, path = read_info(checkpoint), tmp_path / "net.safetensors"
    tensors = dict(load_network(checkpoint).state_dict())
    write({key: value.clone() for key, value in tensors.items() if key != "scale"}, info, path, half=False)
    with pytest.raises(ModelError, match="scale"):
        load_network(path)
    damaged = bytearray(checkpoint.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ModelError, match="hash"):
        load_network(path)


def test_a_network_of_another_engine_is_refused() -> None:
    with pytest.raises(ModelError, match="'hifisr'"):
        load_network(find_model("compact-6").path)
