"""A deeper network that begins as a shallower one."""

from __future__ import annotations

import re
from dataclasses import replace

import torch

from hifisr_cli.nets.config import ConfigError
from hifisr_cli.nets.generator import Generator

_BLOCKED = re.compile(r"latent\.(flash|fsmn)\.(\d+)\.(.+)")
_LAST = ("to_out.linear.weight", "to_out.linear.bias", "leave.weight", "leave.bias")


def deepened(generator: Generator, blocks: int) -> Generator:
    """A frozen generator with more blocks, which makes the same of every input.

    Behind each block come copies of it whose last layers are zero, so that they pass on what they get until they are
    trained (block expansion, Wu et al. 2024, arXiv 2401.02415).

    Raises:
        ConfigError: `blocks` is no multiple of what it has.
    """
    config = generator.config
    copies, rest = divmod(blocks, config.latent.blocks)
    if rest:
        raise ConfigError(f"{config.latent.blocks} blocks cannot become {blocks}: that is no multiple")
    deeper = Generator(replace(config, latent=replace(config.latent, blocks=blocks)), normed=False)
    weights = {}
    for name, tensor in generator.state_dict().items():
        part = _BLOCKED.fullmatch(name)
        if part is None:
            weights[name] = tensor
            continue
        kind, index, of_block = part[1], int(part[2]), part[3]
        for copy in range(copies):
            idle = copy > 0 and of_block in _LAST
            weights[f"latent.{kind}.{copies * index + copy}.{of_block}"] = torch.zeros_like(tensor) if idle else tensor
    deeper.load_state_dict(weights)
    return deeper
