"""A generator as a frozen checkpoint, and back."""

from __future__ import annotations

from pathlib import Path

import torch

from hifisr_cli.checkpoints.frozen import REINSTALL, FrozenInfo, read_info, read_tensors, write
from hifisr_cli.engines.hifisr.config import config_data, parse_config
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.engines.hifisr.hifigan import fold_weight_norm
from hifisr_cli.engines.hifisr.reach import measured_reach
from hifisr_cli.errors import ModelError


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

    Raises:
        ModelError: a weight is too large for float16.
        OutputError: the file cannot be written.
    """
    fold_weight_norm(generator)
    reach = measured_reach(generator) if generator.config.latent.context == "bounded" else None
    info = FrozenInfo(name, "hifisr", config_data(generator.config, reach), resampler, licence, training)
    return write(generator.state_dict(), info, path, half=half)


def load_generator(path: Path, info: FrozenInfo | None = None) -> Generator:
    """Builds the network of a frozen checkpoint and fills in its weights, float32, ready for inference.

    Raises:
        ModelError: missing, damaged, of another engine, or weights that do not fit the described network.
    """
    info = info or read_info(path)
    if info.engine != "hifisr":
        raise ModelError(f"a network of the engine {info.engine!r}, not of hifisr's", path=path)
    tensors = read_tensors(path, info)
    try:
        config, reach = parse_config(info.config)
        with torch.device("meta"):  # neither time nor memory for random weights
            generator = Generator(config, normed=False)
        generator.load_state_dict({key: value.float() for key, value in tensors.items()}, assign=True)
    except (RuntimeError, ValueError, TypeError) as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ModelError(f"weights that do not fit its description: {first}", path=path, hint=REINSTALL) from error
    if reach is not None:
        generator.latent_reach = min(reach, generator.latent_reach)
    return generator.eval().requires_grad_(requires_grad=False)
