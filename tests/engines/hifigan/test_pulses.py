"""Pulses carry the harmonics of a voice upwards, whatever its level, and nothing where nothing sounds."""

from __future__ import annotations

import math

import pytest
import torch

from hifisr_cli.engines.hifigan.pulses import Pulses, voicing_hats
from hifisr_cli.results import SAMPLE_RATE

CUTOFF = torch.tensor([3000.0])


@pytest.fixture(scope="module")
def pulses() -> Pulses:
    return Pulses(960, 240)


def voice(pitch_hz: float, top_hz: float, seconds: float = 1.0) -> torch.Tensor:
    """Harmonics up to `top_hz`, weaker by 6 dB an octave: [1, T]."""
    time = torch.arange(int(seconds * SAMPLE_RATE), dtype=torch.float64) / SAMPLE_RATE
    parts = [torch.cos(2 * math.pi * n * pitch_hz * time + n * n) / n for n in range(1, int(top_hz / pitch_hz) + 1)]
    return 0.05 * torch.stack(parts).sum(dim=0).float()[None]


@pytest.mark.parametrize("pitch_hz", [110.0, 230.0])
def test_harmonics_go_on_above_the_cutoff(pulses: Pulses, pitch_hz: float) -> None:
    spectrum = pulses(voice(pitch_hz, 2900.0), CUTOFF).spectrum
    wave = pulses.frames.synthesise(torch.nn.functional.pad(spectrum, (0, 0, 0, 240)))[0, 4800:-4800]
    power = torch.fft.rfft(wave * torch.hann_window(wave.numel())).abs().square()
    frequency = torch.fft.rfftfreq(wave.numel(), 1 / SAMPLE_RATE)
    for low in (3000.0, 5000.0, 7000.0):
        band = (frequency > low) & (frequency < low + 2000.0)
        distance = (frequency / pitch_hz - (frequency / pitch_hz).round()).abs() * pitch_hz
        near, far = (power[band & part].mean() for part in (distance < 10.0, distance > pitch_hz / 3))
        assert 10 * math.log10(float(near / far)) > 20.0


def test_power_is_what_it_says_and_the_level_does_not_matter(pulses: Pulses) -> None:
    torch.manual_seed(3)
    wave = voice(150.0, 2900.0) + 1e-3 * torch.randn(1, SAMPLE_RATE)
    loud = pulses(wave, CUTOFF).cropped(8)
    power, there = (x[0, :240].reshape(20, 12, -1).mean(dim=1) for x in (loud.spectrum.abs().square(), loud.presence))
    assert ((power - there).abs().mean(dim=1) < 0.3).all()
    assert float(power[:12].mean()) == pytest.approx(1.0, abs=0.1)
    assert float(there[:12].min()) > 0.9
    quiet = pulses(0.1 * wave, CUTOFF).cropped(8)
    assert (loud.spectrum - quiet.spectrum).abs().max() < 0.02


def test_nothing_comes_of_silence(pulses: Pulses) -> None:
    silent = pulses(torch.zeros(1, 9600), CUTOFF)
    assert silent.spectrum.abs().max() < 1e-3
    assert silent.presence.max() < 1e-3


def test_a_frame_sees_no_further_than_it_says(pulses: Pulses) -> None:
    torch.manual_seed(4)
    wave, middle = 0.1 * torch.randn(1, 24_000), 12_000
    other = wave.clone()
    other[:, : middle - pulses.reach] = 0.1 * torch.randn(1, middle - pulses.reach)
    other[:, middle + pulses.reach :] = 0.0
    frame = middle // 240
    one, two = (pulses(each, CUTOFF).spectrum for each in (wave, other))
    assert torch.equal(one[:, :, frame], two[:, :, frame])
    assert not torch.equal(one[:, :, 2], two[:, :, 2])


def test_voicing_is_drawn_in_lines_between_its_bands() -> None:
    weights = voicing_hats(24, 960)
    assert torch.allclose(weights.sum(dim=1), torch.ones(241), atol=1e-5)
    assert ((weights > 0).sum(dim=1) <= 2).all()
    assert voicing_hats(0, 960).shape == (241, 0)
