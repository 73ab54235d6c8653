"""What the default network promises by construction."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from hifisr_cli.dsp.metrics.lsd import log_power
from hifisr_cli.engines.hifigan.head import IstftOutput
from hifisr_cli.engines.hifigan.mel import band_edges, hz_to_mel, mel_filterbank, mel_to_hz
from hifisr_cli.engines.hifisr.config import COMPACT
from hifisr_cli.engines.hifisr.generator import Generator

HEAD = replace(COMPACT.head, flat_noise=False, voicing=0)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(COMPACT).eval()


def test_length_is_kept(generator: Generator) -> None:
    with torch.inference_mode():
        assert generator(torch.randn(2, 480 * 7), torch.tensor([4000.0, 8000.0])).shape == (2, 480 * 7)


def test_nothing_beyond_the_context_matters(generator: Generator) -> None:
    """Changing samples further away than `context` leaves an output sample as it is."""
    torch.manual_seed(1)
    middle, context = 480 * 400, generator.context
    wave = 0.1 * torch.randn(1, 2 * middle)
    other = wave.clone()
    other[:, : middle - context] = 0.1 * torch.randn(1, middle - context)
    other[:, middle + 480 + context :] = 0
    cutoff = torch.tensor([24_000.0])
    with torch.inference_mode():
        inner = slice(middle, middle + 480)
        assert (generator(wave, cutoff) - generator(other, cutoff))[:, inner].abs().max() < 1e-6


def test_noise_is_shaped_and_needed_only_where_configured(generator: Generator) -> None:
    wave, cutoff = 0.1 * torch.randn(1, 4800), torch.tensor([4000.0])
    with torch.inference_mode():
        one, two, none = (
            generator(wave, cutoff, noise) for noise in (torch.randn(1, 4800), torch.randn(1, 4800), None)
        )
    assert not torch.equal(one, two)
    assert torch.isfinite(none).all()


def test_shift_by_a_frame_shifts_the_output(generator: Generator) -> None:
    torch.manual_seed(2)
    wave, context = 0.1 * torch.randn(1, 480 * 450), generator.context
    cutoff = torch.tensor([8000.0])
    with torch.inference_mode():
        a, b = generator(wave, cutoff), generator(wave[:, 480 * 3 :], cutoff)
    inner = slice(context, a.shape[1] - context - 480 * 3)
    assert (a[:, 480 * 3 :][:, inner] - b[:, inner]).abs().max() < 1e-5


def test_what_lies_above_the_cutoff_is_not_seen(generator: Generator) -> None:
    wave = 0.1 * torch.randn(1, 480 * 100)
    spectrum = torch.fft.rfft(wave)
    spectrum[:, 480 * 100 // 6 :] = 0  # nothing above 8 kHz
    limited = torch.fft.irfft(spectrum)
    cutoff = torch.tensor([7000.0])
    seen = generator.featurize(wave, cutoff), generator.featurize(limited, cutoff)
    hidden = slice(int((band_edges(128, 24_000.0)[:-2] >= 7000.0).nonzero()[0]), 128)
    assert torch.equal(seen[0][:, hidden], seen[1][:, hidden])


def test_mel_scale_inverts_and_filters_have_unit_area() -> None:
    hz = torch.linspace(0, 24_000, 500, dtype=torch.float64)
    assert torch.allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-6)
    bank = mel_filterbank(16_384, 80, 24_000.0)
    assert torch.allclose(bank.sum(dim=1) * 48_000 / 16_384, torch.ones(80, dtype=torch.float64), atol=1e-3)


def test_inverse_stft_layer_inverts_the_stft() -> None:
    layer = IstftOutput(HEAD, 240)
    wave = 0.1 * torch.randn(1, 9600)
    padded = torch.nn.functional.pad(wave, (360, 360))
    spectrum = torch.stft(padded, 960, 240, window=torch.hann_window(960), center=False, return_complex=True)
    quiet = torch.full((1, 481, 40), -20.0)
    channels = torch.cat((spectrum.abs().clamp(min=1e-9).log(), spectrum.angle(), quiet), dim=1)
    assert (layer(channels) - wave)[:, 720:-720].abs().max() < 1e-5
    # A third set of channels passes the noise through at the gain that it asks for.
    silence, gain = torch.full((1, 481, 40), -20.0), torch.full((1, 481, 40), math.log(0.5))
    noise = torch.randn(1, 9600)
    scale = torch.hann_window(960).square().sum().sqrt()
    output = layer(torch.cat((silence, torch.zeros(1, 481, 40), gain), dim=1), noise)
    assert (output * scale - 0.5 * noise)[:, 720:-720].abs().max() < 1e-3


@pytest.mark.parametrize(("flat", "least", "most"), [(False, 1.1, 1.6), (True, 0.0, 0.5)])
def test_flat_noise_has_the_level_that_it_is_given(flat: bool, least: float, most: float) -> None:
    """How the power of 470 Hz of a constant hiss scatters from frame to frame, in dB; its single bins always do."""
    torch.manual_seed(1)
    silence, gain = torch.full((1, 962, 200), -30.0), torch.zeros(1, 481, 200)
    layer = IstftOutput(replace(HEAD, flat_noise=flat), 240)
    power = log_power(30.0 * layer(torch.cat((silence, gain), dim=1), torch.randn(1, 48_000))[0])[:1000, 4:-4]
    bands = torch.log10((10.0**power).reshape(50, 20, -1).mean(dim=1))
    assert least < 10.0 * float(bands.std()) < most
    assert 4.5 < 10.0 * float(power.std()) < 6.0
    unit = 10.0 * math.log10(
        30.0**2 * float(torch.hann_window(2048).square().sum() / torch.hann_window(960).square().sum())
    )
    assert abs(10.0 * math.log10(float((10.0**power).mean())) - unit) < 1.0
