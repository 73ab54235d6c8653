"""The differentiable neurogram similarity: what it is near to, and what it does not hear."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hifisr_cli.train.neurogram import BANDS, neurogram, neurogram_distance

WHOLE = torch.tensor([24_000.0])


def speechlike(seconds: float, seed: int) -> torch.Tensor:
    """Noise whose level and colour change ten times a second: [1, T]."""
    rng = np.random.default_rng(seed)
    pieces = []
    for _ in range(round(10 * seconds)):
        spectrum = np.fft.rfft(rng.standard_normal(4800))
        tilt = np.linspace(0, rng.uniform(-50, 0), spectrum.size)
        pieces.append(np.fft.irfft(spectrum * 10 ** ((tilt + rng.uniform(-40, -10)) / 20)))
    return torch.from_numpy(np.concatenate(pieces)[None].astype(np.float32))


def distance(one: torch.Tensor, two: torch.Tensor, bandwidth_hz: torch.Tensor = WHOLE) -> float:
    return float(neurogram_distance(neurogram(one), neurogram(two), bandwidth_hz))


def test_the_same_sound_has_no_distance_and_another_has() -> None:
    one, two = speechlike(2.0, 1), speechlike(2.0, 2)
    assert neurogram(one).shape == (1, BANDS, (one.shape[1] - 4096) // 960 + 1)
    assert distance(one, one) < 1e-4
    assert distance(one, two) == pytest.approx(distance(two, one))
    assert distance(one, one + 0.001 * two) < distance(one, one + 0.03 * two) < distance(one, two) < 1.2


def test_what_lies_above_the_bandwidth_is_not_heard() -> None:
    wave = speechlike(1.0, 3)
    spectrum = torch.fft.rfft(wave)
    spectrum[:, spectrum.shape[1] // 2 :] = 0
    narrow = torch.fft.irfft(spectrum)
    assert distance(wave, narrow) > 0.05
    assert distance(wave, narrow, torch.tensor([9_000.0])) < 0.005


def test_silence_has_a_gradient() -> None:
    wave = torch.zeros(1, 24_000, requires_grad=True)
    neurogram_distance(neurogram(wave), neurogram(speechlike(0.5, 4)), WHOLE).backward()  # type: ignore[no-untyped-call]
    assert wave.grad is not None
    assert torch.isfinite(wave.grad).all()


def test_near_to_what_visqol_measures() -> None:
    visqol = pytest.importorskip("visqol", reason="needs the extra 'visqol'")
    api = visqol.VisqolApi()
    api.create(mode="audio")
    reference = speechlike(3.0, 5)
    for share in (0.003, 0.03, 0.3):
        estimate = reference + share * speechlike(3.0, 6)
        pair = (each[0].double().numpy() for each in (reference, estimate))
        expected = api.measure_from_arrays(*pair, 48_000).vnsim
        assert 1 - distance(reference, estimate) == pytest.approx(expected, abs=0.03)
