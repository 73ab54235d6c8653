"""Descriptions of models: scores belong to the very weights that they were measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hifisr_cli.checkpoints.catalogue import describe
from hifisr_cli.checkpoints.frozen import FrozenInfo
from hifisr_cli.checkpoints.registry import ModelFile
from hifisr_cli.engines.hifisr.generator import Generator, freeze
from hifisr_cli.errors import ModelError
from tests.restore.conftest import TINY

FIGURES = {"lsd": 1.1, "lsd_low": 0.3, "lsd_high": 1.2, "worst_kept_band_error_db": None}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FrozenInfo]:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("tiny") / "model.safetensors"
    return path, freeze(Generator(TINY), path, name="tiny", training="none", licence="MIT", resampler="test")


def scored(made: tuple[Path, FrozenInfo], row: dict[str, Any], parameters: str | None = None) -> Path:
    path, info = made
    report = {"parameter_sha256": parameters or info.parameter_hash, "summary": [row | FIGURES]}
    path.with_name("eval.json").write_text(json.dumps(report))
    return path


def test_size_and_parameters_are_those_of_the_file(made: tuple[Path, FrozenInfo]) -> None:
    path, info = made
    described = describe(ModelFile("tiny", path))
    assert described.size == path.stat().st_size
    assert described.parameters == sum(p.numel() for p in Generator(TINY, normed=False).state_dict().values())
    assert (described.info, described.licence, described.trained_on) == (info, "MIT", "none")
    assert describe(ModelFile("tiny", path, trained_on="speech")).trained_on == "speech"


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"rate": 8000.0, "recordings": 73.0}, "8000 Hz"),
        ({"condition": "tape", "recordings": 5, "visqol": 4.1}, "tape"),
    ],
)
def test_scores_of_either_version_are_read(made: tuple[Path, FrozenInfo], row: dict[str, Any], name: str) -> None:
    (score,) = describe(ModelFile("tiny", scored(made, row))).scores
    assert (score.input, score.recordings) == (name, row["recordings"])
    assert (score.lsd, score.visqol, score.worst_kept_band_error_db) == (1.1, row.get("visqol"), None)


def test_scores_of_other_weights_do_not_count(made: tuple[Path, FrozenInfo]) -> None:
    assert describe(ModelFile("tiny", scored(made, {"rate": 8000, "recordings": 1}, "0" * 64))).scores == ()
    made[0].with_name("eval.json").unlink()
    assert describe(ModelFile("tiny", made[0])).scores == ()


def test_damaged_scores_are_named(made: tuple[Path, FrozenInfo]) -> None:
    path = scored(made, {})
    with pytest.raises(ModelError, match=r"eval\.json"):
        describe(ModelFile("tiny", path))
    path.with_name("eval.json").unlink()
