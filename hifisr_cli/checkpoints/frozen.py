"""The frozen checkpoint: one safetensors file that describes itself.

The averaged weights are the only ones, and the metadata holds everything that is needed to build the network again.
What the network is made of is the business of the engine that it names. Loading runs no code from the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.errors import ModelError, OutputError, reason_of
from hifisr_cli.system.hashing import file_sha256

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "hifisr-frozen-2"
_FIRST_FORMAT = "hifisr-frozen-1"
"""Without an engine's name, which was "hifisr", and with `latent_reach` beside the config instead of in it."""

_MAX_HEADER_BYTES = 16_000_000
REINSTALL = "install hifisr again or get the file anew"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that weights came from: its name without folders, its size in bytes and the SHA-256 of the whole.

    Of a file that nobody here has seen the size may not be known; the hash says which one is meant.
    """

    name: str
    size: int | None
    sha256: str

    @classmethod
    def of(cls, path: Path) -> SourceFile:
        """Raises `ModelError` when the file cannot be read."""
        try:
            return cls(path.name, path.stat().st_size, file_sha256(path))
        except OSError as error:
            raise ModelError(f"cannot be read: {reason_of(error)}", path=path) from error


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where imported weights come from.

    Attributes:
        files: that they were read from.
        importer: the program that converted them, with its version.
        source: where the files were published, with the revision; None where that is not known.
    """

    files: tuple[SourceFile, ...]
    importer: str
    source: str | None = None

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Raises `TypeError`, `KeyError` or `ValueError` when something is missing."""
        data = json.loads(text)
        files = tuple(SourceFile(str(f["name"]), int(f["size"]), str(f["sha256"])) for f in data["files"])
        return cls(files, str(data["importer"]), data.get("source"))


@dataclass(frozen=True, slots=True)
class FrozenInfo:
    """What a frozen checkpoint says of itself.

    Attributes:
        name: of the model.
        engine: the kind of network; see `engines.load.ENGINES`.
        config: what the engine builds the network from; the engine validates it.
        resampler: the resampler that training and inference share.
        licence: SPDX identifier of the weights.
        training: what it was trained on, for how long.
        parameter_hash: SHA-256 over names, shapes and bytes of all tensors.
        limits: what it cannot do, one line each; the user is told once a run.
        provenance: of weights that were imported; None for those that were trained here.
    """

    name: str
    engine: str
    config: Mapping[str, Any]
    resampler: str
    licence: str
    training: str
    parameter_hash: str = ""
    limits: tuple[str, ...] = ()
    provenance: Provenance | None = None

    def to_metadata(self) -> dict[str, str]:
        optional = {"limits": json.dumps(self.limits)} if self.limits else {}
        if self.provenance is not None:
            optional["provenance"] = json.dumps(asdict(self.provenance), sort_keys=True)
        return optional | {
            "format": FORMAT,
            "name": self.name,
            "engine": self.engine,
            "config": json.dumps(self.config, sort_keys=True),
            "resampler": self.resampler,
            "licence": self.licence,
            "training": self.training,
            "parameter_sha256": self.parameter_hash,
        }

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], path: Path) -> FrozenInfo:
        """Raises `ModelError` when something is missing or of another format."""
        found = metadata.get("format")
        if found not in (FORMAT, _FIRST_FORMAT):
            raise ModelError(
                f"not a frozen hifisr checkpoint (format {found!r}, expected {FORMAT!r})",
                path=path,
                hint="made by another program, or by a newer hifisr",
            )
        try:
            config = dict(json.loads(metadata["config"]))
            if found == _FIRST_FORMAT and "latent_reach" in metadata:
                config["latent_reach"] = int(metadata["latent_reach"])
            return cls(
                name=metadata["name"],
                engine="hifisr" if found == _FIRST_FORMAT else metadata["engine"],
                config=config,
                resampler=metadata["resampler"],
                licence=metadata["licence"],
                training=metadata["training"],
                parameter_hash=metadata["parameter_sha256"],
                limits=tuple(str(line) for line in json.loads(metadata.get("limits", "[]"))),
                provenance=Provenance.from_json(metadata["provenance"]) if "provenance" in metadata else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"damaged metadata: {error}", path=path, hint=REINSTALL) from error


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The header of a safetensors file as it stands there, and where the weights begin.

    Raises:
        OSError, ValueError, RecursionError: unreadable, or no JSON.
        ModelError: not a safetensors file.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if not 0 < size <= _MAX_HEADER_BYTES:
            raise ModelError("not a safetensors file", path=path, hint=REINSTALL)
        return json.loads(file.read(size)), 8 + size


def read_info(path: Path) -> FrozenInfo:
    """The description alone, without torch: reads the header of the safetensors file.

    Raises:
        ModelError: missing, unreadable, truncated or not a frozen checkpoint.
    """
    try:
        header, begin = read_header(path)
        data_bytes = path.stat().st_size - begin
        metadata = dict(header.pop("__metadata__", {}))
        promised = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except OSError as error:
        raise ModelError(f"cannot be read: {reason_of(error)}", path=path) from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ModelError("not a safetensors file, or a truncated one", path=path, hint=REINSTALL) from error
    info = FrozenInfo.from_metadata(metadata, path)
    if promised != data_bytes:
        raise ModelError(
            f"truncated or damaged: {data_bytes} bytes of weights, {promised} promised", path=path, hint=REINSTALL
        )
    return info


def info_of(engine: str, path: Path, info: FrozenInfo | None) -> FrozenInfo:
    """What a checkpoint of this engine says of itself, as it was read before, or read now.

    Raises:
        ModelError: as `read_info`, or it is another engine's.
    """
    info = info or read_info(path)
    if info.engine != engine:
        raise ModelError(f"a network of the engine {info.engine!r}, not of {engine}", path=path)
    return info


@contextmanager
def weights_that_fit(path: Path) -> Iterator[None]:
    """While a network is built of its description and filled: what does not fit is a ModelError in one line."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as error:
        # of a state dict's complaints the first, below their heading
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"weights that do not fit its description: {first}", path=path, hint=REINSTALL) from error


