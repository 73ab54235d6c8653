"""From the published files, whose tensors are read without running any code, to a frozen checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.checkpoints.card import write_card
from hifisr_cli.checkpoints.frozen import FrozenInfo, write
from hifisr_cli.checkpoints.published import checked_tensors, describe_import, read_published
from hifisr_cli.engines.hifisr.config import config_data
from hifisr_cli.engines.hifisr.published import HEAD, LATENT, LIMITS, convert
from hifisr_cli.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

THEIR_RESAMPLER = "soxr-hq"  # what the published program resamples with, by its source code
POINTER = "last_best_checkpoint"
"""The text file of a published folder: its first line names the latent's file, its second the head's."""

_KINDS = (("*_m.pt", "*_g.pt"), ("m_" + "[0-9]" * 8, "g_" + "[0-9]" * 8))
_WHAT_IT_TAKES = "give the published folder (last_best_checkpoint, *_m.pt, *_g.pt, m_00000000, g_00000000) or two files"


def import_published(
    paths: Sequence[Path],
    output: Path,
    *,
    name: str | None = None,
    licence: str | None = None,
    half: bool = False,
    revision: str | None = None,
) -> FrozenInfo:
    """Converts the published folder, or its two files; see `EngineModule.import_weights`."""
    files = find_files(paths)
    states = read_states(files, (LATENT, HEAD))
    (latent_path, latent), (head_path, head) = states[LATENT], states[HEAD]
    config, tensors = convert(latent, head, latent_path, head_path)
    del states, latent, head
    info = describe_import(
        files,
        output,
        engine="hifisr",
        config=config_data(config),
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
    """By the form: a folder or a file that points to two others, or two files; see `EngineModule.recognises`."""
    if len(paths) != 1:
        return len(paths) == 2
    path = paths[0]
    return path.name == POINTER or (path / POINTER).is_file() or any(any(path.glob(p)) for kind in _KINDS for p in kind)


def find_files(paths: Sequence[Path]) -> tuple[Path, Path]:
    """The two files of a checkpoint, in either order: from its folder, its pointer file, or themselves.

    A folder with several states of a training gives the latest that is complete.

    Raises:
        ModelError: there are not two such files.
    """
    if len(paths) == 2:
        return paths[0], paths[1]
    if len(paths) != 1:
        raise ModelError(f"{len(paths)} files are not a published checkpoint", hint=_WHAT_IT_TAKES)
    path = paths[0]
    if not path.exists():
        raise ModelError("no such file or folder", path=path)
    if path.is_dir():
        return _in_pointer(path / POINTER) if (path / POINTER).is_file() else _in_folder(path)
    if path.name == POINTER:
        return _in_pointer(path)
    raise ModelError("one of two files", path=path, hint=_WHAT_IT_TAKES)


def _in_pointer(pointer: Path) -> tuple[Path, Path]:
    try:
        names = pointer.read_text("utf-8").split("\n")[:2]
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot be read: {error}", path=pointer) from error
    names = [name.strip() for name in names]
    if len(names) != 2 or any(not name or Path(name).name != name for name in names):
        raise ModelError("does not name two files of its folder", path=pointer, hint=_WHAT_IT_TAKES)
    for name in names:
        if not (pointer.parent / name).is_file():
            raise ModelError(f"names {name!r}, which is not there", path=pointer)
    return pointer.parent / names[0], pointer.parent / names[1]


def _in_folder(folder: Path) -> tuple[Path, Path]:
    for latent_pattern, head_pattern in _KINDS:
        latents, heads = sorted(folder.glob(latent_pattern)), sorted(folder.glob(head_pattern))
        both = {_stem(path): path for path in latents}.keys() & {_stem(path) for path in heads}
        if both:
            last = max(both)
            return next(p for p in latents if _stem(p) == last), next(p for p in heads if _stem(p) == last)
    raise ModelError("holds no published checkpoint", path=folder, hint=_WHAT_IT_TAKES)


def _stem(path: Path) -> str:
    """What the two files of one state have in common in their names."""
    return re.sub(r"^[mg]_|_[mg]\.pt$", "", path.name)


def read_states(paths: tuple[Path, Path], sections: tuple[str, str]) -> dict[str, tuple[Path, dict[str, Tensor]]]:
    """Each section's file and its tensors, whichever of the two files it stands in.

    Raises:
        ModelError: a file is missing, truncated, no such checkpoint, or would run code if it were trusted.
    """
    found: dict[str, tuple[Path, dict[str, Tensor]]] = {}
    for path in paths:
        content = read_published(path)
        here = [name for name in sections if isinstance(content, dict) and name in content]
        if len(here) != 1 or here[0] in found:
            wanted = " or ".join(f"'{name}'" for name in sections if name not in found)
            raise ModelError(f"holds no {wanted}", path=path, hint=_WHAT_IT_TAKES)
        found[here[0]] = path, checked_tensors(content[here[0]], here[0], path)
    return found
