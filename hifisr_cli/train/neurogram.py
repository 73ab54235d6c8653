"""How like two sounds are to an ear: a differentiable form of what ViSQOL's audio mode compares."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from hifisr_cli.results import SAMPLE_RATE

BANDS = 32
_LOWEST_HZ = 50.0
_WINDOW, _HOP, _N_FFT = 3840, 960, 4096
# equivalent rectangular bandwidths of hearing as in Slaney's auditory toolbox (1993): f / q + least
_EAR_Q, _LEAST_HZ, _GAMMATONE = 9.26449, 24.7, 1.019
_DEPTH = 45.0  # halves of a decibel, as 10 log10 of an amplitude
_LUMINANCE, _STRUCTURE = 0.01**2, 0.03**2 / 2
_NEIGHBOUR, _DIAGONAL, _CENTRE = 0.0838251475442633, 0.0113033910173052, 0.619485845753726
_EPSILON = 1e-8


def neurogram(wave: Tensor) -> Tensor:
    """Levels in gammatone bands, 10 log10 of the amplitude, not below -45: [B, T] -> [B, M, F], M of `BANDS`.

    Windows of 80 ms every 20 ms (Chinen et al. 2020).
    """
    window = torch.hann_window(_WINDOW, periodic=False, device=wave.device)
    spectrum = torch.stft(wave, _N_FFT, _HOP, _WINDOW, window, center=False, return_complex=True)
    power = _gammatones(wave.device) @ (spectrum.real.square() + spectrum.imag.square())
    return 5 * torch.log10(power.clamp(min=10 ** (-2 * _DEPTH / 10)))


def neurogram_distance(first: Tensor, second: Tensor, bandwidth_hz: Tensor) -> Tensor:
    """1 less the neurogram similarity (NSIM, Hines and Harte 2012) of two neurograms below a bandwidth.

    Shape: [B, M, F], [B, M, F], [B] -> scalar between 0 and 2.
    """
    floor = torch.maximum(first.amax(1, keepdim=True), second.amax(1, keepdim=True)) - _DEPTH
    first, second = torch.maximum(first, floor), torch.maximum(second, floor)
    one, two = _around(first + _DEPTH), _around(second + _DEPTH)
    weights = _weights(first.device)[:, None, None]
    mean_one, mean_two = (weights * one).sum(1), (weights * two).sum(1)
    off_one, off_two = one - mean_one[:, None], two - mean_two[:, None]
    both = (weights * off_one * off_two).sum(1)
    spread = torch.sqrt((weights * off_one.square()).sum(1) * (weights * off_two.square()).sum(1) + _EPSILON)
    luminance = (2 * mean_one * mean_two + _LUMINANCE) / (mean_one.square() + mean_two.square() + _LUMINANCE)
    unlike = 1 - luminance * (both + _STRUCTURE) / (spread + _STRUCTURE)
    inside = (_centres(first.device)[None] < bandwidth_hz[:, None]).float()[:, :, None]
    return (unlike * inside).sum() / (inside.sum() * unlike.shape[-1])


def _around(levels: Tensor) -> Tensor:
    """Every point with its eight neighbours: [B, M, F] -> [B, 9, M, F]."""
    wide = pad(levels, (1, 1, 1, 1), mode="replicate")
    rows, columns = levels.shape[1:]
    return torch.stack([wide[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)], 1)


@lru_cache(maxsize=4)
def _weights(device: torch.device) -> Tensor:
    """Of a point and its neighbours: [9]."""
    side = [_DIAGONAL, _NEIGHBOUR, _DIAGONAL]
    return torch.tensor([*side, _NEIGHBOUR, _CENTRE, _NEIGHBOUR, *side], device=device)


@lru_cache(maxsize=4)
def _centres(device: torch.device) -> Tensor:
    """Centre frequencies of the bands in Hz, evenly spaced for the ear: [M]."""
    offset = _EAR_Q * _LEAST_HZ
    step = math.log((_LOWEST_HZ + offset) / (SAMPLE_RATE / 2 + offset)) / BANDS
    return (SAMPLE_RATE / 2 + offset) * torch.exp(step * torch.arange(BANDS, 0, -1, device=device)) - offset


@lru_cache(maxsize=4)
def _gammatones(device: torch.device) -> Tensor:
    """Power responses of gammatone filters of the fourth order, scaled to give mean squares: [M, K]."""
    centre = _centres(device)[:, None]
    width = _GAMMATONE * (centre / _EAR_Q + _LEAST_HZ)
    bins = torch.linspace(0, SAMPLE_RATE / 2, _N_FFT // 2 + 1, device=device)
    return (1 + ((bins - centre) / width).square()) ** -4 * (2 / (_N_FFT * _WINDOW))
