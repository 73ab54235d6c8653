"""Losses on the finished output (after low-band replacement), each masked above the target's own bandwidth."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from hifisr_cli.dsp.lsd import POWER_FLOOR
from hifisr_cli.nets.mel import mel_filterbank
from hifisr_cli.results import SAMPLE_RATE

MEL_SCALES: tuple[tuple[int, int], ...] = ((512, 40), (1024, 80), (2048, 160))
"""(n_fft, bands) of the multi-scale mel loss; hops are a quarter of n_fft."""

LSD_SCALES: tuple[int, ...] = (512, 2048)
_MEL_POWER_FLOOR = 1e-5


def reconstruction(estimate: Tensor, target: Tensor, bandwidth_hz: Tensor) -> dict[str, Tensor]:
    """Multi-scale log-mel distance and LSD-shaped distance, keyed like the weights.

    Shape: [B, T], [B, T], [B] -> scalars.
    """
    powers = {n_fft: (_power(estimate, n_fft), _power(target, n_fft)) for n_fft in {*LSD_SCALES, *dict(MEL_SCALES)}}
    mel = sum(
        (_mel_distance(*powers[n_fft], n_fft, bands, bandwidth_hz) for n_fft, bands in MEL_SCALES), torch.zeros(())
    )
    lsd = sum((_lsd_distance(*powers[n_fft], n_fft, bandwidth_hz) for n_fft in LSD_SCALES), torch.zeros(()))
    return {"mel": mel / len(MEL_SCALES), "lsd": lsd / len(LSD_SCALES)}


def energy_distance(
    estimates: tuple[Tensor, Tensor], target: Tensor, bandwidth_hz: Tensor, repulsion: float
) -> dict[str, Tensor]:
    """The generalised energy distance of two draws of the network and the target (Gritsenko et al. 2020).

    The draws are pulled towards the target and pushed apart, so that noise which the target has is worth having: with
    a distance alone the best answer to hiss is its smooth average. `repulsion` 1 is the proper scoring rule, 0 the
    plain distance.

    Shape: two times [B, T], [B, T], [B] -> scalars, keyed like `reconstruction`.
    """
    first, second = (reconstruction(estimate, target, bandwidth_hz) for estimate in estimates)
    apart = reconstruction(estimates[0], estimates[1], bandwidth_hz)
    return {name: 0.5 * (first[name] + second[name] - repulsion * apart[name]) for name in first}


def _power(wave: Tensor, n_fft: int) -> Tensor:
    """[B, T] -> [B, K, F]."""
    window = torch.hann_window(n_fft, device=wave.device)
    spectrum = torch.stft(wave, n_fft, n_fft // 4, window=window, center=True, return_complex=True)
    return spectrum.real.square() + spectrum.imag.square()


@lru_cache(maxsize=8)
def _filterbank(n_fft: int, bands: int, device: torch.device) -> Tensor:
    """Mel filters normalised to unit sum [M, K]."""
    bank = mel_filterbank(n_fft, bands, SAMPLE_RATE / 2)
    return (bank / bank.sum(dim=1, keepdim=True).clamp(min=1e-9)).float().to(device)


def _bin_mask(n_fft: int, bandwidth_hz: Tensor) -> Tensor:
    """1 for the bins below each item's bandwidth: [B, K]."""
    bins = torch.linspace(0, SAMPLE_RATE / 2, n_fft // 2 + 1, device=bandwidth_hz.device)
    return (bins[None] <= bandwidth_hz[:, None]).float()


def _mel_distance(estimate: Tensor, target: Tensor, n_fft: int, bands: int, bandwidth_hz: Tensor) -> Tensor:
    bank = _filterbank(n_fft, bands, estimate.device)
    mask = _bin_mask(n_fft, bandwidth_hz)[:, :, None]
    logs = [torch.log10((bank @ (power * mask)).clamp(min=_MEL_POWER_FLOOR)) for power in (estimate, target)]
    return (logs[0] - logs[1]).abs().mean()


def _lsd_distance(estimate: Tensor, target: Tensor, n_fft: int, bandwidth_hz: Tensor) -> Tensor:
    mask = _bin_mask(n_fft, bandwidth_hz)[:, :, None]
    difference = torch.log10(estimate.clamp(min=POWER_FLOOR)) - torch.log10(target.clamp(min=POWER_FLOOR))
    mean_square = (difference.square() * mask).sum(dim=1) / mask.sum(dim=1)
    return torch.sqrt(mean_square + 1e-4).mean()
