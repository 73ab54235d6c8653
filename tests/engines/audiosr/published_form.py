"""Checkpoints in the form in which AudioSR was published, of any size, with random weights.

Written from the list of keys and shapes of the published file, not from the importer's table, which it tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Shape = tuple[int, ...]
Shapes = dict[str, Shape]
State = dict[str, Tensor]


@dataclass(frozen=True)
class Sizes:
    """Of a small network; `FULL` are the published ones."""

    vae: tuple[int, ...] = (32, 64)
    unet: tuple[int, ...] = (32, 64)
    latent: int = 4
    bands: int = 32
    vocoder: int = 32


FULL = Sizes((128, 256, 512, 1024), (128, 256, 384, 640), 16, 256, 1536)

STEPS = 1000
SCHEDULE = (
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_variance",
    "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
)  # fmt: skip
CLAP_VALUES = 200_098_330


def conv(name: str, before: int, after: int, kernel: int = 3) -> Iterator[tuple[str, Shape]]:
    yield name + ".weight", (after, before, kernel, kernel)
    yield name + ".bias", (after,)


def norm(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    yield name + ".weight", (width,)
    yield name + ".bias", (width,)


def linear(name: str, before: int, after: int, *, bias: bool = True) -> Iterator[tuple[str, Shape]]:
    yield name + ".weight", (after, before)
    if bias:
        yield name + ".bias", (after,)


def vae_block(name: str, before: int, after: int) -> Iterator[tuple[str, Shape]]:
    yield from norm(name + ".norm1", before)
    yield from conv(name + ".conv1", before, after)
    yield from norm(name + ".norm2", after)
    yield from conv(name + ".conv2", after, after)
    if before != after:
        yield from conv(name + ".nin_shortcut", before, after, 1)


def vae_middle(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    yield from vae_block(name + ".block_1", width, width)
    yield from norm(name + ".attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        yield from conv(f"{name}.attn_1.{part}", width, width, 1)
    yield from vae_block(name + ".block_2", width, width)


def encoder_shapes(s: Sizes) -> Iterator[tuple[str, Shape]]:
    yield from conv("encoder.conv_in", 1, s.vae[0])
    before = s.vae[0]
    for level, width in enumerate(s.vae):
        for block in range(2):
            yield from vae_block(f"encoder.down.{level}.block.{block}", before, width)
            before = width
        if level < len(s.vae) - 1:
            yield from conv(f"encoder.down.{level}.downsample.conv", width, width)
    yield from vae_middle("encoder.mid", before)
    yield from norm("encoder.norm_out", before)
    yield from conv("encoder.conv_out", before, 2 * s.latent)
    yield from conv("quant_conv", 2 * s.latent, 2 * s.latent, 1)


def decoder_shapes(s: Sizes) -> Iterator[tuple[str, Shape]]:
    before = s.vae[-1]
    yield from conv("decoder.conv_in", s.latent, before)
    yield from vae_middle("decoder.mid", before)
    for level, width in reversed(list(enumerate(s.vae))):
        for block in range(3):
            yield from vae_block(f"decoder.up.{level}.block.{block}", before, width)
            before = width
        if level:
            yield from conv(f"decoder.up.{level}.upsample.conv", width, width)
    yield from norm("decoder.norm_out", before)
    yield from conv("decoder.conv_out", before, 1)
    yield from conv("post_quant_conv", s.latent, s.latent, 1)


def unet_block(name: str, before: int, after: int, level: int, embedding: int) -> Iterator[tuple[str, Shape]]:
    yield from norm(name + ".0.in_layers.0", before)
    yield from conv(name + ".0.in_layers.2", before, after)
    yield from linear(name + ".0.emb_layers.1", embedding, after)
    yield from norm(name + ".0.out_layers.0", after)
    yield from conv(name + ".0.out_layers.3", after, after)
    if before != after:
        yield from conv(name + ".0.skip_connection", before, after, 1)
    for child in (1, 2) if level else ():
        yield from transformer(f"{name}.{child}", after)


def transformer(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    yield from norm(name + ".norm", width)
    yield from conv(name + ".proj_in", width, width, 1)
    block = name + ".transformer_blocks.0."
    for attention in ("attn1.", "attn2."):
        for part in ("to_q", "to_k", "to_v"):
            yield from linear(block + attention + part, width, width, bias=False)
        yield from linear(block + attention + "to_out.0", width, width)
    yield from linear(block + "ff.net.0.proj", width, 8 * width)
    yield from linear(block + "ff.net.2", 4 * width, width)
    for number in (1, 2, 3):
        yield from norm(f"{block}norm{number}", width)
    yield from conv(name + ".proj_out", width, width, 1)


def unet_shapes(s: Sizes) -> Iterator[tuple[str, Shape]]:
    width, embedding = s.unet[0], 4 * s.unet[0]
    yield from linear("time_embed.0", width, embedding)
    yield from linear("time_embed.2", embedding, embedding)
    yield from conv("input_blocks.0.0", 2 * s.latent, width)
    skips, row = [width], 1
    for level, after in enumerate(s.unet):
        for _ in range(2):
            yield from unet_block(f"input_blocks.{row}", width, after, level, embedding)
            width, row = after, row + 1
            skips.append(width)
        if level < len(s.unet) - 1:
            yield from conv(f"input_blocks.{row}.0.op", width, width)
            row += 1
            skips.append(width)
    yield from unet_block("middle_block", width, width, 1, embedding)
    for key, shape in unet_block("", width, width, 0, embedding):
        yield "middle_block" + key.replace(".0.", ".3.", 1), shape
    row = 0
    for level, after in reversed(list(enumerate(s.unet))):
        for block in range(3):
            yield from unet_block(f"output_blocks.{row}", width + skips.pop(), after, level, embedding)
            width = after
            if block == 2 and level:
                yield from conv(f"output_blocks.{row}.3.conv", width, width)
            row += 1
    yield from norm("out.0", width)
    yield from conv("out.2", width, s.latent)


def vocoder_shapes(s: Sizes) -> Iterator[tuple[str, Shape]]:
    width = s.vocoder
    yield from (("conv_pre.weight", (width, s.bands, 7)), ("conv_pre.bias", (width,)))
    for stage, kernel in enumerate((12, 10, 8, 4, 4)):
        yield from ((f"ups.{stage}.weight", (width, width // 2, kernel)), (f"ups.{stage}.bias", (width // 2,)))
        width //= 2
        for kind, taps in enumerate((3, 7, 11, 15)):
            for part in ("convs1", "convs2"):
                for number in range(3):
                    name = f"resblocks.{4 * stage + kind}.{part}.{number}"
                    yield from ((name + ".weight", (width, width, taps)), (name + ".bias", (width,)))
    yield from (("conv_post.weight", (1, width, 7)), ("conv_post.bias", (1,)))


def needed_shapes(s: Sizes) -> Shapes:
    """What a restoration is computed with, without the scale."""
    return (
        {"model.diffusion_model." + key: shape for key, shape in unet_shapes(s)}
        | {"cond_stage_models.0.vae." + key: shape for key, shape in encoder_shapes(s)}
        | {"first_stage_model." + key: shape for key, shape in decoder_shapes(s)}
        | {"first_stage_model.vocoder." + key: shape for key, shape in vocoder_shapes(s)}
    )


def other_shapes(s: Sizes) -> Shapes:
    """What the published file holds besides: copies of all of it. Its text model is one tensor here."""
    cond = {**dict(decoder_shapes(s)), **{"vocoder." + key: shape for key, shape in vocoder_shapes(s)}}
    return (
        {"first_stage_model." + key: shape for key, shape in encoder_shapes(s)}
        | {"cond_stage_models.0.vae." + key: shape for key, shape in cond.items()}
        | {"model_ema.diffusion_model" + key.replace(".", ""): shape for key, shape in unet_shapes(s)}
        | {"clap.model.text_branch.weight": (CLAP_VALUES if s == FULL else 7,), "logvar": (STEPS,)}
    )


def random_weights(shapes: Shapes, seed: int = 0) -> State:
    """Uneven weights of a sensible size, so that a swapped tensor shows."""
    source = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in shapes.items():
        noise = torch.empty(shape).normal_(generator=source)
        if len(shape) == 1:
            state[key] = noise.mul_(0.1).add_(1.0 if key.endswith("weight") else 0.0)
        else:
            state[key] = noise.div_(math.prod(shape[1:]) ** 0.5)
    return state


def random_state(sizes: Sizes | None = None, seed: int = 0) -> dict[str, Any]:
    """All tensors of a file. Those that nobody reads are zeros, which take no memory until they are written."""
    s = Sizes() if sizes is None else sizes
    state = random_weights(needed_shapes(s), seed) | {key: torch.zeros(shape) for key, shape in other_shapes(s).items()}
    progress = (torch.arange(STEPS, dtype=torch.float64) + 1.0) / STEPS
    share = torch.cos((progress + 0.008) / 1.008 * math.pi / 2).square() / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    schedule = {key: share.float() if key == "alphas_cumprod" else torch.zeros(STEPS) for key in SCHEDULE}
    ema = {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7, dtype=torch.int32)}
    return state | schedule | ema | {"scale_factor": torch.tensor(0.3342401385307312)}


def save(path: Path, state: dict[str, Any]) -> Path:
    """Writes it as it was published."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": state}, path)
    return path
