"""What the network is told: the band of a recording, by its cutoff in every frame."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from hifisr_cli.engines.audiosr.condition import condition_mel, low_passed, with_known_bands
from hifisr_cli.engines.audiosr.network import AudioSr
from hifisr_cli.engines.hifigan.mel import band_edges
from tests.engines.audiosr.tiny import TINY

FRAMES = 128
NOISE = 0.1 * torch.randn(2, 480 * FRAMES, generator=torch.Generator().manual_seed(0))
FLOOR = torch.tensor(1e-5).log()


@pytest.fixture(scope="module")
def network() -> AudioSr:
    with torch.inference_mode():
        return AudioSr(TINY).eval()


def level_db(wave: Tensor, low_hz: float, high_hz: float) -> float:
    spectrum = torch.fft.rfft(wave).abs().square()
    hz = torch.linspace(0.0, 24_000.0, spectrum.shape[-1])
    return float(10 * torch.log10(spectrum[..., (hz >= low_hz) & (hz < high_hz)].mean() + 1e-20))


def test_the_band_passes_and_nothing_else() -> None:
    passed = low_passed(NOISE, 8000.0)
    assert level_db(passed, 100, 7500) == pytest.approx(level_db(NOISE, 100, 7500), abs=0.4)
    assert level_db(passed, 9600, 24_000) < level_db(NOISE, 9600, 24_000) - 80


def test_nothing_is_delayed() -> None:
    click = torch.zeros(1, 48_000)
    click[0, 24_000] = 1.0
    assert int(low_passed(click, 4000.0).abs().argmax()) == 24_000


def test_near_the_published_low_pass(shared_audiosr: Path) -> None:
    """Which is 0.4 dB lower throughout, and 4 dB in the last tenth of the band, as it resamples down and up, too."""
    tensors = load_file(shared_audiosr / "tensors.safetensors")
    ours = low_passed(tensors["lowpass.input"][None], 4123.0)[0]
    theirs = 10 ** (0.4 / 20) * tensors["lowpass.cheby1"].float()
    for low_hz, high_hz, least in ((100, 3000, 35), (3000, 3700, 25)):
        assert level_db(ours - theirs, low_hz, high_hz) < level_db(theirs, low_hz, high_hz) - least
    assert level_db(ours, 3700, 4100) == pytest.approx(level_db(theirs, 3700, 4100) + 3.8, abs=0.3)


def test_each_frame_has_its_own_cutoff(network: AudioSr) -> None:
    cutoffs = torch.full((2, FRAMES), 4000.0)
    cutoffs[:, FRAMES // 2 :] = 12_000.0
    both, low, high = (
        condition_mel(network, NOISE, each)
        for each in (cutoffs, torch.full_like(cutoffs, 4000.0), torch.full_like(cutoffs, 12_000.0))
    )
    assert torch.equal(both[:, : FRAMES // 2], low[:, : FRAMES // 2])
    assert torch.equal(both[:, FRAMES // 2 :], high[:, FRAMES // 2 :])
    above = band_edges(64, 24_000.0, 20.0)[:-2] > 6000.0
    inner = slice(4, FRAMES - 4)  # around it the reflection at the ends makes sound of its own
    assert float((low[:, inner, above] - FLOOR).abs().max()) < 0.1
    assert float((high[:, inner, above] - FLOOR).mean()) > 2.0


def test_an_offset_is_not_heard(network: AudioSr) -> None:
    cutoffs = torch.full((2, FRAMES), 8000.0)
    assert torch.allclose(
        condition_mel(network, NOISE + 0.2, cutoffs), condition_mel(network, NOISE, cutoffs), atol=1e-3
    )


def test_a_silent_stretch_has_no_cutoff(network: AudioSr) -> None:
    assert torch.equal(
        condition_mel(network, NOISE, torch.zeros(2, FRAMES)), network.log_mel(NOISE - NOISE.mean(dim=1, keepdim=True))
    )


def test_known_bands_are_those_of_the_recording() -> None:
    condition, decoded = torch.zeros(1, 4, 64), torch.ones(1, 4, 64)
    cutoffs = torch.tensor([[0.0, 4000.0, 8000.0, 24_000.0 / 0.9]])
    joined = with_known_bands(decoded, condition, cutoffs, TINY.mel)
    ends = band_edges(64, 24_000.0, 20.0)[2:]
    for frame, hz in enumerate(cutoffs[0].tolist()):
        assert torch.equal(joined[0, frame] == 0.0, ends <= 0.9 * hz)
