"""Sizes of an AudioSR network as frozen data that validates itself and travels inside the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hifisr_cli.engines.hifigan.config import HifiGanConfig, MelConfig
from hifisr_cli.engines.sizes import ConfigError, parse_section

GROUPS = 32
"""Of every group norm of the autoencoder and of the U-Net."""


@dataclass(frozen=True, slots=True)
class LevelsConfig:
    """Images of several resolutions, each half of the one before.

    Attributes:
        channels: at the first resolution.
        multipliers: of the channels, level by level.
        blocks: residual blocks of a level on the way to small images; there is one more on the way to large ones.

    Raises:
        ConfigError: a size that is none.
    """

    channels: int
    multipliers: tuple[int, ...]
    blocks: int

    def __post_init__(self) -> None:
        sizes = [value for value in asdict(self).values() if isinstance(value, int)]
        if min(*sizes, *self.multipliers, len(self.multipliers)) < 1:
            raise ConfigError(f"sizes must be positive: {self}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of every level."""
        return tuple(self.channels * multiplier for multiplier in self.multipliers)

    @property
    def reduction(self) -> int:
        """How many rows, and columns, of the largest image become one of the smallest."""
        return 1 << (len(self.multipliers) - 1)


@dataclass(frozen=True, slots=True)
class VaeConfig(LevelsConfig):
    """The autoencoder: mel frames to a latent and back.

    Attributes:
        latent: channels of the latent.
    """

    channels: int = 128
    multipliers: tuple[int, ...] = (1, 2, 4, 8)
    blocks: int = 2
    latent: int = 16


@dataclass(frozen=True, slots=True)
class UnetConfig(LevelsConfig):
    """The denoiser. All levels but the first have attention.

    Attributes:
        head_width: channels of an attention head.
    """

    channels: int = 128
    multipliers: tuple[int, ...] = (1, 2, 3, 5)
    blocks: int = 2
    head_width: int = 32


_MEL = MelConfig(n_fft=2048, hop=480, bands=256, f_min=20.0, f_max=24_000.0)
_VOCODER = HifiGanConfig(
    channels=1536,
    rates=(6, 5, 4, 2, 2),
    kernels=(12, 10, 8, 4, 4),
    block_kernels=(3, 7, 11, 15),
    activation="leaky_relu",
)


@dataclass(frozen=True, slots=True)
class AudioSrConfig:
    """A whole network: front end, autoencoder, denoiser, vocoder. The defaults are the published sizes.

    Raises:
        ConfigError: if the parts do not fit.
    """

    mel: MelConfig = field(default_factory=lambda: _MEL)
    vae: VaeConfig = field(default_factory=VaeConfig)
    unet: UnetConfig = field(default_factory=UnetConfig)
    vocoder: HifiGanConfig = field(default_factory=lambda: _VOCODER)

    def __post_init__(self) -> None:
        mel, vae, unet, vocoder = self.mel, self.vae, self.unet, self.vocoder
        rules = {
            "mel.n_fft - mel.hop must be even and not negative": mel.n_fft >= mel.hop > 0 == (mel.n_fft - mel.hop) % 2,
            "mel.bands must be a multiple of the reductions of vae and unet": mel.bands > 0
            and mel.bands % (vae.reduction * unet.reduction) == 0,
            f"channels of vae and unet must be multiples of {GROUPS}": vae.channels % GROUPS == 0
            and unet.channels % GROUPS == 0,
            "the channels of unet's levels but the first must be multiples of unet.head_width": all(
                width % unet.head_width == 0 for width in unet.widths[1:]
            ),
            "vocoder.rates and vocoder.kernels must pair up": len(vocoder.rates) == len(vocoder.kernels),
            "each of vocoder.kernels must be at least its rate": all(
                kernel >= rate for kernel, rate in zip(vocoder.kernels, vocoder.rates, strict=False)
            ),
            "vocoder.block_kernels must be odd": all(kernel % 2 for kernel in vocoder.block_kernels),
            "vocoder must turn a mel frame into mel.hop samples": vocoder.upsampling == mel.hop
            and vocoder.istft_n_fft == 0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ConfigError("; ".join(broken))

    @property
    def frames_multiple(self) -> int:
        """The mel frames of a window are a multiple of it."""
        return self.vae.reduction * self.unet.reduction

    @property
    def latent_rows(self) -> int:
        """Rows K of the latent: what is left of the mel bands."""
        return self.mel.bands // self.vae.reduction

    @property
    def surplus(self) -> int:
        """Samples that the vocoder makes beyond a hop for each frame: half of them belong before the first frame."""
        extra = 0
        for rate, kernel in zip(self.vocoder.rates, self.vocoder.kernels, strict=True):
            extra = extra * rate + (kernel - rate) % 2
        return extra

    @property
    def architecture(self) -> str:
        """In a line."""
        mel, vae, unet, vocoder = self.mel, self.vae, self.unet, self.vocoder
        return (
            f"log-mel ({mel.bands} bands, hop {mel.hop}) -> autoencoder ({vae.channels} channels, latent of "
            f"{vae.latent} x {self.latent_rows}) -> diffusion (U-Net, {unet.channels} channels, v prediction) -> "
            f"HiFi-GAN vocoder ({vocoder.channels} channels, {len(vocoder.rates)} upsamplings)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Nested built-in types, as JSON has them."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AudioSrConfig:
        """The inverse of `to_dict`. Raises ConfigError on unknown keys, TypeError on values of another kind."""
        sections: dict[str, type[Any]] = {
            "mel": MelConfig, "vae": VaeConfig, "unet": UnetConfig, "vocoder": HifiGanConfig,
        }  # fmt: skip
        unknown = set(data) - set(sections)
        if unknown:
            raise ConfigError(f"unknown keys: {', '.join(sorted(unknown))}")
        return cls(**{name: parse_section(kind, name, data[name]) for name, kind in sections.items() if name in data})
