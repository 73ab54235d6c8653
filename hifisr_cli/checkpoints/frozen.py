"""The frozen checkpoint: one safetensors file that describes itself.

Weight norm is folded, the averaged weights are the only ones, and the metadata holds everything that is needed to
build the network again. Loading runs no code from the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.checkpoints.sources import Provenance
from hifisr_cli.engines.hifisr.config import ConfigError, NetworkConfig
from hifisr_cli.errors import ModelError, OutputError, reason_of

if TYPE_CHECKING:
    from torch import Tensor

    from hifisr_cli.engines.hifisr.generator import Generator

FORMAT = "hifisr-frozen-1"
_MAX_HEADER_BYTES = 16_000_000
_REINSTALL = "install hifisr again or get the file anew"


@dataclass(frozen=True, slots=True)
class FrozenInfo:
    """What a frozen checkpoint says of itself.

    Attributes:
        name: of the model.
        config: sizes of the network.
        resampler: the resampler that training and inference share.
        licence: SPDX identifier of the weights.
        training: what it was trained on, for how long.
        parameter_hash: SHA-256 over names, shapes and bytes of all tensors.
        latent_reach: frames to either side that were measured to matter (`nets.reach`); None where not measured.
        limits: what it cannot do, one line each; the user is told once a run.
        provenance: of weights that were imported; None for those that were trained here.
    """

    name: str
    config: NetworkConfig
    resampler: str
    licence: str
    training: str
    parameter_hash: str
    latent_reach: int | None = None
    limits: tuple[str, ...] = ()
    provenance: Provenance | None = None

    def to_metadata(self) -> dict[str, str]:
        optional = {} if self.latent_reach is None else {"latent_reach": str(self.latent_reach)}
        if self.limits:
            optional["limits"] = json.dumps(self.limits)
        if self.provenance is not None:
            optional["provenance"] = json.dumps(asdict(self.provenance), sort_keys=True)
        return optional | {
            "format": FORMAT,
            "name": self.name,
            "config": json.dumps(self.config.to_dict(), sort_keys=True),
            "resampler": self.resampler,
            "licence": self.licence,
            "training": self.training,
            "parameter_sha256": self.parameter_hash,
        }

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], path: Path) -> FrozenInfo:
        """Raises `ModelError` when something is missing or of another format."""
        found = metadata.get("format")
        if found != FORMAT:
            raise ModelError(
                f"not a frozen hifisr checkpoint (format {found!r}, expected {FORMAT!r})",
                path=path,
                hint="made by another program, or by a newer hifisr",
            )
        try:
            return cls(
                name=metadata["name"],
                config=NetworkConfig.from_dict(json.loads(metadata["config"])),
                resampler=metadata["resampler"],
                licence=metadata["licence"],
                training=metadata["training"],
                parameter_hash=metadata["parameter_sha256"],
                latent_reach=int(metadata["latent_reach"]) if "latent_reach" in metadata else None,
                limits=tuple(str(line) for line in json.loads(metadata.get("limits", "[]"))),
                provenance=Provenance.from_json(metadata["provenance"]) if "provenance" in metadata else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError, ConfigError, json.JSONDecodeError) as error:
            raise ModelError(f"damaged metadata: {error}", path=path, hint=_REINSTALL) from error


def read_info(path: Path) -> FrozenInfo:
    """The description alone, without torch: reads the header of the safetensors file.

    Raises:
        ModelError: missing, unreadable, truncated or not a frozen checkpoint.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 0 < size <= _MAX_HEADER_BYTES:
                raise ModelError("not a safetensors file", path=path, hint=_REINSTALL)
            header = json.loads(file.read(size))
            data_bytes = os.fstat(file.fileno()).st_size - 8 - size
        metadata = dict(header.pop("__metadata__", {}))
        promised = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except OSError as error:
        raise ModelError(f"cannot be read: {reason_of(error)}", path=path) from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ModelError("not a safetensors file, or a truncated one", path=path, hint=_REINSTALL) from error
    info = FrozenInfo.from_metadata(metadata, path)
    if promised != data_bytes:
        raise ModelError(
            f"truncated or damaged: {data_bytes} bytes of weights, {promised} promised", path=path, hint=_REINSTALL
        )
    return info


def parameter_hash(tensors: dict[str, Tensor]) -> str:
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
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
            header.pop("__metadata__", None)
            for name in sorted(header):
                entry = header[name]
                first, last = entry["data_offsets"]
                digest.update(f"{name}:{_DTYPES[entry['dtype']]}:{tuple(entry['shape'])}\n".encode())
                file.seek(8 + size + first)
                digest.update(file.read(last - first))
    except OSError as error:
        raise ModelError(f"cannot be read: {reason_of(error)}", path=path) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError("damaged header", path=path, hint=_REINSTALL) from error
    if digest.hexdigest() != info.parameter_hash:
        raise ModelError("damaged: its weights do not match their hash", path=path, hint=_REINSTALL)


def freeze(
    generator: Generator,
    path: Path,
    *,
    name: str,
    training: str,
    licence: str,
    resampler: str,
    half: bool = True,
) -> FrozenInfo:
    """Writes a generator as a frozen checkpoint. The generator's weight norm is folded in place.

    Args:
        half: store float16 (half the size; the network still computes in the precision asked for at run time).
    """
    from hifisr_cli.engines.hifisr.hifigan import fold_weight_norm
    from hifisr_cli.engines.hifisr.reach import measured_reach

    fold_weight_norm(generator)
    reach = measured_reach(generator) if generator.config.latent.context == "bounded" else None
    info = FrozenInfo(name, generator.config, resampler, licence, training, parameter_hash="", latent_reach=reach)
    return write(generator.state_dict(), info, path, half=half)


def write(tensors: dict[str, Tensor], info: FrozenInfo, path: Path, *, half: bool) -> FrozenInfo:
    """Writes folded weights with their description, all or nothing; returns it with the hash of what was stored.

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


def load(path: Path) -> tuple[Generator, FrozenInfo]:
    """Builds the network and fills in its weights, float32, ready for inference.

    Raises:
        ModelError: missing, damaged, of another format, or weights that do not fit the described network.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from hifisr_cli.engines.hifisr.generator import Generator

    info = read_info(path)
    try:
        tensors: dict[str, Any] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"damaged: {error}", path=path, hint=_REINSTALL) from error
    if parameter_hash(tensors) != info.parameter_hash:
        raise ModelError("damaged: its weights do not match their hash", path=path, hint=_REINSTALL)
    with torch.device("meta"):  # neither time nor memory for random weights
        generator = Generator(info.config, normed=False)
    try:
        generator.load_state_dict({key: value.float() for key, value in tensors.items()}, assign=True)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"weights that do not fit its description: {first}", path=path, hint=_REINSTALL) from error
    if info.latent_reach is not None:
        generator.latent_reach = min(info.latent_reach, generator.latent_reach)
    return generator.eval().requires_grad_(requires_grad=False), info
