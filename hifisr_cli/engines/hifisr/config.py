"""Sizes of a network as frozen data that validates itself and travels inside the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from hifisr_cli.engines.hifigan.config import HifiGanConfig, MelConfig
from hifisr_cli.engines.sizes import ConfigError, parse_section
from hifisr_cli.results import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class MossFormerConfig:
    """The latent transformer.

    Attributes:
        width: channels D of the residual stream.
        latent: channels of the output.
        blocks: pairs of a gated-attention layer and a gated FSMN block.
        expansion: hidden width of the attention layer over D.
        qk_width: width of queries and keys.
        conv_kernel: taps of the depthwise convolution after each projection.
        fsmn_width, fsmn_kernel: channels and taps of the FSMN memory; width 0 leaves the FSMN blocks out.
        context: "global" is the published network (attention in groups of `span` frames plus linear attention over
            the whole chunk, statistics over the chunk, absolute positions); "bounded" sees `span` frames to either
            side in each layer, so that its output does not depend on where a recording is cut.
        span: group length (global) or reach to either side (bounded), in frames.
    """

    width: int = 512
    latent: int = 80
    blocks: int = 24
    expansion: int = 4
    qk_width: int = 128
    conv_kernel: int = 17
    fsmn_width: int = 256
    fsmn_kernel: int = 39
    context: Literal["global", "bounded"] = "global"
    span: int = 256


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """A whole network: front end, latent, head.

    Attributes:
        told_cutoff: the front end hides what lies above the cutoff and tells the network where that is (twice the
            input channels); the published network was not told.

    Raises:
        ConfigError: if the parts do not fit.
    """

    mel: MelConfig = field(default_factory=MelConfig)
    latent: MossFormerConfig = field(default_factory=MossFormerConfig)
    head: HifiGanConfig = field(default_factory=HifiGanConfig)
    told_cutoff: bool = False

    def __post_init__(self) -> None:
        mel, latent, head = self.mel, self.latent, self.head
        pairs = list(zip(head.rates, head.kernels, strict=False))
        odd = (latent.conv_kernel, latent.fsmn_kernel, *head.block_kernels)
        divides = head.upsampling > 0 and mel.hop % head.upsampling == 0
        rules = {
            "mel.n_fft - mel.hop must be even and not negative": mel.n_fft >= mel.hop > 0 == (mel.n_fft - mel.hop) % 2,
            "0 <= mel.f_min < mel.f_max <= 24000 must hold": 0 <= mel.f_min < mel.f_max <= SAMPLE_RATE / 2,
            "latent.width must be even": latent.width % 2 == 0,
            "latent.blocks must be positive": latent.blocks > 0,
            f"latent.qk_width must be at least {ROTARY_WIDTH}": latent.qk_width >= ROTARY_WIDTH,
            "latent.context must be 'global' or 'bounded'": latent.context in ("global", "bounded"),
            "kernels of latent and residual blocks must be odd": all(kernel % 2 for kernel in odd),
            "head.rates and head.kernels must pair up": len(head.rates) == len(head.kernels),
            "each of head.kernels must exceed its rate by an even number": all(
                k >= r and (k - r) % 2 == 0 for r, k in pairs
            ),
            "mel.hop must be a multiple of the head's upsampling": divides,
            "head.noise needs an inverse STFT": head.istft_n_fft > 0 or not head.noise,
            "head.flat_noise and head.voicing need head.noise": head.noise or not (head.flat_noise or head.voicing),
            "head.voicing must be 0 or at least 2": head.voicing == 0 or head.voicing >= 2,
            "head.voicing needs a mel.hop that is a multiple of half of head.istft_n_fft": head.voicing == 0
            or (head.istft_n_fft > 0 and mel.hop % (head.istft_n_fft // 2) == 0),
            "without inverse STFT the upsampling must equal mel.hop": head.istft_n_fft > 0
            or head.upsampling == mel.hop,
            "head.istft_n_fft must be a multiple of mel.hop / upsampling": divides
            and head.istft_n_fft % (mel.hop // head.upsampling) == 0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ConfigError("; ".join(broken))

    @property
    def architecture(self) -> str:
        """In a line."""
        mel, latent, head = self.mel, self.latent, self.head
        tail = f"inverse STFT (n_fft {head.istft_n_fft})" if head.istft_n_fft else "waveform convolution"
        return (
            f"log-mel ({mel.bands} bands, 0 to {mel.f_max / 1000:g} kHz, hop {mel.hop}) -> MossFormer latent "
            f"({latent.blocks} blocks, {latent.width} wide, {latent.context} context) -> HiFi-GAN head "
            f"({head.channels} channels, {len(head.rates)} upsamplings) -> {tail}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Nested built-in types, ready for JSON or TOML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises `ConfigError` on unknown keys."""
        sections = {"mel": MelConfig, "latent": MossFormerConfig, "head": HifiGanConfig}
        unknown = set(data) - {*sections, "told_cutoff"}
        if unknown:
            raise ConfigError(f"unknown keys: {', '.join(sorted(unknown))}")
        parts = {name: parse_section(kind, name, data.get(name, {})) for name, kind in sections.items()}
        return cls(**parts, told_cutoff=bool(data.get("told_cutoff", False)))


_REACH = "latent_reach"


def config_data(config: NetworkConfig, latent_reach: int | None = None) -> dict[str, Any]:
    """What a frozen checkpoint says of the network, ready for JSON.

    Args:
        latent_reach: frames to either side that were measured to matter (`reach`); None where not measured.
    """
    data: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
    return data if latent_reach is None else data | {_REACH: latent_reach}


def parse_config(data: Mapping[str, Any]) -> tuple[NetworkConfig, int | None]:
    """The inverse of `config_data`. Raises ConfigError on unknown keys, TypeError on values of another kind."""
    reach = data.get(_REACH)
    config = NetworkConfig.from_dict({key: value for key, value in data.items() if key != _REACH})
    return config, None if reach is None else int(reach)


ROTARY_WIDTH = 32
"""Channels of queries and keys that carry the relative position."""

PUBLISHED = NetworkConfig()
"""The shapes of the published HiFi-SR network (MossFormer2_SR_48K)."""

COMPACT = NetworkConfig(
    mel=MelConfig(n_fft=2048, hop=480, bands=128, f_max=24_000.0, floor=1e-7),
    latent=MossFormerConfig(
        width=256,
        latent=256,
        blocks=4,
        expansion=3,
        qk_width=64,
        conv_kernel=7,
        fsmn_width=128,
        fsmn_kernel=15,
        context="bounded",
        span=16,
    ),
    head=HifiGanConfig(
        channels=256,
        rates=(2,),
        kernels=(4,),
        block_kernels=(3, 7, 11),
        block_dilations=(1, 3),
        paired=False,
        keep_channels=True,
        istft_n_fft=960,
        noise=True,
        flat_noise=True,
        voicing=24,
    ),
    told_cutoff=True,
)
"""The small fast network that ships as the default."""
