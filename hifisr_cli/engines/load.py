"""From the name of a model to an engine that is ready to run, and what can be said of one before it is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_type_hints

from hifisr_cli.checkpoints.frozen import REINSTALL, FrozenInfo
from hifisr_cli.checkpoints.registry import ModelFile, find_model
from hifisr_cli.engines.by_sound import BySound, joint_identity
from hifisr_cli.engines.protocol import Engine, EngineModule, Identity
from hifisr_cli.errors import DeviceError, ModelError, UsageError
from hifisr_cli.results import SOUND_KINDS
from hifisr_cli.system.machine import cores, has_bfloat16, on_gpu

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "float32", "bfloat16", "float16"]

ENGINES = {
    "audiosr": "hifisr_cli.engines.audiosr.engine",
    "hifisr": "hifisr_cli.engines.hifisr.engine",
    "tfnet": "hifisr_cli.engines.tfnet.engine",
}
"""Every engine and its module. The table is closed: a checkpoint names an engine, never code to be run."""

_AMD_GPU = Path("/dev/kfd")
"""Of its drivers: PyTorch may be one for such GPUs, on which bfloat16 was not measured."""

_FROM_TEXT: dict[type, Callable[[str], Any]] = {
    int: int,
    float: float,
    bool: {"true": True, "false": False}.__getitem__,
    str: str,
}
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def engine_module(name: str) -> EngineModule:
    """Raises ModelError: there is no engine of that name."""
    if name not in ENGINES:
        raise ModelError(f"no engine {name!r} in this hifisr", hint=f"known: {', '.join(ENGINES)}; or use a newer one")
    return cast(EngineModule, import_module(ENGINES[name]))


def identify(
    name_or_path: str | ModelFile | None = None,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    settings: Mapping[str, object] | None = None,
) -> Identity:
    """What `load_model` with the same arguments would load, from the header of the file, without PyTorch.

    Raises:
        ModelError: unknown or damaged, or of an engine that is not known.
        UsageError: a setting that the engine does not have, or a value that it cannot have.
    """
    model = _found(name_or_path)
    own = [_identity(each, device, precision, settings) for each in model.files]
    return joint_identity(model.name, dict(zip(SOUND_KINDS, own, strict=True))) if model.members else own[0]


def load_model(
    name_or_path: str | ModelFile | None = None,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    settings: Mapping[str, object] | None = None,
) -> Engine:
    """Loads a model once, for any number of recordings.

    Args:
        name_or_path: a registered name, "auto" (each recording decides for one), a checkpoint file, or None for the
            default model; or what `find_model` gave.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto" is bfloat16 on processors that have it in hardware, for networks that gain from it; else
            float32.
        threads: of the processor that the network may use; None takes the cores that this process may use.
        settings: of the engine, by name; the others have their defaults (`hifisr models show` lists them).

    Raises:
        ModelError: unknown or damaged, or of an engine that is not known.
        DeviceError: no such device.
        UsageError: a precision that the device does not have, or a setting that the engine does not have.
    """
    model = _found(name_or_path)
    # Waiting threads that spin make a busy machine several times slower; must be set before torch loads OpenMP.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    own = [_identity(each, device, precision, settings) for each in model.files]
    chosen = _device(device)
    if own[0].precision == "float16" and chosen.type == "cpu":
        raise UsageError("float16 is not for the processor", hint="use --precision float32")
    if threads is not None or chosen.type == "cpu":
        torch.set_num_threads(threads or cores())
    engines = [
        engine_module(identity.engine).load(each.path, _info(each), identity, chosen)
        for each, identity in zip(model.files, own, strict=True)
    ]
    if not model.members:
        return engines[0]
    identity = joint_identity(model.name, dict(zip(SOUND_KINDS, own, strict=True)))
    return BySound(identity, dict(zip(SOUND_KINDS, engines, strict=True)))


def is_slow(model: ModelFile) -> bool:
    """Whether its network takes longer than a recording lasts on a processor; see `EngineModule.is_slow`."""
    return any(engine_module(info.engine).is_slow(info.config) for info in map(_info, _found(model).files))


@cache
def default_settings(engine: str) -> Mapping[str, Any]:
    """Of an engine; none where it is not known."""
    return asdict(engine_module(engine).Settings()) if engine in ENGINES else {}


def _found(name_or_path: str | ModelFile | None) -> ModelFile:
    return name_or_path if isinstance(name_or_path, ModelFile) else find_model(name_or_path)


def _info(model: ModelFile) -> FrozenInfo:
    return model.info or model.verify()


def _identity(model: ModelFile, device: str, precision: Precision, settings: Mapping[str, object] | None) -> Identity:
    info = _info(model)
    module = engine_module(info.engine)
    try:
        module.check_config(info.config)
    except (ValueError, TypeError) as error:
        raise ModelError(f"damaged metadata: {error}", path=model.path, hint=REINSTALL) from error
    return Identity(
        info.engine,
        info.name,
        info.parameter_hash,
        _own_precision(module, info, device) if precision == "auto" else precision,
        asdict(_settings(info.engine, module.Settings, settings or {})),
        info.limits,
    )


def _settings(engine: str, kind: type[Any], given: Mapping[str, object]) -> Any:
    """An instance of `kind` with these values, as text (`--engine-set`) or as what they are, and defaults else."""
    types = get_type_hints(kind)
    for name in given:
        if name not in types:
            known = ", ".join(types) or "it has none"
            raise UsageError(f"the engine {engine!r} has no setting {name!r}", hint=f"its settings: {known}")
    try:
        return kind(**{name: _value(name, types[name], value) for name, value in given.items()})
    except ValueError as error:
        raise UsageError(f"setting of the engine {engine!r}: {error}") from error


def _value(name: str, kind: type, value: object) -> Any:
    try:
        if isinstance(value, str):
            return _FROM_TEXT[kind](value)
        if isinstance(value, kind) or (kind is float and isinstance(value, int)):
            return value
    except (ValueError, KeyError):
        pass
    raise ValueError(f"{name} is {_KINDS[kind]}, not {value!r}")


def _own_precision(module: EngineModule, info: FrozenInfo, device: str) -> Literal["float32", "bfloat16"]:
    """What "auto" is: by what the machine and the network are, and without PyTorch, so that whoever keeps the record
    and whoever computes say the same."""
    native = has_bfloat16() and not on_gpu(device) and not (device == "auto" and _AMD_GPU.exists())
    return "bfloat16" if native and module.gains_from_bfloat16(info.config) else "float32"


def _device(name: str) -> torch.device:
    import torch

    has_cuda = torch.cuda.is_available()
    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}", hint="auto, cpu, cuda, cuda:N or mps") from error
    there = {"cpu": True, "cuda": has_cuda, "mps": has_mps}.get(device.type, False)
    if device.type == "cuda" and there and (device.index or 0) >= torch.cuda.device_count():
        there = False
    if not there:
        raise DeviceError(f"no such device here: {name}", hint="use --device auto or --device cpu")
    return device
