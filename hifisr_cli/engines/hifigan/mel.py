"""Log-mel front end: waveform [B, T] -> log-mel [B, M, F].

Equations and constants are those of HiFi-GAN's mel spectrogram (Kong et al. 2020), with Slaney's mel scale and area
normalisation (Auditory Toolbox, 1998).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.hifigan.config import MelConfig
from hifisr_cli.results import SAMPLE_RATE

_PUBLISHED_FLOOR, _PUBLISHED_EPSILON = 1e-5, 1e-9
_HIDDEN = math.log(_PUBLISHED_FLOOR)
"""What a band above the cutoff looks like."""

_LINEAR_STEP_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_STEP_HZ
_LOG_STEP = math.log(6.4) / 27.0


def hz_to_mel(hz: Tensor) -> Tensor:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above. Any shape."""
    log_part = _BREAK_MEL + torch.log(hz.clamp(min=_BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return torch.where(hz < _BREAK_HZ, hz / _LINEAR_STEP_HZ, log_part)


def mel_to_hz(mel: Tensor) -> Tensor:
    """The inverse of `hz_to_mel`. Any shape."""
    log_part = _BREAK_HZ * torch.exp(_LOG_STEP * (mel.clamp(min=_BREAK_MEL) - _BREAK_MEL))
    return torch.where(mel < _BREAK_MEL, mel * _LINEAR_STEP_HZ, log_part)


def band_edges(bands: int, f_max: float, f_min: float = 0.0) -> Tensor:
    """Corner frequencies in Hz [M + 2] in float64: band m rises from edge m to m + 1 and falls to m + 2."""
    low, high = hz_to_mel(torch.tensor((f_min, f_max), dtype=torch.float64, device="cpu")).tolist()
    return mel_to_hz(torch.linspace(low, high, bands + 2, dtype=torch.float64, device="cpu"))


def mel_filterbank(n_fft: int, bands: int, f_max: float, f_min: float = 0.0) -> Tensor:
    """Triangular filters of unit area [M, K] in float64, K = n_fft / 2 + 1."""
    edges = band_edges(bands, f_max, f_min)[:, None]
    bins = torch.linspace(0.0, SAMPLE_RATE / 2, n_fft // 2 + 1, dtype=torch.float64, device="cpu")[None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rise, fall).clamp(min=0.0) * (2.0 / (edges[2:] - edges[:-2]))


class LogMel(nn.Module):
    """Natural logarithm of the mel magnitudes.

    Shape: [B, T] -> [B, M, F] with F = T // hop; frame f is centred on sample (f + 1/2) hop.
    T must exceed (n_fft - hop) / 2, the reflection at either end.

    Args:
        epsilon: added to every power, so that training finds a slope at zero; None is well below the floor.
    """

    window: Tensor
    filterbank: Tensor

    def __init__(self, config: MelConfig, *, epsilon: float | None = None) -> None:
        super().__init__()
        self.config = config
        self._epsilon = _PUBLISHED_EPSILON * (config.floor / _PUBLISHED_FLOOR) ** 2 if epsilon is None else epsilon
        window, filterbank = self._constants()
        self.register_buffer("window", window.float(), persistent=False)
        self.register_buffer("filterbank", filterbank.float(), persistent=False)

    def _constants(self) -> tuple[Tensor, Tensor]:
        """In float64, on the processor even while parameters are made on the meta device."""
        config = self.config
        window = torch.hann_window(config.n_fft, dtype=torch.float64, device="cpu")
        return window, mel_filterbank(config.n_fft, config.bands, config.f_max, config.f_min)

    def double(self) -> LogMel:
        """Float64 with window and filters computed anew, not widened from float32."""
        super().double()
        self.window, self.filterbank = (each.to(self.window.device) for each in self._constants())
        return self

    def forward(self, wave: Tensor) -> Tensor:
        n_fft, hop = self.config.n_fft, self.config.hop
        pad = (n_fft - hop) // 2
        padded = F.pad(wave[:, None], (pad, pad), mode="reflect")[:, 0]
        spectrum = torch.stft(padded, n_fft, hop, window=self.window, center=False, return_complex=True)
        magnitude = torch.sqrt(spectrum.real.square() + spectrum.imag.square() + self._epsilon)
        return torch.log((self.filterbank @ magnitude).clamp(min=self.config.floor))


class CutoffFeatures(nn.Module):
    """Hides the mel bands above the cutoff and tells the network where that is.

    What lies above the cutoff is not content (skirts of filters, codec noise, hiss added later), so the network must
    not lean on it. The visibility of band m falls from 1 to 0 while the cutoff sinks through the band.

    Shape: log-mel [B, M, F], cutoff in Hz [B] or [B, F] -> [B, 2 M, F]: the visible part, scaled to about unit
    variance, and the visibility.
    """

    edges: Tensor

    _CENTRE, _SCALE = -6.0, 3.0

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        edges = band_edges(config.bands, config.f_max, config.f_min)
        self.register_buffer("edges", edges.float(), persistent=False)

    def forward(self, log_mel: Tensor, cutoff_hz: Tensor) -> Tensor:
        low, high = self.edges[:-2], self.edges[2:]
        cutoffs = cutoff_hz.reshape(len(cutoff_hz), 1, -1)  # [B, 1, 1 or F]
        visible = ((cutoffs - low[:, None]) / (high - low)[:, None]).clamp(0.0, 1.0).to(log_mel.dtype)
        shown = _HIDDEN + (log_mel - _HIDDEN) * visible
        scaled = (shown - self._CENTRE) / self._SCALE
        return torch.cat((scaled, visible.expand_as(scaled)), dim=1)
