"""HiFi-SR's networks in training; see `engines.training`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hifisr_cli.engines.hifigan.head import unfold
from hifisr_cli.engines.hifisr.config import COMPACT, NetworkConfig
from hifisr_cli.engines.hifisr.generator import Generator, freeze
from hifisr_cli.engines.hifisr.generator import load_generator as load
from hifisr_cli.engines.sizes import merged
from hifisr_cli.errors import UsageError

__all__ = ["DRAWS", "build", "draw", "freeze", "load", "sizes", "start_from"]

DRAWS = 2
"""One pass is rendered twice, for the energy distance."""


def sizes(changes: Mapping[str, Any]) -> NetworkConfig:
    """Those of the bundled network, changed; see `Trainable.sizes`."""
    return NetworkConfig.from_dict(merged(COMPACT.to_dict(), changes))


def build(sizes: NetworkConfig) -> Generator:
    """With weight norm."""
    return Generator(sizes)


def draw(
    network: Generator, degraded: Tensor, cutoff_hz: Tensor, noise: Tensor | None, autocast: torch.autocast
) -> tuple[Tensor, ...]:
    """One pass, rendered with each draw of the noise; see `Trainable.draw`."""
    features = network.featurize(degraded, cutoff_hz)
    pulses = network.regenerate(degraded, cutoff_hz)
    with autocast:
        drawn = network.head.draw(network.latent(features))
    drawn = drawn.float()
    return tuple(network.head.render(drawn, each, pulses) for each in ((None,) if noise is None else noise))


def start_from(network: Generator, source: Generator) -> None:
    """Begins with the weights of a frozen generator of the same sizes.

    What has no weights of its own, like the kind of noise, may differ, and the last layer may have more outputs.

    Raises:
        UsageError: its sizes are not those of this network.
    """
    with torch.device("meta"):
        wanted = Generator(network.config, normed=False).state_dict()
    outputs = source.head.leave.out_channels
    if _shapes(wanted, outputs) != _shapes(source.state_dict(), outputs):
        raise UsageError("the model to start from has other sizes than this run", hint="copy its sizes to [network]")
    unfold(network, source)


def _shapes(state: dict[str, Tensor], outputs: int) -> dict[str, torch.Size]:
    """Of all weights; of the last layer no more than so many outputs."""
    return {
        name: tensor[:outputs].shape if name.startswith("head.leave.") else tensor.shape
        for name, tensor in state.items()
    }
