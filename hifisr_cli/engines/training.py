"""What an engine's networks are to training: everything that the recipe knows of them.

An engine that can be trained has a module for it, beside the one that runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from hifisr_cli.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hifisr_cli.checkpoints.frozen import FrozenInfo
    from hifisr_cli.engines.upsampler import Upsampler

TRAINABLE = {"hifisr": "hifisr_cli.engines.hifisr.training", "tfnet": "hifisr_cli.engines.tfnet.training"}
"""Every engine whose networks can be trained, and the module for it."""


class NetworkSizes(Protocol):
    """The sizes of a network, frozen."""

    @property
    def architecture(self) -> str:
        """In a line."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Built-in types, ready for JSON or TOML."""
        ...


class Trainable(Protocol):
    """How an engine's networks are built, run in a step, and frozen. Each takes sizes and networks of its own only."""

    @property
    def DRAWS(self) -> int:  # noqa: N802  a constant
        """How many draws of the noise that a network shapes each step renders; 0: it shapes none."""
        ...

    def sizes(self, changes: Mapping[str, Any]) -> NetworkSizes:
        """The engine's usual sizes, changed. Raises ConfigError: unknown keys, or parts that do not fit."""
        ...

    def build(self, sizes: Any) -> Upsampler:
        """A network with random weights, ready to be trained."""
        ...

    def draw(
        self, network: Any, degraded: Tensor, cutoff_hz: Tensor, noise: Tensor | None, autocast: torch.autocast
    ) -> tuple[Tensor, ...]:
        """What a step makes of its inputs: [B, T], [B], [DRAWS, B, T] -> as many waveforms [B, T], at least one.

        Args:
            autocast: for the layers; spectra stay float32.
        """
        ...

    def load(self, path: Path) -> Upsampler:
        """The network of a frozen checkpoint. Raises ModelError: it cannot be read, or is of another engine."""
        ...

    def start_from(self, network: Any, source: Any) -> None:
        """Gives a network the weights of another, which `load` made. Raises UsageError: it has other sizes."""
        ...

    def freeze(
        self, network: Any, path: Path, *, name: str, training: str, licence: str, resampler: str, half: bool
    ) -> FrozenInfo:
        """Writes a network as a frozen checkpoint, float16 if `half`. It is not to be trained on after that.

        Raises:
            ModelError: a weight is too large for float16.
            OutputError: the file cannot be written.
        """
        ...


def trainable(engine: str) -> Trainable:
    """Raises UsageError: there is no such engine, or it cannot be trained."""
    if engine not in TRAINABLE:
        raise UsageError(f"no engine {engine!r} that can be trained", hint=f"those that can: {', '.join(TRAINABLE)}")
    return cast(Trainable, import_module(TRAINABLE[engine]))
