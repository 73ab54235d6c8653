"""Finding models: by name, by path, in the environment's folder first."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hifisr_cli.checkpoints import registry
from hifisr_cli.checkpoints.registry import AUTO, find_model, registered
from hifisr_cli.engines.hifisr.generator import Generator, freeze
from hifisr_cli.errors import ModelError
from tests.restore.conftest import TINY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "tiny" / "model.safetensors"
    freeze(Generator(TINY), path, name="tiny", training="none", licence="Apache-2.0", resampler="test")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "registry.toml").write_text(
        f'[[model]]\nname = "tiny"\nfile = "tiny/model.safetensors"\nsha256 = "{digest}"\nlicence = "Apache-2.0"\n'
    )
    monkeypatch.setenv("HIFISR_MODELS", str(tmp_path))
    return tmp_path


def test_shipped_default_is_whole_and_one_for_each_sound() -> None:
    model = find_model()
    assert model == find_model(AUTO)
    assert [member.sound for member in model.files] == ["speech", "other"]
    assert model.size == sum(member.path.stat().st_size for member in model.files)
    for member in model.files:
        assert member.sha256 is not None
        assert member.info is not None
        assert member.path.stat().st_size < 25_000_000


def test_nothing_to_choose_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "model_folders", lambda: (folder,))
    assert find_model().name == "tiny"
    with pytest.raises(ModelError, match="no models to choose from"):
        find_model(AUTO)


def test_environment_adds_models_and_paths_work(folder: Path) -> None:
    assert find_model("tiny").licence == "Apache-2.0"
    assert find_model(str(folder / "tiny" / "model.safetensors")).name == "model"
    assert "tiny" in {model.name for model in registered()}


def test_unknown_name_lists_the_known(folder: Path) -> None:
    with pytest.raises(ModelError, match="tiny"):
        find_model("grand")


def test_damage_is_noticed(folder: Path) -> None:
    path = folder / "tiny" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes(data)
    with pytest.raises(ModelError, match="hash"):
        find_model("tiny")


def test_broken_registry_is_one_clear_error(folder: Path) -> None:
    (folder / "registry.toml").write_text("[[model]]\nname = 3\n")
    with pytest.raises(ModelError, match="registry"):
        find_model("tiny")


def test_looking_needs_no_torch() -> None:
    code = "import sys; from hifisr_cli.checkpoints.registry import find_model\n"
    code += "find_model(); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
