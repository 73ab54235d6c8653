"""From the published file, whose tensors are read without running any code, to a frozen checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hifisr_cli.checkpoints.card import write_card
from hifisr_cli.checkpoints.frozen import FrozenInfo, write
from hifisr_cli.checkpoints.published import checked_tensors, describe_import, plain_keys, read_published
from hifisr_cli.engines.audiosr.published import LIMITS, UNET, convert, is_needed
from hifisr_cli.errors import ModelError

PUBLISHED_NAME = "pytorch_model.bin"
THEIR_RESAMPLER = "torchaudio-sinc-hann-6"  # what the published program resamples with, by its source code
_SECTION = "state_dict"


def import_published(
    paths: Sequence[Path],
    output: Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    half: bool = False,
    revision: str | None = None,
) -> FrozenInfo:
    """Converts the published file, or one of the same tensors; see `EngineModule.import_weights`."""
    path = _file(paths)
    state = {key: value for key, value in plain_keys(_state(path), path).items() if is_needed(key)}
    config, tensors = convert(checked_tensors(state, _SECTION, path), path)
    info = describe_import(
        [path],
        output,
        engine="audiosr",
        config=config.to_dict(),
        resampler=THEIR_RESAMPLER,
        limits=LIMITS,
        name=name,
        licence=licence,
        revision=revision,
    )
    written = write(tensors, info, output, half=half)
    write_card(written, output, config.architecture)
    return written


def recognises(paths: Sequence[Path]) -> bool:
    """By the keys of the denoiser; see `EngineModule.recognises`."""
    try:
        return any(key.removeprefix("module.").startswith(UNET) for key in _state(_file(paths)))
    except ModelError:
        return False


def _file(paths: Sequence[Path]) -> Path:
    """Raises `ModelError`: more than one."""
    if len(paths) != 1:
        raise ModelError(f"{len(paths)} files are not a published checkpoint", hint=f"give {PUBLISHED_NAME} alone")
    return paths[0] / PUBLISHED_NAME if paths[0].is_dir() else paths[0]


def _state(path: Path) -> dict[str, Any]:
    """Tensors and whatever else there is, by name.

    Raises:
        ModelError: the file cannot be read, or holds nothing by name.
    """
    content = read_published(path)
    state = content.get(_SECTION, content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise ModelError(f"holds no '{_SECTION}'", path=path)
    return state
