"""The published HiFi-SR weights (MossFormer2_SR_48K): what their keys are called here, and how they become ours.

Key names and shapes are facts of the published files. Weight norm is folded, so that what comes out is what a frozen
checkpoint of ours holds; sizes are read off the shapes, so that smaller networks of the same kind fit, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.checkpoints.published import count_of, listed, plain_keys, shape_of, taken
from hifisr_cli.engines.hifigan.config import HifiGanConfig, MelConfig
from hifisr_cli.engines.hifisr.config import PUBLISHED, ROTARY_WIDTH, MossFormerConfig, NetworkConfig
from hifisr_cli.engines.sizes import ConfigError
from hifisr_cli.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

LATENT, HEAD = "mossformer", "generator"
"""The names under which the two files hold their tensors."""

LIMITS = (
    "it hears nothing above 8 kHz: what a recording has between 8 kHz and its cutoff is kept, but guides nothing",
    "it was trained on recordings of 16 kHz and more: with a cutoff below 8 kHz it is on unknown ground",
    "it judges a window of some seconds as a whole: the generated band depends on where a recording starts",
)
"""What cannot be mended without training it anew."""

_DEEP = "mossformer.mdl.intra_mdl.mossformerM."
"""Where the blocks of the latent transformer stand in the published file."""

_DERIVED_TOLERANCE = 1e-5
_NORM_SPELLINGS = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of the network under both of its names.

    Attributes:
        published: its key in the published file; of a weight-normalised one, up to ".weight".
        ours: its key in our generator.
        trailing: dimensions of size 1 at the end of the published shape that ours has not.
        normed: the published file may hold it as direction and length.
    """

    published: str
    ours: str
    trailing: int = 0
    normed: bool = False


def latent_entries(blocks: int) -> Iterator[Entry]:
    """Every tensor of the latent transformer with so many blocks."""
    yield from _pair("mossformer.norm", "latent.norm_in")
    yield Entry("mossformer.conv1d_encoder.weight", "latent.enter.weight", trailing=1)
    yield Entry("mossformer.pos_enc.scale", "latent.position.scale")
    for i in range(blocks):
        theirs, ours = f"{_DEEP}layers.{i}.", f"latent.flash.{i}."
        for part in ("to_hidden", "to_qk", "to_out"):
            yield Entry(f"{theirs}{part}.mdl.0.g", f"{ours}{part}.norm.gain")
            yield from _projection(theirs + part, ours + part)
        for part in ("gamma", "beta"):
            yield Entry(f"{theirs}qk_offset_scale.{part}", f"{ours}attention.{part}")
    for i in range(blocks):
        theirs, ours = f"{_DEEP}fsmn.{i}.", f"latent.fsmn.{i}."
        yield from _pair(theirs + "conv1.0", ours + "enter", trailing=1)
        yield Entry(theirs + "conv1.1.weight", ours + "activation.weight")
        yield from _pair(theirs + "norm1", ours + "norm_in")
        for part in ("to_u", "to_v"):
            yield from _pair(f"{theirs}gated_fsmn.{part}.mdl.0", f"{ours}{part}.norm")
            yield from _projection(f"{theirs}gated_fsmn.{part}", ours + part)
        yield from _pair(theirs + "gated_fsmn.fsmn.linear", ours + "fsmn.linear")
        yield Entry(theirs + "gated_fsmn.fsmn.project.weight", ours + "fsmn.project.weight")
        yield Entry(theirs + "gated_fsmn.fsmn.conv1.weight", ours + "fsmn.memory.weight", trailing=1)
        yield from _pair(theirs + "norm2", ours + "norm_out")
        yield from _pair(theirs + "conv2", ours + "leave", trailing=1)
    yield from _pair("mossformer.mdl.intra_mdl.norm", "latent.norm_frames")
    yield from _pair("mossformer.mdl.intra_norm", "latent.norm_chunk")
    yield Entry("mossformer.prelu.weight", "latent.activation.weight")
    yield from _pair("mossformer.conv1d_out", "latent.tail", trailing=1)
    yield from _pair("mossformer.output.0", "latent.tail_value", trailing=1)
    yield from _pair("mossformer.output_gate.0", "latent.tail_gate", trailing=1)
    yield Entry("mossformer.conv1_decoder.weight", "latent.leave.weight", trailing=1)


