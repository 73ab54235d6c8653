"""The generator: waveform in, waveform out, end to end (HiFi-SR, arXiv 2501.10045)."""

from __future__ import annotations

from torch import Tensor, nn

from hifisr_cli.engines.hifisr.config import NetworkConfig
from hifisr_cli.engines.hifisr.hifigan import HifiGan
from hifisr_cli.engines.hifisr.mel import CutoffFeatures, LogMel
from hifisr_cli.engines.hifisr.mossformer import MossFormer
from hifisr_cli.engines.hifisr.pulses import Pulsation, Pulses


class Generator(nn.Module):
    """Log-mel front end, MossFormer latent, HiFi-GAN head.

    Shape: band-limited waveform at 48 kHz [B, T], cutoff in Hz [B], white noise of unit variance [B or 1, T] ->
    full-band waveform [B, T]; T a multiple of `hop`. Without noise the parts that it would carry are missing. The low
    band of the output is only a sketch: low-band replacement puts the original back.
    """

    def __init__(self, config: NetworkConfig, *, normed: bool = True) -> None:
        super().__init__()
        self.config = config
        bands = config.mel.bands
        self.mel = LogMel(config.mel)
        self.features = CutoffFeatures(config.mel) if config.told_cutoff else None
        self.latent = MossFormer(2 * bands if config.told_cutoff else bands, config.latent)
        self.head = HifiGan(config.latent.latent, config.head, config.hop_out, normed=normed)
        self.pulses = Pulses(config.head.istft_n_fft, config.hop_out) if config.head.voicing else None
        self.latent_reach = self.latent.context_frames if config.latent.context == "bounded" else 0
        """Frames to either side that matter to a latent frame: the bound by construction, unless a measured one is
        known (`reach`). Frames nearer to the edge of a window need not reach the head."""

    @property
    def hop(self) -> int:
        """Samples per latent frame; chunks must start on multiples of it to agree."""
        return self.config.mel.hop

    @property
    def context(self) -> int:
        """Samples to either side that an output sample depends on, a multiple of `hop` (bounded context only)."""
        frames = self.latent_reach + self.head.context_frames
        window_frames = -(-self.config.mel.n_fft // (2 * self.hop))
        pulses = 0 if self.pulses is None else -(-self.pulses.reach // self.hop)
        return (max(frames + window_frames, pulses) + 1) * self.hop

    @property
    def trim(self) -> int:
        """Samples at either end of a window that are context only: no output is made of them."""
        return (self.latent_reach + self._spare) * self.hop

    @property
    def _spare(self) -> int:
        """Frames at either end of what the head is given for which it need not make anything."""
        return self.head.context_frames if self.latent_reach else 0

    def featurize(self, wave: Tensor, cutoff_hz: Tensor) -> Tensor:
        """What the latent transformer sees: [B, T], [B] -> [B, M or 2 M, F]. Always in the precision of the input."""
        log_mel: Tensor = self.mel(wave)
        return log_mel if self.features is None else self.features(log_mel, cutoff_hz)

    def regenerate(self, wave: Tensor, cutoff_hz: Tensor, *, trimmed: bool = False) -> Pulsation | None:
        """The pulses for a head that is made for them: [B, T], [B] -> see `Pulses`, less `trim` if asked."""
        if self.pulses is None:
            return None
        pulses: Pulsation = self.pulses(wave, cutoff_hz)
        return pulses.cropped(self.trim // self.config.hop_out) if trimmed else pulses

    def synthesize(
        self, features: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None, *, trimmed: bool = False
    ) -> Tensor:
        """Latent transformer and head: [B, M or 2 M, F], [B or 1, T], see `regenerate` -> [B, T]; T = F hop, less
        2 `trim` if asked."""
        latent: Tensor = self.latent(features, spare=self.latent_reach if trimmed else 0)
        wave: Tensor = self.head(latent, noise, pulses, spare=self._spare if trimmed else 0)
        return wave

    def forward(self, wave: Tensor, cutoff_hz: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.synthesize(self.featurize(wave, cutoff_hz), noise, self.regenerate(wave, cutoff_hz))
