"""TFNet in training; see `engines.training`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hifisr_cli.engines.sizes import merged
from hifisr_cli.engines.tfnet.config import TfnetConfig
from hifisr_cli.engines.tfnet.network import Tfnet, freeze
from hifisr_cli.engines.tfnet.network import load_network as load
from hifisr_cli.errors import UsageError

__all__ = ["DRAWS", "build", "draw", "freeze", "load", "sizes", "start_from"]

DRAWS = 0


def sizes(changes: Mapping[str, Any]) -> TfnetConfig:
    """Those of the bundled network, changed; see `Trainable.sizes`."""
    return TfnetConfig.from_dict(merged(TfnetConfig().to_dict(), changes))


def build(sizes: TfnetConfig) -> Tfnet:
    """With random weights."""
    return Tfnet(sizes)


def draw(
    network: Tfnet,
    degraded: Tensor,
    cutoff_hz: Tensor,
    noise: Tensor | None,  # noqa: ARG001  it shapes none
    autocast: torch.autocast,
) -> tuple[Tensor, ...]:
    """As in the paper, patches stand side by side: T is a multiple of the patch; see `Trainable.draw`.

    Raises:
        UsageError: crops that are not whole patches.
    """
    length = network.config.patch
    if degraded.shape[1] % length:
        raise UsageError(f"crops of {degraded.shape[1]} samples are not whole patches", hint="change crop_seconds")
    patches = degraded.reshape(-1, length)
    with autocast:
        made = network.of_patches(patches, cutoff_hz.repeat_interleave(len(patches) // len(degraded)))
    return (made.float().reshape(degraded.shape),)


def start_from(network: Tfnet, source: Tfnet) -> None:
    """Begins with the weights of another network of the same sizes. Raises UsageError: it has other sizes."""
    if network.config != source.config:
        raise UsageError("the model to start from has other sizes than this run", hint="copy its sizes to [network]")
    network.load_state_dict(source.state_dict())
