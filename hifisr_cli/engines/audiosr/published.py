"""The published AudioSR weights: what their keys are called here, and which sizes their shapes tell.

Key names and shapes are facts of the published files. Of the 3742 tensors of a file 1611 are needed: the program also
stores an encoder, a decoder and a vocoder that it does not use, averaged weights that it does not read, a text model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.checkpoints.published import count_of, listed, owning, shape_of, taken
from hifisr_cli.engines.audiosr.config import AudioSrConfig, UnetConfig, VaeConfig
from hifisr_cli.engines.sizes import ConfigError
from hifisr_cli.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

LIMITS = (
    "it was trained on clean recordings with cutoffs from 2 to 16 kHz; noise, reverberation and the holes that codecs "
    "leave mislead it, as its authors say",
    "it judges a window of some seconds as a whole: the generated band depends on where a recording starts",
    "it knows one channel at a time: what channels have in common above the cutoff comes from their low bands alone",
)
"""What cannot be mended without training it anew."""

UNET = "model.diffusion_model."
"""What the keys of the denoiser begin with."""

_CONDITION, _DECODER, _VOCODER = "cond_stage_models.0.vae.", "first_stage_model.", "first_stage_model.vocoder."
_SCALE, _ALPHA_BARS = "scale_factor", "alphas_cumprod"

_NOT_NEEDED = re.compile(
    r"first_stage_model\.(encoder|quant_conv)\."
    r"|cond_stage_models\.0\.vae\.(decoder|post_quant_conv|vocoder)\."
    r"|model_ema\.|clap\.|logvar$"
    r"|(betas|alphas_cumprod_|sqrt_|log_one_|posterior_)[a-z0-9_]*$"  # of the noise schedule, all but alphas_cumprod
)
_SAME_SCHEDULE = 1e-6  # float32 rounds by 6e-8; the next usual schedules (linear, clipped earlier) differ by 1e-2

_VAE_RULES = (
    (r"^enter\.", "post_quant_conv."),
    (r"^moments\.", "quant_conv."),
    (r"^middle\.0\.", "mid.block_1."),
    (r"^middle\.1\.", "mid.attn_1."),
    (r"^middle\.2\.", "mid.block_2."),
    (r"^down\.(\d+)\.\d+\.conv\.", r"down.\1.downsample.conv."),
    (r"^up\.(\d+)\.\d+\.conv\.", r"up.\1.upsample.conv."),
    (r"^(down|up)\.(\d+)\.(\d+)\.", r"\1.\2.block.\3."),
    (r"\.shortcut\.", ".nin_shortcut."),
)
_UNET_RULES = (
    (r"^time\.", "time_embed."),
    (r"^down\.(\d+)\.0\.conv\.", r"input_blocks.\1.0.op."),
    (r"^down\.", "input_blocks."),
    (r"^middle\.", "middle_block."),
    (r"^up\.", "output_blocks."),
    (r"^norm_out\.", "out.0."),
    (r"^conv_out\.", "out.2."),
    (r"\.norm1\.", ".in_layers.0."),
    (r"\.conv1\.", ".in_layers.2."),
    (r"\.embed\.", ".emb_layers.1."),
    (r"\.norm2\.", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."),
    (r"\.shortcut\.", ".skip_connection."),
    (r"\.attn([12])\.norm\.", r".transformer_blocks.0.norm\1."),
    (r"\.attn([12])\.", r".transformer_blocks.0.attn\1."),
    (r"\.to_out\.", ".to_out.0."),
    (r"\.ff\.norm\.", ".transformer_blocks.0.norm3."),
    (r"\.ff\.enter\.", ".transformer_blocks.0.ff.net.0.proj."),
    (r"\.ff\.leave\.", ".transformer_blocks.0.ff.net.2."),
)
_VOCODER_RULES = (
    (r"^enter\.", "conv_pre."),
    (r"^leave\.", "conv_post."),
    (r"\.dilated\.", ".convs1."),
    (r"\.plain\.", ".convs2."),
)
"""From our names to theirs, one replacement after the other."""


def published_key(ours: str, config: AudioSrConfig) -> str:
    """What a tensor of our network is called in the published file."""
    stage, _, name = ours.partition(".")
    if stage == "unet":
        return UNET + _renamed(name, _UNET_RULES)
    if stage == "encoder":
        name = _renamed(name, _VAE_RULES)
        return _CONDITION + (name if name.startswith("quant_conv.") else f"encoder.{name}")
    if stage == "decoder":
        last = len(config.vae.multipliers) - 1  # they count the levels from the mel's resolution, in both directions
        name = re.sub(r"^up\.(\d+)", lambda found: f"up.{last - int(found[1])}", name)
        name = _renamed(name, _VAE_RULES)
        return _DECODER + (name if name.startswith("post_quant_conv.") else f"decoder.{name}")
    if stage == "vocoder":
        kinds = len(config.vocoder.block_kernels)  # they count the residual blocks of all stages in one row
        name = re.sub(
            r"^blocks\.(\d+)\.(\d+)", lambda found: f"resblocks.{kinds * int(found[1]) + int(found[2])}", name
        )
        return _VOCODER + _renamed(name, _VOCODER_RULES)
    return _SCALE


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def is_needed(key: str) -> bool:
    """Whether a tensor of the published file is one that a restoration is computed with."""
    return _NOT_NEEDED.match(key) is None


def convert(state: Mapping[str, Tensor], path: Path) -> tuple[AudioSrConfig, dict[str, Tensor]]:
    """Our network's sizes and weights, from the needed tensors of a published file and its noise schedule.

    Raises:
        ModelError: a key is missing, unknown or of another shape, a weight is not finite, or the schedule is not what
            we compute; the message names the key.
    """
    import torch

    from hifisr_cli.engines.audiosr.network import AudioSr

    try:
        config = _sizes(state, path)
    except ConfigError as error:
        raise ModelError(f"shapes that do not make a network of this kind: {error}", path=path) from error
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in AudioSr(config).state_dict().items()}
    left = dict(state)
    _check_schedule(left.pop(_ALPHA_BARS, None), path)
    tensors = {}
    for ours, shape in shapes.items():
        key = published_key(ours, config)
        tensor = taken(left, key, shape, path)
        if not bool(tensor.isfinite().all()):
            raise ModelError(f"key '{key}' holds NaN or infinite weights", path=path)
        tensors[ours] = tensor
    if left:
        hint = "not a checkpoint of AudioSR, or of a variant of it"
        raise ModelError(f"unknown {listed(left)}", path=path, hint=hint)
    return config, dict(zip(tensors, owning(tensors.values()), strict=True))


def _sizes(state: Mapping[str, Tensor], path: Path) -> AudioSrConfig:
    """The configuration that these tensors were made for.

    What no shape tells is as published: the front end but its bands, the width of attention heads, dilations 1, 3, 5,
    and strides of half the taps.

    Raises:
        ModelError: a key that a size is read from is missing or has another number of dimensions.
        ConfigError: the sizes contradict each other.
    """

    def width(layer: str) -> int:
        return shape_of(state, f"{layer}.weight", 4, path)[0]

    published = AudioSrConfig()
    down = _CONDITION + "encoder.down."
    channels = width(_CONDITION + "encoder.conv_in")
    levels = count_of(state, re.escape(down) + r"(\d+)\.")
    vae = VaeConfig(
        channels=channels,
        multipliers=tuple(width(f"{down}{level}.block.0.conv1") // channels for level in range(levels)),
        blocks=count_of(state, re.escape(down) + r"0\.block\.(\d+)\."),
        latent=width(_DECODER + "post_quant_conv"),
    )
    rows = count_of(state, re.escape(UNET) + r"input_blocks\.(\d+)\.")
    smaller = [row for row in range(rows) if f"{UNET}input_blocks.{row}.0.op.weight" in state]
    blocks = (smaller[0] if smaller else rows) - 1
    channels = width(UNET + "input_blocks.0.0")
    firsts = [1, *(row + 1 for row in smaller)]
    unet = UnetConfig(
        channels=channels,
        multipliers=tuple(width(f"{UNET}input_blocks.{row}.0.in_layers.2") // channels for row in firsts),
        blocks=blocks,
    )
    enter, bands, _ = shape_of(state, _VOCODER + "conv_pre.weight", 3, path)
    stages = count_of(state, re.escape(_VOCODER) + r"ups\.(\d+)\.")
    kinds = count_of(state, re.escape(_VOCODER) + r"resblocks\.(\d+)\.") // max(stages, 1)
    kernels = tuple(shape_of(state, f"{_VOCODER}ups.{i}.weight", 3, path)[2] for i in range(stages))
    vocoder = replace(
        published.vocoder,
        channels=enter,
        rates=tuple(kernel // 2 for kernel in kernels),
        kernels=kernels,
        block_kernels=tuple(
            shape_of(state, f"{_VOCODER}resblocks.{i}.convs1.0.weight", 3, path)[2] for i in range(kinds)
        ),
    )
    return AudioSrConfig(replace(published.mel, bands=bands), vae, unet, vocoder)


def _check_schedule(found: Tensor | None, path: Path) -> None:
    """Raises ModelError: the file holds another noise schedule than the published one."""
    from hifisr_cli.engines.audiosr.schedule import published_alpha_bars

    ours = published_alpha_bars()
    if found is not None and (found.shape != ours.shape or float((found - ours).abs().max()) > _SAME_SCHEDULE):
        raise ModelError(f"key '{_ALPHA_BARS}' is not the cosine schedule: another kind of network", path=path)
