"""Checkpoints in the form in which HiFi-SR was published, of any size, with random weights.

Written from the list of keys and shapes of the published files, not from the importer's table, which it tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]
State = dict[str, Tensor]


@dataclass(frozen=True)
class Sizes:
    """Of a small network. `FULL` are the published ones, `SMALL` those of the tensors in `tests/assets/published`."""

    bands: int = 20
    width: int = 32
    latent: int = 24
    blocks: int = 2
    hidden: int = 128
    qk: int = 32
    taps: int = 17
    fsmn: int = 16
    memory: int = 39
    channels: int = 32


FULL = Sizes(bands=80, width=512, latent=80, blocks=24, hidden=2048, qk=128, fsmn=256, channels=1024)
SMALL = Sizes(width=16, hidden=64, qk=48, fsmn=12, channels=16)

M = "mossformer."
DEEP = "mossformer.mdl.intra_mdl.mossformerM."


def latent_shapes(s: Sizes) -> Shapes:
    d = s.width
    shapes: Shapes = {
        M + "norm.weight": (s.bands,), M + "norm.bias": (s.bands,),
        M + "conv1d_encoder.weight": (d, s.bands, 1),
        M + "pos_enc.scale": (1,), M + "pos_enc.inv_freq": (d // 2,),
        M + "mdl.intra_mdl.norm.weight": (d,), M + "mdl.intra_mdl.norm.bias": (d,),
        M + "mdl.intra_norm.weight": (d,), M + "mdl.intra_norm.bias": (d,),
        M + "prelu.weight": (1,),
        M + "conv1d_out.weight": (d, d, 1), M + "conv1d_out.bias": (d,),
        M + "output.0.weight": (d, d, 1), M + "output.0.bias": (d,),
        M + "output_gate.0.weight": (d, d, 1), M + "output_gate.0.bias": (d,),
        M + "conv1_decoder.weight": (s.latent, d, 1),
    }  # fmt: skip
    for i in range(s.blocks):
        layer, block = f"{DEEP}layers.{i}.", f"{DEEP}fsmn.{i}."
        shapes[layer + "rotary_pos_emb.freqs"] = (16,)
        shapes[layer + "qk_offset_scale.gamma"] = shapes[layer + "qk_offset_scale.beta"] = (4, s.qk)
        for part, before, after in (("to_hidden", d, s.hidden), ("to_qk", d, s.qk), ("to_out", s.hidden // 2, d)):
            shapes[f"{layer}{part}.mdl.0.g"] = (1,)
            shapes[f"{layer}{part}.mdl.1.weight"], shapes[f"{layer}{part}.mdl.1.bias"] = (after, before), (after,)
            shapes[f"{layer}{part}.mdl.3.sequential.1.conv.weight"] = (after, 1, s.taps)
        shapes[block + "conv1.0.weight"], shapes[block + "conv1.0.bias"] = (s.fsmn, d, 1), (s.fsmn,)
        shapes[block + "conv1.1.weight"] = (1,)
        shapes[block + "conv2.weight"], shapes[block + "conv2.bias"] = (d, s.fsmn, 1), (d,)
        for norm in ("norm1", "norm2", "gated_fsmn.to_u.mdl.0", "gated_fsmn.to_v.mdl.0"):
            shapes[f"{block}{norm}.weight"] = shapes[f"{block}{norm}.bias"] = (s.fsmn,)
        for part in ("to_u", "to_v"):
            shapes[f"{block}gated_fsmn.{part}.mdl.1.weight"] = (s.fsmn, s.fsmn)
            shapes[f"{block}gated_fsmn.{part}.mdl.1.bias"] = (s.fsmn,)
            shapes[f"{block}gated_fsmn.{part}.mdl.3.sequential.1.conv.weight"] = (s.fsmn, 1, s.taps)
        memory = block + "gated_fsmn.fsmn."
        shapes[memory + "linear.weight"], shapes[memory + "linear.bias"] = (s.fsmn, s.fsmn), (s.fsmn,)
        shapes[memory + "project.weight"] = (s.fsmn, s.fsmn)
        shapes[memory + "conv1.weight"] = (s.fsmn, 1, s.memory, 1)
    return shapes


def head_shapes(s: Sizes) -> Shapes:
    shapes: Shapes = {}

    def normed(name: str, *shape: int, bias: int) -> None:
        shapes[name + ".bias"] = (bias,)
        shapes[name + ".weight_g"], shapes[name + ".weight_v"] = (shape[0], 1, 1), shape

    normed("conv_pre", s.channels, s.latent, 7, bias=s.channels)
    width = s.channels
    for i, taps in enumerate((16, 16, 4, 4)):
        shapes[f"snakes.{i}.alpha"] = (1, width, 1)
        normed(f"ups.{i}", width, width // 2, taps, bias=width // 2)
        width //= 2
        for j, kernel in enumerate((3, 7, 11)):
            for d in range(3):
                for number in (1, 2):
                    normed(f"resblocks.{3 * i + j}.convs{number}.{d}", width, width, kernel, bias=width)
                    shapes[f"resblocks.{3 * i + j}.convs{number}_activates.{d}.alpha"] = (1, width, 1)
    shapes["snake_post.alpha"] = (1, width, 1)
    normed("conv_post", 1, width, 7, bias=1)
    return shapes


def random_state(shapes: Shapes, seed: int) -> State:
    """Uneven weights of a sensible size, so that a swapped or ill-folded tensor shows."""
    source = torch.Generator().manual_seed(seed)
    state = {}
    for key, shape in shapes.items():
        noise = torch.randn(shape, generator=source)
        if key.endswith(("inv_freq", "freqs")):
            state[key] = 1.0 / 10_000 ** (torch.arange(shape[0]) / shape[0])
        elif key.endswith(("alpha", "weight_g", ".g", "norm.weight", "gamma", "scale")) or ".norm" in key:
            state[key] = 1.0 + 0.2 * noise.clamp(-3, 3)
        elif len(shape) < 2:
            state[key] = 0.1 * noise
        else:
            state[key] = noise / float(torch.tensor(shape[1:]).prod()) ** 0.5
    return state


def random_states(sizes: Sizes | None = None, seed: int = 0) -> tuple[State, State]:
    """The tensors of the two files."""
    chosen = Sizes() if sizes is None else sizes
    return random_state(latent_shapes(chosen), seed), random_state(head_shapes(chosen), seed + 1)


def save(folder: Path, latent: State, head: State, names: tuple[str, str] | None = None) -> Path:
    """Writes them as they were published (with the file that names them), or under other names."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = names or ("last_best_checkpoint_m.pt", "last_best_checkpoint_g.pt")
    torch.save({"mossformer": latent}, folder / chosen[0])
    torch.save({"generator": head}, folder / chosen[1])
    if names is None:
        (folder / "last_best_checkpoint").write_text("\n".join(chosen) + "\n")
    return folder
