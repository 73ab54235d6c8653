"""The band below the cutoff stands again and again above it."""

from __future__ import annotations

import pytest
import torch

from hifisr_cli.engines.tfnet.replicator import replicate

RAMP = torch.arange(1, 17)[None]


@pytest.mark.parametrize(
    ("passed", "copied"),
    [
        (4, [1, 2, 3, 4] * 4),
        (5, [1, 2, 3, 4, 5] * 3 + [1]),
        (1, [1] * 16),
        (16, list(range(1, 17))),
    ],
)
def test_copies_fill_the_spectrum(passed: int, copied: list[int]) -> None:
    assert replicate(RAMP, torch.tensor([passed])).tolist() == [copied]


def test_each_spectrum_has_a_cutoff_of_its_own() -> None:
    both = replicate(RAMP.repeat(2, 1), torch.tensor([4, 16]))
    assert both[0].tolist() == [1, 2, 3, 4] * 4
    assert both[1].tolist() == list(range(1, 17))


def test_a_sine_stands_at_multiples_of_the_cutoff_above_itself_and_nowhere_else() -> None:
    length, place, passed = 256, 10, 32
    sine = torch.cos(2 * torch.pi * place * torch.arange(length) / length)
    copied = replicate(torch.fft.rfft(sine)[None, 1:], torch.tensor([passed]))[0].abs()
    peaks = [place - 1 + k * passed for k in range(4)]
    assert torch.allclose(copied[peaks], torch.full((4,), length / 2), rtol=1e-5)
    others = torch.ones(len(copied), dtype=torch.bool)
    others[peaks] = False
    assert float(copied[others].max()) < 1e-3


def test_complex_spectra_are_copied_with_their_phases() -> None:
    spectrum = torch.tensor([[1 + 1j, 2j, 3.0, 4.0]])
    assert replicate(spectrum, torch.tensor([2])).tolist() == [[1 + 1j, 2j, 1 + 1j, 2j]]
