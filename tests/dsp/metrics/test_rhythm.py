"""Rhythm: pulses in time with the voice score, noise of the same spectrum does not."""

from __future__ import annotations

import math

import pytest
import torch

from hifisr_cli.dsp.metrics.rhythm import rhythm
from hifisr_cli.results import SAMPLE_RATE

CUTOFF = 4000.0


def breath(seed: int, pitch_hz: float | None = None, depth: float = 0.8) -> torch.Tensor:
    """Two seconds of noise, whose loudness beats at the pitch."""
    source = torch.Generator().manual_seed(seed)
    wave = 0.1 * torch.randn(2 * SAMPLE_RATE, generator=source)
    if pitch_hz is None:
        return wave
    time = torch.arange(wave.numel()) / SAMPLE_RATE
    return wave * (1.0 + depth * torch.cos(2 * math.pi * pitch_hz * time))


def test_an_equal_recording_is_in_time_at_any_level() -> None:
    wave = breath(1, 120.0)
    assert rhythm(wave, wave, CUTOFF) == pytest.approx(1.0)
    assert rhythm(0.1 * wave, wave, CUTOFF) == pytest.approx(1.0)


def test_noise_that_beats_with_the_voice_is_nearer_than_noise_that_does_not() -> None:
    voice = breath(1, 120.0)
    beating, steady, other = breath(2, 120.0), breath(2), breath(2, 170.0)
    in_time = rhythm(beating, voice, CUTOFF)
    assert in_time is not None
    assert in_time > 0.3
    assert abs(rhythm(steady, voice, CUTOFF) or 0.0) < 0.1
    assert abs(rhythm(other, voice, CUTOFF) or 0.0) < 0.1


def test_what_lies_below_the_cutoff_does_not_count() -> None:
    voice, low = breath(1, 120.0), torch.fft.rfft(10.0 * breath(3))
    low[torch.fft.rfftfreq(2 * SAMPLE_RATE, 1 / SAMPLE_RATE) >= CUTOFF] = 0.0
    louder = voice + torch.fft.irfft(low, 2 * SAMPLE_RATE)
    assert rhythm(louder, voice, CUTOFF) == pytest.approx(1.0, abs=1e-3)


def test_silence_has_no_rhythm() -> None:
    silence = torch.zeros(SAMPLE_RATE)
    assert rhythm(silence, silence, CUTOFF) is None
    assert rhythm(silence, breath(1, 120.0)[:SAMPLE_RATE], CUTOFF) == 0.0
