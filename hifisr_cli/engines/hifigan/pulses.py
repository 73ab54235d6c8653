"""Pulses in the rhythm of a voice, regenerated from the band below the cutoff.

A nonlinear function of a voiced signal has harmonics of its pitch at all frequencies, in step with those that are there
(high-frequency regeneration, Makhoul and Berouti 1979). The low band is made white first, so that no single formant
decides; the exponential of its envelope (Hilbert's, which knows no polarity) and of a little of its course then makes
a peak of each closure of the glottis.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.hifigan.mel import hz_to_mel
from hifisr_cli.results import SAMPLE_RATE

_LOWEST_HZ, _HIGHEST_HZ, _HIGHEST = 80.0, 8_000.0, 0.94
"""The part of the voice that is looked at: up to 8 kHz and 0.94 of the cutoff."""
_TOP_HZ = 12_000.0
"""The upper edge of the pulses: higher up a voice hardly beats."""
_SMOOTH_HZ = 600.0
_OF_ENVELOPE, _OF_COURSE, _MOST = 3.0, 1.0, 16.0
_FAINT_INPUT, _FAINT_PULSES = 1e-7, 1e-8
"""Power over that of a frame's strongest band below which there is more of noise, or of rounding, than of a voice."""
_SILENCE = 1e-14


class ShortTime(nn.Module):
    """A short-time Fourier transform with a Hann window; frame f is centred on sample (f + 1/2) hop.

    n_fft must be a multiple of hop, so that overlap-add is a sum of shifted blocks.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop, self.bins, self.overlap = n_fft, hop, n_fft // 2 + 1, n_fft // hop
        self.register_buffer("window", torch.hann_window(n_fft, device="cpu"), persistent=False)

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


@dataclass(frozen=True, slots=True)
class Pulsation:
    """Pulses in the lower bins of a spectrum: K' of K, up to 12 kHz.

    Attributes:
        spectrum: complex [B, K', F], of power 1 on the average over some hundred Hz.
        presence: how much of that power there is [B, K', F]: 1 or less, 0 in silence and octaves above the cutoff.
    """

    spectrum: Tensor
    presence: Tensor

    def cropped(self, frames: int) -> Pulsation:
        """Without so many frames at either end."""
        inner = slice(frames, self.spectrum.shape[2] - frames)
        return Pulsation(self.spectrum[:, :, inner], self.presence[:, :, inner])


class Pulses(nn.Module):
    """Shape: waveform [B, F hop] at the network's level, cutoff in Hz [B] or, evenly spaced, [B, F'] -> `Pulsation`:
    harmonics of the voice below the cutoff where there is one, noise in the rhythm of the noise elsewhere."""

    smooth_low: Tensor
    smooth_high: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.frames, self.sparse_frames = ShortTime(n_fft, hop), ShortTime(n_fft, n_fft // 2)
        self.reach = 2 * n_fft  # samples to either side that a frame depends on: two transforms, and between them
        self.register_buffer("smooth_low", _hats(_bins(n_fft, _HIGHEST_HZ), n_fft), persistent=False)
        self.register_buffer("smooth_high", _hats(_bins(n_fft, _TOP_HZ), n_fft), persistent=False)

    @torch.no_grad()
    def forward(self, wave: Tensor, cutoff_hz: Tensor) -> Pulsation:
        # One by one: what is faint in pulses is the small rest of large numbers, and transforms round differently in
        # company.
        found = [self._of(*each) for each in zip(torch.split(wave, 1), torch.split(cutoff_hz, 1), strict=True)]
        if len(found) == 1:
            return found[0]
        return Pulsation(torch.cat([one.spectrum for one in found]), torch.cat([one.presence for one in found]))

    def _of(self, wave: Tensor, cutoff_hz: Tensor) -> Pulsation:
        """[1, F hop], [1] or [1, F'] -> the pulses of one recording."""
        bins = self.smooth_low.shape[0]
        frequency = torch.arange(bins, device=wave.device) * (SAMPLE_RATE / self.frames.n_fft)
        spectrum = self.sparse_frames.analyse(wave.float())[:, :bins]
        cutoffs = cutoff_hz.reshape(1, -1)
        middles = (torch.arange(spectrum.shape[2], device=wave.device) + 0.5) / spectrum.shape[2]
        cutoffs = cutoffs[:, None, (middles * cutoffs.shape[1]).long()]  # [1, 1, F]
        seen = (frequency[:, None] > _LOWEST_HZ) & (frequency[:, None] < _HIGHEST * cutoffs)
        spectrum = times(spectrum, seen.float())
        white = _levelled(spectrum, self.smooth_low, _FAINT_INPUT).spectrum
        power = _power(white).sum(dim=1, keepdim=True) / self.frames.bins
        # The window's energy turns bins of unit variance into samples of unit variance.
        white = times(white, torch.sqrt(self.frames.window.square().sum() / (power + _SILENCE)))
        voice, turned = self.sparse_frames.synthesise(white), self.sparse_frames.synthesise(-1j * white)
        peaks = torch.hypot(voice, turned).mul_(_OF_ENVELOPE).add_(voice, alpha=_OF_COURSE).clamp_(max=_MOST).expm1_()
        pulses = self.frames.analyse(peaks)[:, : self.smooth_high.shape[0]]
        return _levelled(pulses, self.smooth_high, _FAINT_PULSES)


def _levelled(spectrum: Tensor, smooth: Tensor, faint: float) -> Pulsation:
    """A spectrum [B, K, F] over the root of its power in the neighbourhood that the hats `smooth` [K, V] make."""
    mean = (smooth / smooth.sum(dim=0)).T @ _power(spectrum)
    whole = mean + (faint * mean.amax(dim=1, keepdim=True) + _SILENCE)
    gain, presence = smooth @ torch.rsqrt(whole), smooth @ (mean / whole)
    return Pulsation(times(spectrum, gain), presence)


def _power(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()


def _bins(n_fft: int, top_hz: float) -> int:
    """Bins up to this frequency."""
    return round(top_hz / SAMPLE_RATE * n_fft) + 1


def _hats(bins: int, n_fft: int) -> Tensor:
    """[K, V] for bands about `_SMOOTH_HZ` apart."""
    count = round((bins - 1) * SAMPLE_RATE / n_fft / _SMOOTH_HZ) + 1
    return hats(torch.linspace(0.0, 1.0, bins, device="cpu"), count)


def hats(at: Tensor, bands: int) -> Tensor:
    """What each of some places takes of each of `bands` values, which are spaced evenly from 0 to the last place, with
    lines drawn between them: [K], increasing -> [K, V], rows of unit sum."""
    spacing = float(at[-1]) / (bands - 1)
    return (1.0 - (at[:, None] / spacing - torch.arange(bands, device="cpu")).abs()).clamp(min=0.0)


def voicing_hats(bands: int, n_fft: int) -> Tensor:
    """[K', V] for bands evenly spaced on the mel scale, up to the top of the pulses; none for no bands."""
    bins = _bins(n_fft, _TOP_HZ)
    if not bands:
        return torch.zeros(bins, 0, device="cpu")
    return hats(hz_to_mel(torch.linspace(0.0, (bins - 1) * SAMPLE_RATE / n_fft, bins, device="cpu")), bands)
