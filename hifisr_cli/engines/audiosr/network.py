"""The whole network, stage by stage, and from a frozen checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from hifisr_cli.checkpoints.frozen import FrozenInfo, info_of, map_tensors, weights_that_fit
from hifisr_cli.engines.audiosr.config import AudioSrConfig
from hifisr_cli.engines.audiosr.unet import Unet
from hifisr_cli.engines.audiosr.vae import Gaussian, LatentDecoder, LatentEncoder
from hifisr_cli.engines.hifigan.head import HifiGan
from hifisr_cli.engines.hifigan.mel import LogMel

_NO_CONDITION = -11.4981
"""What the published network sees in every value of the unscaled condition where it is to see none."""


class AudioSr(nn.Module):
    """Log-mel front end, encoder of the condition, denoiser, decoder, vocoder: the parts of one restoration.

    Z channels and K rows of the latent; F mel frames, a multiple of `AudioSrConfig.frames_multiple`; L = F / 8 latent
    steps at the published sizes. Latents are scaled to about the noise's variance wherever they are seen from outside.
    Nothing but the front end looks beyond a window, and everything in a window touches everything else.

    Attributes:
        scale: of the latent, as it was trained.
    """

    scale: Tensor

    def __init__(self, config: AudioSrConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = LogMel(config.mel, epsilon=0.0)
        self.encoder = LatentEncoder(config.vae)
        self.unet = Unet(config.vae.latent, config.unet)
        self.decoder = LatentDecoder(config.vae)
        self.vocoder = HifiGan(config.mel.bands, config.vocoder, 1, normed=False)
        self.register_buffer("scale", torch.ones(()))

    def log_mel(self, wave: Tensor) -> Tensor:
        """Waveform at 48 kHz [B, T] -> [B, F, M], F = T / 480; frame f is centred on sample 480 (f + 1/2)."""
        log_mel: Tensor = self.mel(wave)
        return log_mel.transpose(1, 2)

    def condition(self, log_mel: Tensor) -> Gaussian:
        """Log-mel of the band-limited recording [B, F, M] -> the distribution of its latent [B, Z, L, K]."""
        found: Gaussian = self.encoder(log_mel)
        return Gaussian(found.mean * self.scale, found.std * self.scale)

    def no_condition(self, like: Tensor) -> Tensor:
        """The condition that says nothing, for guidance: [B, Z, L, K] -> same."""
        return torch.full_like(like, _NO_CONDITION) * self.scale

    def velocity(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """Noisy latents [B, Z, L, K] at times [B] from 0 to 999, their conditions [B, Z, L, K] -> v [B, Z, L, K]."""
        v: Tensor = self.unet(torch.cat((x, condition), dim=1), t)
        return v

    def decode(self, latent: Tensor) -> Tensor:
        """[B, Z, L, K] -> log-mel [B, F, M]."""
        log_mel: Tensor = self.decoder(latent / self.scale)
        return log_mel

    def vocode(self, log_mel: Tensor, *, spare: int = 0) -> Tensor:
        """[B, F, M] -> waveform [B, 480 (F - 2 spare) + surplus], for `spare` frames at either end that are context.

        `AudioSrConfig.surplus` is 16, and half of it stands in front.
        """
        wave: Tensor = self.vocoder(log_mel.transpose(1, 2), spare=spare)
        return wave


def load_network(path: Path, info: FrozenInfo | None = None) -> AudioSr:
    """Builds the network of a frozen checkpoint, in float32, ready for inference.

    Weights that are stored in float32 stay in the file, which is mapped into memory.

    Raises:
        ModelError: missing, damaged, of another engine, or weights that do not fit the described network.
    """
    info = info_of("audiosr", path, info)
    tensors = map_tensors(path)
    with weights_that_fit(path):
        with torch.device("meta"):  # neither time nor memory for random weights
            network = AudioSr(AudioSrConfig.from_dict(info.config))
        network.load_state_dict({key: tensors.pop(key).float() for key in list(tensors)}, assign=True)
    return network.eval().requires_grad_(requires_grad=False)
