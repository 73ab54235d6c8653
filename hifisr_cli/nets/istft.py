"""Inverse-STFT output layer (iSTFTNet, Kaneko et al. 2022; magnitude and phase as in Vocos, Siuzdak 2023).

Optionally it adds filtered noise (as in harmonic-plus-noise models, Serra and Smith 1990): a network without a source
of randomness can only draw smooth, buzzing spectra where speech hisses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LOG_MAGNITUDE_MAX = 6.0


class IstftOutput(nn.Module):
    """Turns channels into log magnitudes, phases and log gains of the noise, and those into a waveform.

    Shape: [B, 2 K or 3 K, F] with K = n_fft / 2 + 1, and white noise of unit variance [B, F hop] or [1, F hop] for
    3 K channels -> [B, F hop]; frame f is centred on sample (f + 1/2) hop. n_fft must be a multiple of hop, so that
    overlap-add is a sum of shifted blocks.

    Args:
        flat_noise: of the noise only the phases are used, its magnitudes are 1.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int, *, flat_noise: bool = False) -> None:
        super().__init__()
        self.n_fft, self.hop, self.flat_noise = n_fft, hop, flat_noise
        self.overlap = n_fft // hop
        self.register_buffer("window", torch.hann_window(n_fft, device="cpu"), persistent=False)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        log_magnitude, phase, *log_gain = torch.split(x.float(), self.n_fft // 2 + 1, dim=1)
        spectrum = torch.polar(torch.exp(log_magnitude.clamp(max=_LOG_MAGNITUDE_MAX)), phase)
        if log_gain and noise is not None:
            gain = torch.exp(log_gain[0].clamp(max=_LOG_MAGNITUDE_MAX))
            # As real numbers: a product of real and complex tensors makes the real one complex first.
            shaped = torch.view_as_real(self._spectrum(noise)) * gain[..., None]
            spectrum = spectrum + torch.view_as_complex(shaped)
        frames = torch.fft.irfft(spectrum, n=self.n_fft, dim=1).transpose(1, 2) * self.window
        wave = self._overlap_add(frames)
        weight = self._overlap_add(self.window.square().expand(1, frames.shape[1], -1))
        # Only the outermost samples of a chunk, which are context, ever see a weight near zero.
        return wave / weight.clamp(min=1e-3)

    def _spectrum(self, noise: Tensor) -> Tensor:
        """[B, F hop] -> [B, K, F]: its STFT on the frames of this layer, of unit variance or unit magnitudes."""
        pad = (self.n_fft - self.hop) // 2
        padded = F.pad(noise / self.window.square().sum().sqrt(), (pad, pad))
        spectrum = torch.stft(padded, self.n_fft, self.hop, window=self.window, center=False, return_complex=True)
        return torch.sgn(spectrum) if self.flat_noise else spectrum

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """[B, F, n_fft] -> [B, F hop]: the sum of frames at their places, cropped to the centres' span."""
        batch, count, _ = frames.shape
        parts = frames.reshape(batch, count, self.overlap, self.hop)
        summed = frames.new_zeros(batch, count + self.overlap - 1, self.hop)
        for i in range(self.overlap):
            summed[:, i : i + count] += parts[:, :, i]
        summed = summed.flatten(1)
        start = (self.n_fft - self.hop) // 2
        return summed[:, start : start + count * self.hop]
