"""The generator: waveform in, waveform out, end to end (HiFi-SR, arXiv 2501.10045); and as a frozen checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from hifisr_cli.checkpoints.frozen import FrozenInfo, info_of, read_tensors, weights_that_fit, write
from hifisr_cli.engines.hifigan.head import HifiGan, fold_weight_norm
from hifisr_cli.engines.hifigan.mel import CutoffFeatures, LogMel
from hifisr_cli.engines.hifigan.pulses import Pulsation, Pulses
from hifisr_cli.engines.hifisr.config import NetworkConfig, config_data, parse_config
from hifisr_cli.engines.hifisr.mossformer import MossFormer
from hifisr_cli.engines.hifisr.reach import measured_reach
from hifisr_cli.engines.upsampler import Upsampler


class Generator(Upsampler):
    """Log-mel front end, MossFormer latent, HiFi-GAN head.

    Shape: band-limited waveform at 48 kHz [B, T], cutoff in Hz [B] or of every hop [B, F], white noise of unit
    variance [B or 1, T] -> full-band waveform [B, T]; T a multiple of `hop`. Without noise the parts that it would
    carry are missing. The low band of the output is only a sketch: what is added to the original leaves it out.

    Args:
        normed: with weight norm, for training.
        latent_reach: frames to either side that were measured to matter (`reach`); None where not measured.

    Attributes:
        hop: samples per latent frame; chunks must start on multiples of it to agree.
        latent_reach: frames to either side that matter to a latent frame: as measured, at most the bound by
            construction. Frames nearer to the edge of a window need not reach the head.
        context: samples to either side that an output sample depends on, a multiple of `hop` (bounded context only).
        trim: samples at either end of a window that are context only: no output is made of them.
    """

    def __init__(self, config: NetworkConfig, *, normed: bool = True, latent_reach: int | None = None) -> None:
        super().__init__()
        self.config = config
        self.hop, self.hop_out = config.mel.hop, config.mel.hop // config.head.upsampling
        bands = config.mel.bands
        self.mel = LogMel(config.mel)
        self.features = CutoffFeatures(config.mel) if config.told_cutoff else None
        self.latent = MossFormer(2 * bands if config.told_cutoff else bands, config.latent)
        self.head = HifiGan(config.latent.latent, config.head, self.hop_out, normed=normed)
        self.calm = config.head.calm_noise
        self.pulses = Pulses(config.head.istft_n_fft, self.hop_out) if config.head.voicing else None
        bound = self.latent.context_frames if config.latent.context == "bounded" else 0
        self.latent_reach = bound if latent_reach is None else min(latent_reach, bound)
        # Frames at either end of what the head is given for which it need not make anything.
        self._spare = self.head.context_frames if self.latent_reach else 0
        self.trim = (self.latent_reach + self._spare) * self.hop
        window_frames = -(-config.mel.n_fft // (2 * self.hop))
        pulses = 0 if self.pulses is None else -(-self.pulses.reach // self.hop)
        frames = max(self.latent_reach + self.head.context_frames + window_frames, pulses)
        self.context = (frames + 1) * self.hop

    def featurize(self, wave: Tensor, cutoff_hz: Tensor) -> Tensor:
        """What the latent transformer sees: [B, T], [B] or [B, F] -> [B, M or 2 M, F], as precise as the input."""
        log_mel: Tensor = self.mel(wave)
        return log_mel if self.features is None else self.features(log_mel, cutoff_hz)

    def regenerate(self, wave: Tensor, cutoff_hz: Tensor, *, trimmed: bool = False) -> Pulsation | None:
        """The pulses for a head that is made for them: [B, T], [B] or [B, F] -> see `Pulses`, less `trim` if asked."""
        if self.pulses is None:
            return None
        pulses: Pulsation = self.pulses(wave, cutoff_hz)
        return pulses.cropped(self.trim // self.hop_out) if trimmed else pulses

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


def freeze(
    generator: Generator,
    path: Path,
    *,
    name: str,
    training: str,
    licence: str,
    resampler: str,
    half: bool = True,
) -> FrozenInfo:
    """Writes a generator as a frozen checkpoint. The generator's weight norm is folded in place.

    Args:
        half: store float16 (half the size; the network still computes in the precision asked for at run time).

    Raises:
        ModelError: a weight is too large for float16.
        OutputError: the file cannot be written.
    """
    fold_weight_norm(generator)
    reach = measured_reach(generator) if generator.config.latent.context == "bounded" else None
    info = FrozenInfo(name, "hifisr", config_data(generator.config, reach), resampler, licence, training)
    return write(generator.state_dict(), info, path, half=half)


def load_generator(path: Path, info: FrozenInfo | None = None) -> Generator:
    """Builds the network of a frozen checkpoint and fills in its weights, float32, ready for inference.

    Raises:
        ModelError: missing, damaged, of another engine, or weights that do not fit the described network.
    """
    info = info_of("hifisr", path, info)
    tensors = read_tensors(path, info)
    with weights_that_fit(path):
        config, reach = parse_config(info.config)
        with torch.device("meta"):  # neither time nor memory for random weights
            generator = Generator(config, normed=False, latent_reach=reach)
        generator.load_state_dict({key: value.float() for key, value in tensors.items()}, assign=True)
    return generator.eval().requires_grad_(requires_grad=False)
