"""Weights that others published: read without running any code from them, known by their hashes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.checkpoints.frozen import FrozenInfo, Provenance, SourceFile
from hifisr_cli.checkpoints.registry import PublishedModel, published_models
from hifisr_cli.errors import ModelError, reason_of

if TYPE_CHECKING:
    from torch import Tensor

UNKNOWN_LICENCE = "NOASSERTION"  # SPDX for: nobody said


def read_published(path: Path) -> Any:
    """What a file of PyTorch's, or of safetensors, holds. Its tensors stay in the file, which is mapped into memory.

    Raises:
        ModelError: the file is missing, truncated, no such checkpoint, or would run code if it were trusted.
    """
    import torch
    from safetensors.torch import load_file

    try:
        with path.open("rb"):  # PyTorch does not say why a file cannot be opened
            pass
        if path.suffix == ".safetensors":
            return load_file(path)
        mapped = zipfile.is_zipfile(path)  # the form before PyTorch 1.6 is none, and cannot be mapped
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError as error:
        raise ModelError(f"cannot be read: {reason_of(error)}", path=path) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted is not None:
            raise ModelError(
                f"refused: this file wants to run code ({wanted[1]}) when it is read",
                path=path,
                hint="a checkpoint holds tensors only; do not trust where it came from",
            ) from error
        raise ModelError("truncated, or not a PyTorch checkpoint", path=path, hint="get the file anew") from error


def checked_tensors(state: Any, section: str, path: Path) -> dict[str, Tensor]:
    """The state, where it is tensors by name. Raises `ModelError` that names what is none."""
    import torch

    if not isinstance(state, dict) or not state:
        raise ModelError(f"'{section}' holds no tensors", path=path)
    for key, value in state.items():
        usable = isinstance(value, torch.Tensor) and value.layout == torch.strided and value.is_floating_point()
        if not isinstance(key, str) or not usable:
            raise ModelError(f"key '{key}' is not a tensor of numbers", path=path)
    return state


def plain_keys(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Without the prefix that training on several devices leaves. Raises `ModelError` where only some have it."""
    plain = {key.removeprefix("module."): value for key, value in state.items()}
    if len(plain) != len(state):
        raise ModelError("holds keys both with and without the prefix 'module.'", path=path)
    return plain


def shape_of(state: Mapping[str, Tensor], key: str, dimensions: int, path: Path) -> tuple[int, ...]:
    """The shape of a tensor that a size is read from. Raises `ModelError` that names the key."""
    if key not in state:
        raise ModelError(f"key '{key}' is missing", path=path)
    shape = tuple(state[key].shape)
    if len(shape) != dimensions or 0 in shape:
        raise ModelError(f"key '{key}' has shape {list(shape)}, expected {dimensions} dimensions", path=path)
    return shape


def count_of(state: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the highest index that `pattern` finds at the start of the keys."""
    compiled = re.compile(pattern)
    found = [int(match[1]) for match in map(compiled.match, state) if match is not None]
    return max(found, default=-1) + 1


def taken(left: dict[str, Tensor], key: str, expected: tuple[int, ...], path: Path) -> Tensor:
    """The tensor of a key, which is removed. Raises `ModelError` where it is missing or of another shape."""
    if key not in left:
        raise ModelError(f"key '{key}' is missing", path=path)
    tensor = left.pop(key)
    if tuple(tensor.shape) != expected:
        raise ModelError(
            f"key '{key}' has shape {list(tensor.shape)}, expected {list(expected)}",
            path=path,
            hint="the sizes of the network come from the shapes of its first, last and inner layers",
        )
    return tensor


def owning(tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same tensors, none of them in the memory of another or in a larger one, as a safetensors file wants them."""
    seen: set[int] = set()
    for tensor in tensors:
        memory = tensor.untyped_storage()
        alone = memory.nbytes() == tensor.nbytes and memory.data_ptr() not in seen
        seen.add(memory.data_ptr())
        yield tensor if alone else tensor.clone()


def listed(keys: Iterable[str], show: int = 3) -> str:
    """The first of some keys, and how many there are besides."""
    names = sorted(keys)
    shown = ", ".join(f"'{name}'" for name in names[:show])
    more = f" and {len(names) - show} more" if len(names) > show else ""
    return f"key{'s' if len(names) > 1 else ''} {shown}{more}"


def recognised(sources: Sequence[SourceFile]) -> PublishedModel | None:
    """The published model that these files are, whatever they are called now."""
    found = {source.sha256 for source in sources}
    for model in published_models():
        if found == {file.sha256 for file in model.files}:
            return model
    return None


def describe_import(
    files: Sequence[Path],
    output: Path,
    *,
    engine: str,
    config: Mapping[str, Any],
    resampler: str,
    limits: tuple[str, ...],
    name: str | None,
    licence: str | None,
    revision: str | None,
) -> FrozenInfo:
    """What a frozen checkpoint says of itself that is made of these files; see `EngineModule.import_weights`."""
    from hifisr_cli import __version__

    sources = tuple(SourceFile.of(path) for path in files)
    known = recognised(sources)
    source = None if known is None else known.repository + (f"@{revision}" if revision is not None else "")
    return FrozenInfo(
        name=name or (known.name if known is not None else output.stem),
        engine=engine,
        config=config,
        resampler=resampler,
        licence=licence or (known.licence if known is not None else UNKNOWN_LICENCE),
        training=known.trained_on if known is not None else "not known: imported weights",
        limits=limits,
        provenance=Provenance(sources, f"hifisr {__version__}", source),
    )
