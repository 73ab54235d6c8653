"""The log-spectral distance has its one and only definition here.

It takes 48 kHz mono, STFT n_fft 2048, hop 512, periodic Hann, centred with reflection; mean over frames of
sqrt(mean over bins of (log10 P - log10 P')^2), P clamped at 1e-8. AP-BWE's definition (Lu et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hifisr_cli.results import SAMPLE_RATE

N_FFT = 2048  # AP-BWE's, as are the next two (see above): figures of another definition cannot be compared
HOP = 512  # samples
POWER_FLOOR = 1e-8  # power that counts as none


def log_power(wave: Tensor, n_fft: int = N_FFT, hop: int = HOP) -> Tensor:
    """Returns log10 of the clamped power spectrum: [..., T] -> [..., K, F], K = n_fft / 2 + 1."""
    lead = wave.shape[:-1]
    flat = wave.reshape(-1, wave.shape[-1])
    flat = F.pad(flat[:, None], (n_fft // 2, n_fft // 2), mode="reflect")[:, 0]
    window = torch.hann_window(n_fft, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(flat, n_fft, hop, window=window, center=False, return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.log10(power.clamp(min=POWER_FLOOR)).reshape(*lead, *power.shape[1:])


@dataclass(frozen=True, slots=True)
class Lsd:
    """Holds the LSD over all bins, below the cutoff and at and above it."""

    full: float
    low: float
    high: float


def lsd(estimate: Tensor, reference: Tensor, cutoff_hz: float | None = None) -> Lsd:
    """Measures the LSD of two recordings [T] of equal length, longer than 1024 samples.

    Without a cutoff the low and the high figure are those of the whole band.
    """
    difference = (log_power(estimate) - log_power(reference)).square()
    edge = difference.shape[-2] if cutoff_hz is None else _first_bin(cutoff_hz)

    def distance(part: Tensor) -> float:
        return float(part.mean(dim=-2).sqrt().mean()) if part.shape[-2] else float("nan")

    full = distance(difference)
    if cutoff_hz is None:
        return Lsd(full, full, full)
    return Lsd(full, distance(difference[..., :edge, :]), distance(difference[..., edge:, :]))


def _first_bin(cutoff_hz: float) -> int:
    """Index of the first bin at or above the cutoff."""
    return min(-int(-cutoff_hz * N_FFT // SAMPLE_RATE), N_FFT // 2 + 1)
