"""Waveform to frames of spectrum and back, on the frames of the head's output layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ShortTime(nn.Module):
    """A short-time Fourier transform with a Hann window; frame f is centred on sample (f + 1/2) hop.

    n_fft must be a multiple of hop, so that overlap-add is a sum of shifted blocks.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.overlap = n_fft // hop
        self.register_buffer("window", torch.hann_window(n_fft, device="cpu"), persistent=False)

    @property
    def bins(self) -> int:
        """K."""
        return self.n_fft // 2 + 1

    def analyse(self, wave: Tensor) -> Tensor:
        """[B, F hop] -> [B, K, F]; white noise of unit variance has bins of unit variance."""
        pad = (self.n_fft - self.hop) // 2
        padded = F.pad(wave / self.window.square().sum().sqrt(), (pad, pad))
        return torch.stft(padded, self.n_fft, self.hop, window=self.window, center=False, return_complex=True)

    def synthesise(self, spectrum: Tensor) -> Tensor:
        """[B, K, F] -> [B, F hop], the inverse of `torch.stft` (bins as it scales them)."""
        frames = torch.fft.irfft(spectrum, n=self.n_fft, dim=1).transpose(1, 2) * self.window
        wave = self._overlap_add(frames)
        weight = self._overlap_add(self.window.square().expand(1, frames.shape[1], -1))
        # Only the outermost samples of a chunk, which are context, ever see a weight near zero.
        return wave / weight.clamp(min=1e-3)

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


def times(spectrum: Tensor, gain: Tensor) -> Tensor:
    """A complex spectrum [B, K, F] times real numbers, as real numbers: else they become complex first."""
    return torch.view_as_complex(torch.view_as_real(spectrum) * gain[..., None])
