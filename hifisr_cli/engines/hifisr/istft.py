"""Inverse-STFT output layer (iSTFTNet, Kaneko et al. 2022; magnitude and phase as in Vocos, Siuzdak 2023).

Optionally it adds filtered noise (as in harmonic-plus-noise models, Serra and Smith 1990): a network without a source
of randomness can only draw smooth, buzzing spectra where speech hisses. And where a voice sounds, part of that noise
can be pulses in its rhythm (`nets.pulses`), so that vowels go on as vowels above the cutoff and not as whispers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hifisr_cli.engines.hifisr.config import HifiGanConfig
from hifisr_cli.engines.hifisr.pulses import Pulsation, voicing_hats
from hifisr_cli.engines.hifisr.short_time import ShortTime, times

_LOG_MAGNITUDE_MAX = 6.0
_MOST_VOICED = 0.98
"""Share of the pulses; a root of what is left has no slope at zero."""


class IstftOutput(nn.Module):
    """Turns channels into log magnitudes, phases, log gains of the excitation and shares of the pulses in it, and those
    into a waveform.

    Shape: [B, 2 K, F] with K = n_fft / 2 + 1, or with `config.noise` [B, 3 K + voicing, F], white noise of unit
    variance [B, F hop] or [1, F hop] and, with `config.voicing`, pulses of F frames -> [B, F hop]; frame f is centred
    on sample (f + 1/2) hop. Without noise the excitation is missing.
    """

    voices: Tensor

    def __init__(self, config: HifiGanConfig, hop: int) -> None:
        super().__init__()
        self.frames = ShortTime(config.istft_n_fft, hop)
        bins = self.frames.bins
        self.sizes = [bins, bins, bins if config.noise else 0, config.voicing]
        self.flat_noise = config.flat_noise
        self.register_buffer("voices", voicing_hats(config.voicing, config.istft_n_fft), persistent=False)

    @property
    def overlap(self) -> int:
        """Frames that meet in a sample."""
        return self.frames.overlap

    def forward(self, x: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None) -> Tensor:
        log_magnitude, phase, log_gain, voicing = torch.split(x.float(), self.sizes, dim=1)
        spectrum = torch.polar(torch.exp(log_magnitude.clamp(max=_LOG_MAGNITUDE_MAX)), phase)
        if log_gain.shape[1] and noise is not None:
            gain = torch.exp(log_gain.clamp(max=_LOG_MAGNITUDE_MAX))
            spectrum = spectrum + times(self._excitation(noise, voicing, pulses), gain)
        return self.frames.synthesise(spectrum)

    def _excitation(self, noise: Tensor, voicing: Tensor, pulses: Pulsation | None) -> Tensor:
        """[B, F hop], [B, V, F] -> [B, K, F] of power 1."""
        excitation = self.frames.analyse(noise)
        if self.flat_noise:
            excitation = excitation.sgn_()
        if not voicing.shape[1] or pulses is None:
            return excitation
        share = _MOST_VOICED * (self.voices @ torch.sigmoid(voicing))
        rest = torch.sqrt(1.0 - share.square() * pulses.presence)  # powers add up to one
        low, high = excitation[:, : share.shape[1]], excitation[:, share.shape[1] :]
        mixed = times(low, rest) + times(pulses.spectrum, share)
        return torch.cat((mixed, high.expand(mixed.shape[0], -1, -1)), dim=1)
