"""Our networks, fed with published weights by the importer, compute what the published network computes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from hifisr_cli.engines.hifigan.config import HifiGanConfig, MelConfig
from hifisr_cli.engines.hifigan.head import HifiGan
from hifisr_cli.engines.hifigan.mel import LogMel
from hifisr_cli.engines.hifisr.config import MossFormerConfig
from hifisr_cli.engines.hifisr.generator import Generator, load_generator
from hifisr_cli.engines.hifisr.importing import import_published
from hifisr_cli.engines.hifisr.mossformer import MossFormer
from tests.conftest import ROOT
from tests.engines.hifisr.published_form import SMALL

PUBLISHED = ROOT / "tests" / "assets" / "published"

PRECISIONS = [
    pytest.param(torch.float64, 2e-6, id="float64"),  # the tensors were computed in float64 and stored as float32
    pytest.param(torch.float32, 1e-4, id="float32"),
]

# The published files count the rotary frequencies, one tensor shared by all layers, as parameters.
ROTARY_PARAMETERS = 16


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return load_file(PUBLISHED / "tensors.safetensors")


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    path = tmp_path_factory.mktemp("parity") / "small.safetensors"
    import_published([PUBLISHED], path)
    return load_generator(path)


def scaled_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("frames", [2, 96, 255, 256, 257, 520])
def test_latent(
    generator: Generator, tensors: dict[str, Tensor], frames: int, dtype: torch.dtype, tolerance: float
) -> None:
    with torch.inference_mode():
        ours = generator.latent.to(dtype)(tensors[f"mossformer.input.{frames}"].to(dtype))
    assert scaled_error(ours, tensors[f"mossformer.output.{frames}"]) < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("frames", [2, 40])
def test_head(
    generator: Generator, tensors: dict[str, Tensor], frames: int, dtype: torch.dtype, tolerance: float
) -> None:
    with torch.inference_mode():
        ours = generator.head.to(dtype)(tensors[f"generator.input.{frames}"].to(dtype))
    assert scaled_error(ours, tensors[f"generator.output.{frames}"][:, 0]) < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_log_mel(tensors: dict[str, Tensor], dtype: torch.dtype, tolerance: float) -> None:
    front_end = LogMel(MelConfig())
    ours = (front_end.double() if dtype == torch.float64 else front_end)(tensors["frontend.wave"].to(dtype))
    assert scaled_error(ours, tensors["frontend.log_mel"]) < tolerance


def test_the_front_end_is_the_same_one(generator: Generator) -> None:
    assert type(generator.mel) is LogMel
    assert generator.config.mel == replace(MelConfig(), bands=SMALL.bands)


def test_published_shapes() -> None:
    """Key lists of the full-size files, counted: every parameter has its place."""
    with torch.device("meta"):
        latent, head = MossFormer(80, MossFormerConfig()), HifiGan(80, HifiGanConfig(), 1)
    assert sum(p.numel() for p in head.parameters()) == 55_150_402
    assert sum(p.numel() for p in latent.parameters()) == 54_497_042 - ROTARY_PARAMETERS
