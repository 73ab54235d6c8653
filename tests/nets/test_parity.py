"""Our networks with the published shapes compute what the published network computes."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from hifisr_cli.nets.config import PUBLISHED, HifiGanConfig, MelConfig, MossFormerConfig
from hifisr_cli.nets.hifigan import HifiGan
from hifisr_cli.nets.mel import LogMel
from hifisr_cli.nets.mossformer import MossFormer

PARITY = Path(__file__).resolve().parents[3] / "shared" / "reference" / "parity"
pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="../shared/reference/parity is absent")

SMALL_LATENT = dataclasses.replace(PUBLISHED.latent, width=64, blocks=2)
SMALL_HEAD = dataclasses.replace(PUBLISHED.head, channels=32)
# The tensors were computed in float64 and stored as float32.
TOLERANCE = 2e-6

# The published files count the rotary frequencies, one tensor shared by all layers, as parameters.
ROTARY_PARAMETERS = 16

LATENT_NAMES = (
    (r"^mossformer\.norm\.", "norm_in."),
    (r"^mossformer\.conv1d_encoder\.", "enter."),
    (r"^mossformer\.pos_enc\.scale", "position.scale"),
    (r"^mossformer\.mdl\.intra_mdl\.mossformerM\.layers\.", "flash."),
    (r"^mossformer\.mdl\.intra_mdl\.mossformerM\.fsmn\.", "fsmn."),
    (r"^mossformer\.mdl\.intra_mdl\.norm\.", "norm_frames."),
    (r"^mossformer\.mdl\.intra_norm\.", "norm_chunk."),
    (r"^mossformer\.prelu\.", "activation."),
    (r"^mossformer\.conv1d_out\.", "tail."),
    (r"^mossformer\.output\.0\.", "tail_value."),
    (r"^mossformer\.output_gate\.0\.", "tail_gate."),
    (r"^mossformer\.conv1_decoder\.", "leave."),
    (r"qk_offset_scale\.", "attention."),
    (r"gated_fsmn\.to_", "to_"),
    (r"gated_fsmn\.fsmn\.conv1\.", "fsmn.memory."),
    (r"gated_fsmn\.fsmn\.", "fsmn."),
    (r"\.mdl\.0\.g$", ".norm.gain"),
    (r"\.mdl\.0\.", ".norm."),
    (r"\.mdl\.1\.", ".linear."),
    (r"\.mdl\.3\.sequential\.1\.conv\.", ".depthwise."),
    (r"\.conv1\.0\.", ".enter."),
    (r"\.conv1\.1\.", ".activation."),
    (r"\.norm1\.", ".norm_in."),
    (r"\.norm2\.", ".norm_out."),
    (r"\.conv2\.", ".leave."),
)
HEAD_NAMES = (
    (r"^conv_pre\.", "enter."),
    (r"^conv_post\.", "leave."),
    (r"^snake_post\.", "snake_out."),
    (r"^resblocks\.", "blocks."),
    (r"\.convs1\.", ".dilated."),
    (r"\.convs2\.", ".plain."),
    (r"\.convs1_activates\.", ".dilated_snakes."),
    (r"\.convs2_activates\.", ".plain_snakes."),
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
)


def renamed(state: dict[str, Tensor], names: tuple[tuple[str, str], ...]) -> dict[str, Tensor]:
    result = {}
    for key, tensor in state.items():
        new = key
        for pattern, replacement in names:
            new = re.sub(pattern, replacement, new)
        result[new] = tensor
    return result


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return {name: tensor.double() for name, tensor in load_file(PARITY / "tensors.safetensors").items()}


@pytest.fixture(scope="module")
def latent() -> MossFormer:
    state = torch.load(PARITY / "last_best_checkpoint_m.pt", weights_only=True)["mossformer"]
    state = {k: v for k, v in state.items() if not k.endswith(("inv_freq", "rotary_pos_emb.freqs"))}
    model = MossFormer(80, SMALL_LATENT)
    target = model.state_dict()
    state = {k: v.reshape(target[k].shape) if k in target else v for k, v in renamed(state, LATENT_NAMES).items()}
    model.load_state_dict(state)
    return model.double().eval()


@pytest.fixture(scope="module")
def head() -> HifiGan:
    state = torch.load(PARITY / "last_best_checkpoint_g.pt", weights_only=True)["generator"]
    state = renamed(state, HEAD_NAMES)
    kernels = len(SMALL_HEAD.block_kernels)
    state = {
        re.sub(r"^blocks\.(\d+)", lambda m: f"blocks.{int(m[1]) // kernels}.{int(m[1]) % kernels}", k): v
        for k, v in state.items()
    }
    model = HifiGan(80, SMALL_HEAD, 1)
    model.load_state_dict(state)
    return model.double().eval()


def scaled_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("frames", [2, 96, 255, 256, 257, 750])
def test_latent(latent: MossFormer, tensors: dict[str, Tensor], frames: int) -> None:
    with torch.inference_mode():
        ours = latent(tensors[f"mossformer.input.{frames}"])
    assert scaled_error(ours, tensors[f"mossformer.output.{frames}"]) < TOLERANCE


@pytest.mark.parametrize("frames", [2, 96])
def test_head(head: HifiGan, tensors: dict[str, Tensor], frames: int) -> None:
    with torch.inference_mode():
        ours = head(tensors[f"generator.input.{frames}"])
    assert scaled_error(ours, tensors[f"generator.output.{frames}"][:, 0]) < TOLERANCE


def test_log_mel(tensors: dict[str, Tensor]) -> None:
    ours = LogMel(MelConfig()).double()(tensors["frontend.wave"])
    assert scaled_error(ours, tensors["frontend.log_mel"]) < TOLERANCE


def test_published_shapes() -> None:
    """Key lists of the full-size files, counted: every parameter has its place."""
    with torch.device("meta"):
        latent, head = MossFormer(80, MossFormerConfig()), HifiGan(80, HifiGanConfig(), 1)
    assert sum(p.numel() for p in head.parameters()) == 55_150_402
    assert sum(p.numel() for p in latent.parameters()) == 54_497_042 - ROTARY_PARAMETERS
