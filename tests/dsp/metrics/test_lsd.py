"""LSD: an independent float64 reference, and the statistical floors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hifisr_cli.dsp.metrics.lsd import lsd


def reference_lsd(estimate: np.ndarray, reference: np.ndarray) -> float:
    """The definition again, in numpy and float64, frame by frame."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    spectra = []
    for wave in (estimate, reference):
        padded = np.pad(wave.astype(np.float64), 1024, mode="reflect")
        frames = [padded[i : i + 2048] * window for i in range(0, len(padded) - 2047, 512)]
        spectra.append(np.log10(np.maximum(np.abs(np.fft.rfft(frames)) ** 2, 1e-8)))
    return float(np.sqrt(((spectra[0] - spectra[1]) ** 2).mean(axis=1)).mean())


def test_equal_signals_have_no_distance(rng: np.random.Generator) -> None:
    wave = torch.from_numpy(0.1 * rng.standard_normal(30_000))
    assert lsd(wave, wave, 4000.0).full == 0.0


def test_float64_reference_agrees(rng: np.random.Generator) -> None:
    a, b = 0.1 * rng.standard_normal((2, 30_000))
    assert lsd(torch.from_numpy(a), torch.from_numpy(b)).full == pytest.approx(reference_lsd(a, b), abs=1e-6)


def test_independent_noise_with_the_right_envelope_scores_0_79(rng: np.random.Generator) -> None:
    a, b = 0.1 * rng.standard_normal((2, 480_000))
    assert lsd(torch.from_numpy(a), torch.from_numpy(b)).full == pytest.approx(0.79, abs=0.01)


def test_bands_split_at_the_cutoff(rng: np.random.Generator) -> None:
    wave = 0.1 * rng.standard_normal(48_000)
    spectrum = np.fft.rfft(wave)
    spectrum[12_000:] *= 10.0 ** (-0.5)
    scores = lsd(torch.from_numpy(np.fft.irfft(spectrum)), torch.from_numpy(wave), 12_000.0)
    assert scores.high == pytest.approx(1.0, abs=0.02)
    assert scores.low < 0.05
