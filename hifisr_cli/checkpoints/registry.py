"""Finding a model by name or path, without torch.

A name is looked up in the registry of, in this order: `$HIFISR_MODELS`, the installed package, the checkout.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.errors import ModelError

ENVIRONMENT = "HIFISR_MODELS"
REGISTRY_NAME = "registry.toml"
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model on disk.

    Attributes:
        name: in the registry, or the file's name without its suffix.
        path: of the safetensors file.
        sha256: of the whole file, where the registry pins it.
        licence: SPDX identifier, where the registry states it.
        default: used when no model is named.
    """

    name: str
    path: Path
    sha256: str | None = None
    licence: str | None = None
    default: bool = False

    def verify(self) -> None:
        """Raises `ModelError` unless the file is whole and, where it is pinned, has the pinned hash."""
        read_info(self.path)
        if self.sha256 is not None:
            with self.path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != self.sha256:
                raise ModelError(
                    "damaged: the file does not match the hash in the registry",
                    path=self.path,
                    hint="install hifisr again",
                )


def model_folders() -> tuple[Path, ...]:
    """The folders that are searched, in order; those that do not exist are left out."""
    named = os.environ.get(ENVIRONMENT)
    candidates = ([Path(named)] if named else []) + [_PACKAGE / "models", _PACKAGE.parent / "models"]
    return tuple(folder for folder in candidates if (folder / REGISTRY_NAME).is_file())


def registered() -> tuple[ModelFile, ...]:
    """All registered models; a name in an earlier folder hides the same name in a later one.

    Raises:
        ModelError: a registry cannot be read.
    """
    found: dict[str, ModelFile] = {}
    for folder in model_folders():
        for model in _read_registry(folder):
            found.setdefault(model.name, model)
    return tuple(found.values())


def _read_registry(folder: Path) -> list[ModelFile]:
    path = folder / REGISTRY_NAME
    try:
        entries = tomllib.loads(path.read_text("utf-8"))["model"]
        return [
            ModelFile(
                name=entry["name"],
                path=folder / entry["file"],
                sha256=entry["sha256"],
                licence=entry["licence"],
                default=entry.get("default", False),
            )
            for entry in entries
        ]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"the model registry cannot be read: {error}", path=path) from error


def find_model(name_or_path: str | None = None) -> ModelFile:
    """The default model, a registered one by name, or a checkpoint by path; checked to be whole.

    Raises:
        ModelError: unknown name, missing file, damaged file, or no models at all.
    """
    model = _lookup(name_or_path)
    model.verify()
    return model


def _lookup(name_or_path: str | None) -> ModelFile:
    if name_or_path is not None and (os.sep in name_or_path or name_or_path.endswith(".safetensors")):
        path = Path(name_or_path)
        return ModelFile(path.stem, path)
    models = registered()
    if not models:
        raise ModelError(
            "no models are installed", hint=f"install hifisr again, or set {ENVIRONMENT} to a folder with a registry"
        )
    if name_or_path is None:
        return next((model for model in models if model.default), models[0])
    for model in models:
        if model.name == name_or_path:
            return model
    known = ", ".join(model.name for model in models)
    raise ModelError(f"unknown model {name_or_path!r}", hint=f"known models: {known}; or give a .safetensors file")