def _pair(theirs: str, ours: str, *, trailing: int = 0) -> Iterator[Entry]:
    yield Entry(theirs + ".weight", ours + ".weight", trailing)
    yield Entry(theirs + ".bias", ours + ".bias")


def _projection(theirs: str, ours: str) -> Iterator[Entry]:
    yield from _pair(theirs + ".mdl.1", ours + ".linear")
    yield Entry(theirs + ".mdl.3.sequential.1.conv.weight", ours + ".depthwise.weight")


def head_entries(stages: int, kernels: int, dilations: int) -> Iterator[Entry]:
    """Every tensor of the waveform head: so many upsamplings, and kernel sizes and dilations of the residual blocks."""
    yield from _normed("conv_pre", "head.enter")
    for i in range(stages):
        yield Entry(f"snakes.{i}.alpha", f"head.snakes.{i}.alpha")
        yield from _normed(f"ups.{i}", f"head.ups.{i}")
    for i in range(stages * kernels):
        theirs, ours = f"resblocks.{i}.", f"head.blocks.{i // kernels}.{i % kernels}."
        for d in range(dilations):
            for number, kind in (("1", "dilated"), ("2", "plain")):
                yield from _normed(f"{theirs}convs{number}.{d}", f"{ours}{kind}.{d}")
                yield Entry(f"{theirs}convs{number}_activates.{d}.alpha", f"{ours}{kind}_snakes.{d}.alpha")
    yield Entry("snake_post.alpha", "head.snake_out.alpha")
    yield from _normed("conv_post", "head.leave")


def _normed(theirs: str, ours: str) -> Iterator[Entry]:
    yield Entry(theirs + ".weight", ours + ".weight", normed=True)
    yield Entry(theirs + ".bias", ours + ".bias")


def convert(
    latent: Mapping[str, Tensor], head: Mapping[str, Tensor], latent_path: Path, head_path: Path
) -> tuple[NetworkConfig, dict[str, Tensor]]:
    """Our network's sizes and its folded weights in float32, from the tensors of the two published files.

    Raises:
        ModelError: a key is missing, unknown or of another shape, a weight is not finite, or a stored frequency is not
            what we compute; the message names file and key.
    """
    import torch

    from hifisr_cli.engines.hifisr.generator import Generator

    latent, head = plain_keys(latent, latent_path), plain_keys(head, head_path)
    config = _sizes(latent, head, latent_path, head_path)
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in Generator(config, normed=False).state_dict().items()}
    blocks, sizes = config.latent.blocks, config.head
    tensors = _translate(latent, latent_entries(blocks), shapes, latent_path, _frequencies(config))
    entries = head_entries(len(sizes.rates), len(sizes.block_kernels), len(sizes.block_dilations))
    tensors |= _translate(head, entries, shapes, head_path, {})
    absent = sorted(set(shapes) - set(tensors))
    if absent:  # the table above is at fault, not the file
        raise AssertionError(f"no published key for {', '.join(absent)}")
    return config, tensors


