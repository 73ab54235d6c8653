"""The frozen checkpoint: one safetensors file that describes itself.

Weight norm is folded, the averaged weights are the only ones, and the metadata holds everything that is needed to
build the network again. Loading runs no code from the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.errors import ModelError
from hifisr_cli.nets.config import ConfigError, NetworkConfig

if TYPE_CHECKING:
    from torch import Tensor

    from hifisr_cli.nets.generator import Generator

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
    """

    name: str
    config: NetworkConfig
    resampler: str
    licence: str
    training: str
    parameter_hash: str

    def to_metadata(self) -> dict[str, str]:
        return {
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
            )
        except (KeyError, TypeError, AttributeError, ConfigError, json.JSONDecodeError) as error:
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
        raise ModelError(f"cannot be read: {error.strerror or error}", path=path) from error
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
    import torch
    from safetensors.torch import save_file

    from hifisr_cli.nets.hifigan import fold_weight_norm

    fold_weight_norm(generator)
    dtype = torch.float16 if half else torch.float32
    tensors = {key: value.detach().to(dtype).contiguous() for key, value in generator.state_dict().items()}
    info = FrozenInfo(name, generator.config, resampler, licence, training, parameter_hash(tensors))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    save_file(tensors, part, metadata=info.to_metadata())
    part.chmod(0o644)  # safetensors writes files that only their owner may read
    part.replace(path)
    return info


def load(path: Path) -> tuple[Generator, FrozenInfo]:
    """Builds the network and fills in its weights, float32, ready for inference.

    Raises:
        ModelError: missing, damaged, of another format, or weights that do not fit the described network.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from hifisr_cli.nets.generator import Generator
    from hifisr_cli.nets.hifigan import fold_weight_norm

    info = read_info(path)
    try:
        tensors: dict[str, Any] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"damaged: {error}", path=path, hint=_REINSTALL) from error
    if parameter_hash(tensors) != info.parameter_hash:
        raise ModelError("damaged: its weights do not match their hash", path=path, hint=_REINSTALL)
    with torch.device("cpu"):
        generator = Generator(info.config)
    fold_weight_norm(generator)
    try:
        generator.load_state_dict({key: value.float() for key, value in tensors.items()})
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"weights that do not fit its description: {first}", path=path, hint=_REINSTALL) from error
    return generator.eval().requires_grad_(requires_grad=False), info