def parameter_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the names, types, shapes and bytes of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


_DTYPES = {"F16": "torch.float16", "F32": "torch.float32", "BF16": "torch.bfloat16", "F64": "torch.float64"}
"""What torch calls the types of a safetensors header."""


def verify_parameters(path: Path) -> None:
    """Checks the weights against the hash in their description, without torch, a tensor at a time.

    Raises:
        ModelError: unreadable or damaged.
    """
    info = read_info(path)
    digest = hashlib.sha256()
    try:
        header, begin = read_header(path)
        header.pop("__metadata__", None)
        with path.open("rb") as file:
            for name in sorted(header):
                entry = header[name]
                first, last = entry["data_offsets"]
                digest.update(f"{name}:{_DTYPES[entry['dtype']]}:{tuple(entry['shape'])}\n".encode())
                file.seek(begin + first)
                digest.update(file.read(last - first))
    except OSError as error:
        raise ModelError(f"cannot be read: {reason_of(error)}", path=path) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError("damaged header", path=path, hint=REINSTALL) from error
    if digest.hexdigest() != info.parameter_hash:
        raise ModelError("damaged: its weights do not match their hash", path=path, hint=REINSTALL)


def write(tensors: Mapping[str, Tensor], info: FrozenInfo, path: Path, *, half: bool) -> FrozenInfo:
    """Writes weights with their description, all or nothing; returns it with the hash of what was stored.

    Raises:
        ModelError: a weight is too large for float16.
        OutputError: the file cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    dtype = torch.float16 if half else torch.float32
    stored = {key: value.detach().to(dtype).contiguous() for key, value in tensors.items()}
    for key, value in stored.items() if half else ():
        if not bool(value.isfinite().all()):
            raise ModelError(f"weight '{key}' is too large for float16", path=path, hint="store float32")
    described = replace(info, parameter_hash=parameter_hash(stored))
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_file(stored, part, metadata=described.to_metadata())
            part.chmod(0o644)  # safetensors writes files that only their owner may read
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"cannot be written: {getattr(error, 'strerror', None) or error}", path=path) from error
    return described


def map_tensors(path: Path) -> dict[str, Tensor]:
    """The weights as they are stored, of a file that is mapped into memory for each part of the network anew.

    A part is what the first word of a name says. Whoever drops all of its tensors gets its memory back.

    Raises:
        ModelError: damaged.
    """
    from safetensors import SafetensorError, safe_open

    verify_parameters(path)
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, "pt") as file:
            names = sorted(file.keys())
        for _, part in groupby(names, lambda name: name.partition(".")[0]):
            with safe_open(path, "pt") as file:
                tensors |= {name: file.get_tensor(name) for name in part}
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"damaged: {error}", path=path, hint=REINSTALL) from error
    return tensors


def read_tensors(path: Path, info: FrozenInfo) -> dict[str, Tensor]:
    """The weights as they are stored.

    Raises:
        ModelError: damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"damaged: {error}", path=path, hint=REINSTALL) from error
    if parameter_hash(tensors) != info.parameter_hash:
        raise ModelError("damaged: its weights do not match their hash", path=path, hint=REINSTALL)
    return tensors