def _sizes(
    latent: Mapping[str, Tensor], head: Mapping[str, Tensor], latent_path: Path, head_path: Path
) -> NetworkConfig:
    """The configuration that these tensors were made for.

    What no shape tells is as published: the front end but its bands, groups of 256 frames, dilations 1, 3, 5, and
    strides of half the taps.

    Raises:
        ModelError: a key that a size is read from is missing or has another number of dimensions, or the sizes
            contradict each other.
    """
    width, bands, _ = shape_of(latent, "mossformer.conv1d_encoder.weight", 3, latent_path)
    channels_out, _, _ = shape_of(latent, "mossformer.conv1_decoder.weight", 3, latent_path)
    hidden, _ = shape_of(latent, _DEEP + "layers.0.to_hidden.mdl.1.weight", 2, latent_path)
    qk_width, _ = shape_of(latent, _DEEP + "layers.0.to_qk.mdl.1.weight", 2, latent_path)
    conv_kernel = shape_of(latent, _DEEP + "layers.0.to_qk.mdl.3.sequential.1.conv.weight", 3, latent_path)[2]
    fsmn_width, _, fsmn_kernel, _ = shape_of(latent, _DEEP + "fsmn.0.gated_fsmn.fsmn.conv1.weight", 4, latent_path)
    stages = count_of(head, r"ups\.(\d+)\.")
    resblocks = count_of(head, r"resblocks\.(\d+)\.")
    if not stages or not resblocks or resblocks % stages:
        where = "'ups.0.' is missing" if not stages else f"{resblocks} residual blocks for {stages} upsamplings"
        raise ModelError(f"key {where}" if not stages else where, path=head_path)
    kernels = tuple(_weight_shape(head, f"ups.{i}", head_path)[2] for i in range(stages))
    block_kernels = tuple(
        _weight_shape(head, f"resblocks.{i}.convs1.0", head_path)[2] for i in range(resblocks // stages)
    )
    if count_of(head, r"resblocks\.0\.convs1\.(\d+)\.") > len(PUBLISHED.head.block_dilations):
        raise ModelError("more dilated convolutions in 'resblocks.0' than there are known dilations", path=head_path)
    try:
        return NetworkConfig(
            mel=MelConfig(bands=bands),
            latent=MossFormerConfig(
                width=width,
                latent=channels_out,
                blocks=count_of(latent, re.escape(_DEEP) + r"layers\.(\d+)\."),
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


def _weight_shape(state: Mapping[str, Tensor], layer: str, path: Path) -> tuple[int, ...]:
    """Of a convolution's weight, however weight norm is spelled."""
    spellings = (*(direction for _, direction in _NORM_SPELLINGS), "weight")
    found = [f"{layer}.{name}" for name in spellings if f"{layer}.{name}" in state]
    return shape_of(state, found[0] if found else f"{layer}.weight_v", 3, path)


def _frequencies(config: NetworkConfig) -> dict[str, Tensor]:
    """Stored tensors that we compute instead, by published key."""
    import torch

    from hifisr_cli.engines.hifisr.attention import position_angles

    like = torch.zeros(0)
    rotary = position_angles(2, ROTARY_WIDTH, like)[1]
    return {f"{_DEEP}layers.{i}.rotary_pos_emb.freqs": rotary for i in range(config.latent.blocks)} | {
        "mossformer.pos_enc.inv_freq": position_angles(2, config.latent.width, like)[1]
    }


def _translate(
    state: Mapping[str, Tensor],
    entries: Iterable[Entry],
    shapes: Mapping[str, tuple[int, ...]],
    path: Path,
    derived: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Our tensors by our names; every key of the state is used once."""
    left = dict(state)
    for key in derived.keys() & left.keys():
        _check_derived(left.pop(key), derived[key], key, path)
    tensors = {}
    for entry in entries:
        expected = shapes[entry.ours] + (1,) * entry.trailing
        value = _folded(left, entry.published, expected, path) if entry.normed else None
        if value is None:
            value = taken(left, entry.published, expected, path).float()
        if not bool(value.isfinite().all()):
            raise ModelError(f"key '{entry.published}' holds NaN or infinite weights", path=path)
        tensors[entry.ours] = value.reshape(shapes[entry.ours]).contiguous()
    if left:
        raise ModelError(
            f"unknown {listed(left)}", path=path, hint="not a checkpoint of MossFormer2_SR_48K, or of a variant of it"
        )
    return tensors


def _folded(left: dict[str, Tensor], key: str, expected: tuple[int, ...], path: Path) -> Tensor | None:
    """A weight from its direction v and length g: g v / |v|, the norm taken over all but dimension 0.

    Dimension 0 is the output channel of a convolution and the input channel of a transposed one. In float64, so that
    it is the nearest float32 that comes out. None where the file holds the plain weight.
    """
    stem = key.removesuffix("weight")
    for length_name, direction_name in _NORM_SPELLINGS:
        if stem + length_name not in left and stem + direction_name not in left:
            continue
        length_shape = (expected[0],) + (1,) * (len(expected) - 1)
        length = taken(left, stem + length_name, length_shape, path).double()
        direction = taken(left, stem + direction_name, expected, path).double()
        norm = direction.flatten(1).norm(dim=1).reshape(length_shape)
        folded: Tensor = direction * (length / norm)
        return folded.float()
    if key not in left:
        raise ModelError(f"key '{stem}{_NORM_SPELLINGS[0][0]}' is missing", path=path)
    return None


def _check_derived(found: Tensor, ours: Tensor, key: str, path: Path) -> None:
    same_shape = found.shape == ours.shape
    if not same_shape or not bool(((found.float() - ours).abs() <= _DERIVED_TOLERANCE * ours).all()):
        raise ModelError(f"key '{key}' is not the usual row of frequencies: another kind of network", path=path)
