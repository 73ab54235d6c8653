"""Downloading published weights: checked, pinned, only when asked; with a stand-in for the hub and small files."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.checkpoints.registry import find_model, published_models, registered
from hifisr_cli.engines.hifisr.generator import load_generator
from hifisr_cli.engines.hifisr.importing import import_published
from hifisr_cli.engines.pull import pull
from hifisr_cli.errors import DownloadError, ModelError, UsageError
from tests.engines.hifisr.published_form import random_states, save

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


class FakeHub:
    """Has the files of one repository; keeps a record of what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str, str]] = []

    def hf_hub_download(self, repo_id: str, filename: str, *, revision: str) -> str:
        self.asked.append((repo_id, filename, revision))
        return str(self.folder / filename)


class Offline:
    def hf_hub_download(self, repo_id: str, filename: str, *, revision: str) -> str:
        raise ConnectionError("Name or service not known\nand a long story about it")


def register(folder: Path, published: Path, revision: str | None = COMMIT) -> None:
    lines = ["model = []", "[[published]]", 'name = "theirs"', 'repository = "someone/net"', 'licence = "MIT"']
    lines += ['trained_on = "some speech"', *([f'revision = "{revision}"'] if revision else [])]
    for path in sorted(published.glob("*.pt")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        size = path.stat().st_size
        lines += ["[[published.files]]", f'name = "{path.name}"', f"size = {size}", f'sha256 = "{digest}"']
    (folder / "registry.toml").write_text("\n".join(lines) + "\n")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    published = save(tmp_path / "hub", *random_states())
    models = tmp_path / "models"
    models.mkdir()
    register(models, published)
    monkeypatch.setenv("HIFISR_MODELS", str(models))
    return FakeHub(published)


def test_what_is_pulled_is_known_by_its_name(hub: FakeHub, tmp_path: Path) -> None:
    target = tmp_path / "models" / "theirs.safetensors"
    info = pull("theirs", target, hub=hub)
    assert {revision for _, _, revision in hub.asked} == {COMMIT}
    assert {repository for repository, _, _ in hub.asked} == {"someone/net"}
    assert (info.name, info.licence, info.training) == ("theirs", "MIT", "some speech")
    assert info.provenance is not None
    assert info.provenance.source == f"someone/net@{COMMIT}"
    found = find_model("theirs")
    assert found.path == target
    assert "theirs" in {model.name for model in registered()}
    assert read_info(found.path) == info
    load_generator(found.path)


def test_the_same_files_are_known_when_they_are_imported(hub: FakeHub, tmp_path: Path) -> None:
    info = import_published([hub.folder], tmp_path / "x.safetensors")
    assert (info.name, info.licence, info.training) == ("theirs", "MIT", "some speech")
    assert info.provenance is not None
    assert info.provenance.source == "someone/net"


@pytest.mark.parametrize("damage", ["longer", "flipped"])
def test_files_that_are_not_the_known_ones_are_refused(hub: FakeHub, tmp_path: Path, damage: str) -> None:
    path = hub.folder / "last_best_checkpoint_g.pt"
    data = bytearray(path.read_bytes())
    if damage == "longer":
        data += b"!"
    else:
        data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"last_best_checkpoint_g\.pt.*expected"):
        pull("theirs", tmp_path / "models" / "theirs.safetensors", hub=hub)
    assert not list((tmp_path / "models").glob("*.safetensors"))


def test_another_revision_must_hold_the_same_files(hub: FakeHub, tmp_path: Path) -> None:
    pull("theirs", tmp_path / "x.safetensors", revision=OTHER, hub=hub)
    assert {revision for _, _, revision in hub.asked} == {OTHER}


@pytest.mark.parametrize("revision", ["main", "0123456", "F" * 40])
def test_a_branch_is_no_pin(hub: FakeHub, tmp_path: Path, revision: str) -> None:
    with pytest.raises(UsageError, match="commit"):
        pull("theirs", tmp_path / "x.safetensors", revision=revision, hub=hub)
    assert not hub.asked


def test_without_a_known_revision_one_must_be_given(hub: FakeHub, tmp_path: Path) -> None:
    register(tmp_path / "models", hub.folder, revision=None)
    with pytest.raises(UsageError, match="--revision"):
        pull("theirs", tmp_path / "x.safetensors", hub=hub)
    pull("theirs", tmp_path / "x.safetensors", revision=OTHER, hub=hub)


def test_offline_is_one_line(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        pull("theirs", tmp_path / "x.safetensors", hub=Offline())
    assert "Name or service not known" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.safetensors").exists()


def test_without_the_extra_the_cure_is_named(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DownloadError, match=r"hifisr\[hub\]"):
        pull("theirs", tmp_path / "x.safetensors")


def test_the_installed_hub_is_used(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("huggingface_hub")
    module.hf_hub_download = hub.hf_hub_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    pull("theirs", tmp_path / "x.safetensors")
    assert read_info(tmp_path / "x.safetensors").name == "theirs"


def test_unknown_names_list_the_known(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="theirs"):
        pull("nobody", tmp_path / "x.safetensors", hub=hub)
    with pytest.raises(ModelError, match="hifisr models pull theirs"):
        find_model("theirs")


def test_of_a_file_whose_size_nobody_stated_the_hash_counts(hub: FakeHub, tmp_path: Path) -> None:
    registry = tmp_path / "models" / "registry.toml"
    kept = [line for line in registry.read_text().splitlines() if not line.startswith("size")]
    registry.write_text("\n".join(kept) + "\n")
    assert {model.name: model.size for model in published_models()}["theirs"] is None
    pull("theirs", tmp_path / "x.safetensors", hub=hub)
    with (hub.folder / "last_best_checkpoint_m.pt").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ModelError, match=r"last_best_checkpoint_m\.pt: SHA-256"):
        pull("theirs", tmp_path / "x.safetensors", hub=hub)


@pytest.mark.parametrize(
    ("name", "engine", "files"),
    [("mossformer2-sr-48k", "hifisr", 2), ("audiosr-basic", "audiosr", 1), ("audiosr-speech", "audiosr", 1)],
)
def test_what_is_known_is_pinned(name: str, engine: str, files: int) -> None:
    known = {model.name: model for model in published_models()}[name]
    assert known.revision is not None
    assert len(known.revision) == 40
    assert known.engine == engine
    assert [len(file.sha256) for file in known.files] == [64] * files
    assert known.size is None or known.size > 4e8
