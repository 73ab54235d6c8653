"""Finding a model by name or path, without torch.

A name is looked up in, in this order: the registry of `$HIFISR_MODELS`, the user's own models (files that
`hifisr models pull` or the user put there), the registries of the installed package and of the checkout. The name
"auto" stands for two of them, of which each recording decides for one.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from hifisr_cli.checkpoints.frozen import FrozenInfo, SourceFile, read_info
from hifisr_cli.errors import ModelError
from hifisr_cli.results import SOUND_KINDS, SoundKind
from hifisr_cli.system.hashing import file_sha256
from hifisr_cli.system.machine import data_folder

ENVIRONMENT = "HIFISR_MODELS"
REGISTRY_NAME = "registry.toml"
AUTO = "auto"
_PACKAGE = Path(__file__).resolve().parents[1]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model on disk.

    Attributes:
        name: in the registry, or the file's name without its suffix.
        path: of the safetensors file.
        sha256: of the whole file, where the registry pins it.
        licence: SPDX identifier, where the registry states it.
        default: used when no model is named; where it stands for election, all that do are.
        trained_on: the data in a few words, where the registry says so.
        sound: what it is for where each recording decides; None: it does not stand for election.
        members: those that it stands for, in the order of `SOUND_KINDS`; none where it is one model.
        info: what its header says; None where nobody has looked.
    """

    name: str
    path: Path
    sha256: str | None = None
    licence: str | None = None
    default: bool = False
    trained_on: str | None = None
    sound: SoundKind | None = None
    members: tuple[ModelFile, ...] = ()
    info: FrozenInfo | None = None

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """The models that it is: itself, or those that it stands for."""
        return self.members or (self,)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(each.path.stat().st_size for each in self.files)

    def verify(self) -> FrozenInfo:
        """Its header. Raises `ModelError` unless the file is whole and, where it is pinned, has the pinned hash."""
        info = read_info(self.path)
        if self.sha256 is not None and file_sha256(self.path) != self.sha256:
            raise ModelError(
                "damaged: the file does not match the hash in the registry",
                path=self.path,
                hint="install hifisr again",
            )
        return info


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model that others published and that can be imported.

    Attributes:
        name: here.
        repository: on the Hugging Face hub.
        revision: the commit that was looked at, None where none is known.
        licence: SPDX identifier of the weights.
        trained_on: the data in a few words.
        files: what the weights are read from.
        engine: that imports them.
    """

    name: str
    repository: str
    revision: str | None
    licence: str
    trained_on: str
    files: tuple[SourceFile, ...]
    engine: str = "hifisr"

    @property
    def size(self) -> int | None:
        """Bytes of all files, None where they are not known of every one."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


def user_folder() -> Path:
    """Where pulled models go and a user's own are found by their file names: `$HIFISR_MODELS`, or the data folder."""
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named else data_folder() / "hifisr" / "models"


def model_folders() -> tuple[Path, ...]:
    """The folders with a registry that are searched, in order; those that do not exist are left out."""
    candidates = (user_folder(), _PACKAGE / "models", _PACKAGE.parent / "models")
    return tuple(folder for folder in candidates if (folder / REGISTRY_NAME).is_file())


def registered() -> tuple[ModelFile, ...]:
    """All models with a name; one that is found earlier hides a later one of the same name.

    Raises:
        ModelError: a registry cannot be read.
    """
    found: dict[str, ModelFile] = {}
    own = user_folder()
    for folder in dict.fromkeys((own, *model_folders())):
        if (folder / REGISTRY_NAME).is_file():
            for model in _read(folder, _model, "model"):
                found.setdefault(model.name, model)
        if folder == own:
            for path in sorted(own.glob("*.safetensors")):
                found.setdefault(path.stem, ModelFile(path.stem, path))
    return tuple(found.values())


def published_models() -> tuple[PublishedModel, ...]:
    """What is known of models that others published; the first folder with a registry that lists any decides a name.

    Raises:
        ModelError: a registry cannot be read.
    """
    found: dict[str, PublishedModel] = {}
    for folder in model_folders():
        for model in _read(folder, _published, "published"):
            found.setdefault(model.name, model)
    return tuple(found.values())


def _read(folder: Path, parse: Callable[[Path, dict[str, Any]], T], table: str) -> list[T]:
    """The entries of one table of a folder's registry; only models are mandatory."""
    path = folder / REGISTRY_NAME
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        entries = content["model"] if table == "model" else content.get(table, [])
        return [parse(folder, entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the model registry cannot be read: {error}", path=path) from error


def _model(folder: Path, entry: dict[str, Any]) -> ModelFile:
    return ModelFile(
        name=entry["name"],
        path=folder / entry["file"],
        sha256=entry["sha256"],
        licence=entry["licence"],
        default=entry.get("default", False),
        trained_on=entry.get("trained_on"),
        sound=entry.get("sound"),
    )


def _published(_folder: Path, entry: dict[str, Any]) -> PublishedModel:
    return PublishedModel(
        name=entry["name"],
        repository=entry["repository"],
        revision=entry.get("revision"),
        licence=entry["licence"],
        trained_on=entry["trained_on"],
        files=tuple(SourceFile(f["name"], f.get("size"), f["sha256"]) for f in entry["files"]),
        engine=entry.get("engine", "hifisr"),
    )


def find_model(name_or_path: str | None = None) -> ModelFile:
    """The default model, a registered one by name, or a checkpoint by path; checked to be whole, with its `info`.

    Raises:
        ModelError: unknown name, missing file, damaged file, or no models at all.
    """
    model = locate(name_or_path)
    members = tuple(replace(member, info=member.verify()) for member in model.members)
    return replace(model, info=members[0].info if members else model.verify(), members=members)


def locate(name_or_path: str | None = None) -> ModelFile:
    """Like `find_model`, but the file is not looked into.

    Raises:
        ModelError: unknown name, or no models at all.
    """
    if name_or_path is not None:
        path = Path(name_or_path)
        if path.name != name_or_path or path.suffix == ".safetensors":
            return ModelFile(path.stem, path)
    models = registered()
    if not models:
        raise ModelError(
            "no models are installed", hint=f"install hifisr again, or set {ENVIRONMENT} to a folder with a registry"
        )
    if name_or_path == AUTO:
        return _elected(models)
    if name_or_path is None:
        default = next((model for model in models if model.default), models[0])
        return default if default.sound is None else _elected(models)
    for model in models:
        if model.name == name_or_path:
            return model
    known = ", ".join([*(model.name for model in models), AUTO])
    hint = f"known models: {known}; or give a .safetensors file"
    if any(model.name == name_or_path for model in published_models()):
        hint = f"it can be downloaded: hifisr models pull {name_or_path}"
    raise ModelError(f"unknown model {name_or_path!r}", hint=hint)


def _elected(models: tuple[ModelFile, ...]) -> ModelFile:
    """Those that each recording chooses from, as one."""
    elected = [next((model for model in models if model.sound == kind), None) for kind in SOUND_KINDS]
    members = tuple(model for model in elected if model is not None)
    if len(members) < len(elected):
        raise ModelError(f"no models to choose from for {AUTO!r}", hint="install hifisr again, or name a model")
    return ModelFile(AUTO, members[0].path, members[0].sha256, members=members)
