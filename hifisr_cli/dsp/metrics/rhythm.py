"""Rhythm: whether the generated band beats in time with the voice.

High harmonics of a voice together make a band whose loudness beats at the pitch. A generated band with the right
envelope, but noise in it, does not: the vowel turns into a whisper above the cutoff. A mean distance of spectra over
40 ms, like the LSD, hardly shows it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hifisr_cli.results import SAMPLE_RATE

BAND_HZ = 4000.0  # above the cutoff: a voice has beats there, higher up hiss; chosen by hand, not measured
BEATS_HZ = (70.0, 400.0)
"""From the lowest of men's to the highest of children's voices, as far as speech goes."""


def rhythm(estimate: Tensor, reference: Tensor, cutoff_hz: float) -> float | None:
    """Correlation of the beats of the 4 kHz above the cutoff with the reference's: 1 in time, 0 as noise beats.

    Beats are what of the Hilbert envelope lies between 70 and 400 Hz. Loud passages count most. None where the
    reference has none.

    Shape: [T], [T] of equal length.
    """
    own, original = (_beats(wave, cutoff_hz) for wave in (estimate, reference))
    norm = float(torch.linalg.vector_norm(own) * torch.linalg.vector_norm(original))
    if norm == 0.0:
        return None if not bool(original.any()) else 0.0
    return float(own @ original) / norm


def _beats(wave: Tensor, cutoff_hz: float) -> Tensor:
    """[T] -> [T]."""
    spectrum = torch.fft.fft(wave.double())
    frequency = torch.fft.fftfreq(wave.numel(), 1 / SAMPLE_RATE, device=wave.device)
    band = (frequency >= cutoff_hz) & (frequency < cutoff_hz + BAND_HZ)
    envelope = torch.fft.rfft(torch.fft.ifft(spectrum * band).abs())
    beat = torch.fft.rfftfreq(wave.numel(), 1 / SAMPLE_RATE, device=wave.device)
    low, high = BEATS_HZ
    beats: Tensor = torch.fft.irfft(envelope * ((beat >= low) & (beat <= high)), wave.numel())
    return beats
