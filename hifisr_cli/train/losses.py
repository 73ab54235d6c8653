"""Losses on the finished output (after low-band replacement), each masked above the target's own bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import torch
from torch import Tensor

from hifisr_cli.dsp.metrics.lsd import POWER_FLOOR
from hifisr_cli.engines.hifigan.mel import mel_filterbank
from hifisr_cli.results import SAMPLE_RATE

MEL_SCALES: tuple[tuple[int, int], ...] = ((512, 40), (1024, 80), (2048, 160))
"""(n_fft, bands) of the multi-scale mel loss; hops are a quarter of n_fft."""

LSD_SCALES: tuple[int, ...] = (512, 2048)
"""n_fft of the LSD-shaped loss: the metric's own, and one that is finer in time. Chosen by hand, not measured."""
_MEL_POWER_FLOOR = 1e-5  # power that counts as none; chosen by hand, not measured


@dataclass(frozen=True, slots=True)
class LogSpectra:
    """What the distances compare, worked out once for each waveform.

    Attributes:
        mel: log10 mel power [B, M, F] for each of `MEL_SCALES`, of the band below the target's bandwidth.
        linear: log10 power [B, K, F] for each of `LSD_SCALES`.
        masks: 1 for the bins below the target's bandwidth [B, K, 1], for each of `LSD_SCALES`.
    """

    mel: list[Tensor]
    linear: list[Tensor]
    masks: list[Tensor]

    @classmethod
    def of(cls, wave: Tensor, bandwidth_hz: Tensor) -> Self:
        """Shape: [B, T], [B]."""
        sizes = {*LSD_SCALES, *dict(MEL_SCALES)}
        power = {n_fft: _power(wave, n_fft) for n_fft in sizes}
        mask = {n_fft: _bin_mask(n_fft, bandwidth_hz)[:, :, None] for n_fft in sizes}
        mel = [_filterbank(n_fft, bands, wave.device) @ (power[n_fft] * mask[n_fft]) for n_fft, bands in MEL_SCALES]
        return cls(
            mel=[torch.log10(each.clamp(min=_MEL_POWER_FLOOR)) for each in mel],
            linear=[torch.log10(power[n_fft].clamp(min=POWER_FLOOR)) for n_fft in LSD_SCALES],
            masks=[mask[n_fft] for n_fft in LSD_SCALES],
        )

    def distances(self, other: LogSpectra) -> dict[str, Tensor]:
        """Multi-scale log-mel distance and LSD-shaped distance, keyed like the weights."""
        mel = [(mine - its).abs().mean() for mine, its in zip(self.mel, other.mel, strict=True)]
        lsd = [_lsd(*each) for each in zip(self.linear, other.linear, self.masks, strict=True)]
        return {"mel": torch.stack(mel).mean(), "lsd": torch.stack(lsd).mean()}


def reconstruction(estimate: Tensor, target: Tensor, bandwidth_hz: Tensor) -> dict[str, Tensor]:
    """Multi-scale log-mel distance and LSD-shaped distance, keyed like the weights.

    Shape: [B, T], [B, T], [B] -> scalars.
    """
    return LogSpectra.of(estimate, bandwidth_hz).distances(LogSpectra.of(target, bandwidth_hz))


def energy_distance(
    estimates: tuple[Tensor, ...], target: Tensor, bandwidth_hz: Tensor, repulsion: float
) -> dict[str, Tensor]:
    """The generalised energy distance of two draws of the network and the target (Gritsenko et al. 2020).

    The draws are pulled towards the target and pushed apart, so that noise which the target has is worth having: with
    a distance alone the best answer to hiss is its smooth average. `repulsion` 1 is the proper scoring rule, 0 the
    plain distance; and so it is for a network without noise, of which there is one estimate.

    Shape: one or two times [B, T], [B, T], [B] -> scalars, keyed like `reconstruction`.
    """
    true, one, *others = (LogSpectra.of(wave, bandwidth_hz) for wave in (target, *estimates))
    first = one.distances(true)
    if not others:
        return first
    (two,) = others
    second, apart = two.distances(true), one.distances(two)
    return {name: 0.5 * (first[name] + second[name] - repulsion * apart[name]) for name in first}


def squared_error(estimates: tuple[Tensor, ...], target: Tensor, bandwidth_hz: Tensor) -> Tensor:
    """Mean squared error of the waveform over all draws: one or more times [B, T], [B, T], [B] -> scalar.

    Args:
        target: after low-band replacement, too: what a filter took away below the crossover is not asked of the
            network. On 10 batches of 8 it is 4.3 times the energy of all that is asked.
    """
    errors = [within(wave - target, bandwidth_hz).square().mean() for wave in estimates]
    return torch.stack(errors).mean()


def within(wave: Tensor, bandwidth_hz: Tensor) -> Tensor:
    """Cuts a waveform off above the target's own bandwidth, where nothing is asked of the network.

    Shape: [B, T], [B] -> [B, T].
    """
    if bool((bandwidth_hz >= SAMPLE_RATE / 2).all()):
        return wave
    spectrum = torch.fft.rfft(wave)
    frequency = torch.linspace(0.0, SAMPLE_RATE / 2, spectrum.shape[-1], device=wave.device)
    cut: Tensor = torch.fft.irfft(spectrum * (frequency[None] <= bandwidth_hz[:, None]), wave.shape[-1])
    return cut


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


def _lsd(estimate: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Distance of two log spectra [B, K, F] where the mask [B, K, 1] is 1: the LSD, but smooth at 0."""
    mean_square = ((estimate - target).square() * mask).sum(dim=1) / mask.sum(dim=1)
    return torch.sqrt(mean_square + 1e-4).mean()
