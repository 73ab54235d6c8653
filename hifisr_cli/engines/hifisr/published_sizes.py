"""The sizes of a published network, read off the shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.engines.hifisr.config import (
    PUBLISHED,
    ConfigError,
    HifiGanConfig,
    MelConfig,
    MossFormerConfig,
    NetworkConfig,
)
from hifisr_cli.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

DEEP = "mossformer.mdl.intra_mdl.mossformerM."
"""Where the blocks of the latent transformer stand in the published file."""


def published_sizes(
    latent: Mapping[str, Tensor], head: Mapping[str, Tensor], latent_path: Path, head_path: Path
) -> NetworkConfig:
    """The configuration that these tensors were made for.

    What no shape tells is as published: the front end but its bands, groups of 256 frames, dilations 1, 3, 5, and
    strides of half the taps.

    Raises:
        ModelError: a key that a size is read from is missing or has another number of dimensions, or the sizes
            contradict each other.
    """
    width, bands, _ = _shape(latent, "mossformer.conv1d_encoder.weight", 3, latent_path)
    channels_out, _, _ = _shape(latent, "mossformer.conv1_decoder.weight", 3, latent_path)
    hidden, _ = _shape(latent, DEEP + "layers.0.to_hidden.mdl.1.weight", 2, latent_path)
    qk_width, _ = _shape(latent, DEEP + "layers.0.to_qk.mdl.1.weight", 2, latent_path)
    conv_kernel = _shape(latent, DEEP + "layers.0.to_qk.mdl.3.sequential.1.conv.weight", 3, latent_path)[2]
    fsmn_width, _, fsmn_kernel, _ = _shape(latent, DEEP + "fsmn.0.gated_fsmn.fsmn.conv1.weight", 4, latent_path)
    stages = _count(head, r"ups\.(\d+)\.")
    resblocks = _count(head, r"resblocks\.(\d+)\.")
    if not stages or not resblocks or resblocks % stages:
        where = "'ups.0.' is missing" if not stages else f"{resblocks} residual blocks for {stages} upsamplings"
        raise ModelError(f"key {where}" if not stages else where, path=head_path)
    kernels = tuple(_weight_shape(head, f"ups.{i}", head_path)[2] for i in range(stages))
    block_kernels = tuple(
        _weight_shape(head, f"resblocks.{i}.convs1.0", head_path)[2] for i in range(resblocks // stages)
    )
    if _count(head, r"resblocks\.0\.convs1\.(\d+)\.") > len(PUBLISHED.head.block_dilations):
        raise ModelError("more dilated convolutions in 'resblocks.0' than there are known dilations", path=head_path)
    try:
        return NetworkConfig(
            mel=MelConfig(bands=bands),
            latent=MossFormerConfig(
                width=width,
                latent=channels_out,
                blocks=_count(latent, re.escape(DEEP) + r"layers\.(\d+)\."),
                expansion=max(hidden // max(width, 1), 1),
                qk_width=qk_width,
                conv_kernel=conv_kernel,
                fsmn_width=fsmn_width,
                fsmn_kernel=fsmn_kernel,
            ),
            head=HifiGanConfig(
                channels=_weight_shape(head, "conv_pre", head_path)[0],
                rates=tuple(kernel // 2 for kernel in kernels),
                kernels=kernels,
                block_kernels=block_kernels,
            ),
        )
    except ConfigError as error:
        raise ModelError(f"shapes that do not make a network of this kind: {error}", path=latent_path) from error


def _shape(state: Mapping[str, Tensor], key: str, dimensions: int, path: Path) -> tuple[int, ...]:
    if key not in state:
        raise ModelError(f"key '{key}' is missing", path=path)
    shape = tuple(state[key].shape)
    if len(shape) != dimensions or 0 in shape:
        raise ModelError(f"key '{key}' has shape {list(shape)}, expected {dimensions} dimensions", path=path)
    return shape


def _weight_shape(state: Mapping[str, Tensor], layer: str, path: Path) -> tuple[int, ...]:
    """Of a convolution's weight, however weight norm is spelled."""
    spellings = ("weight_v", "parametrizations.weight.original1", "weight")
    found = [f"{layer}.{name}" for name in spellings if f"{layer}.{name}" in state]
    return _shape(state, found[0] if found else f"{layer}.weight_v", 3, path)


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the highest index that `pattern` finds at the start of the keys."""
    compiled = re.compile(pattern)
    found = [int(match[1]) for match in map(compiled.match, state) if match is not None]
    return max(found, default=-1) + 1
