"""A second engine in a few lines: what is just below the cutoff, copied up to above it (spectral-band replication).

Its module is all that an engine is. Tests put it into the table of `engines.load`, and nothing else has to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hifisr_cli.checkpoints.frozen import FrozenInfo, read_tensors, write
from hifisr_cli.engines.protocol import Geometry, Identity, WindowBatch

RATE, FRAME = 48_000, 1024
HOP = FRAME // 2


@dataclass(frozen=True)
class Settings:
    tilt_db: float = field(default=-6.0, metadata={"help": "gain of the copied band in decibels"})

    def __post_init__(self) -> None:
        if self.tilt_db > 0.0:
            raise ValueError("tilt_db must not be positive")


@dataclass(frozen=True, eq=False)
class Replicator:
    """Frames of a fixed grid, so that the place of a cut does not show."""

    identity: Identity
    window: Tensor
    device: torch.device
    geometry: Geometry = Geometry(grid=HOP, context=2 * HOP, trim=HOP)  # noqa: RUF009  frozen
    level_rms: float | None = None
    lanes: int = 3

    def generate(self, windows: WindowBatch) -> Tensor:
        spectra = torch.fft.rfft(windows.waves.unfold(1, FRAME, HOP) * self.window)
        places = torch.arange(spectra.shape[-1], device=self.device)
        edge = (windows.cutoff_hz * FRAME / RATE).long()[:, : spectra.shape[1], None]  # of each frame's first half
        source = torch.where(places < edge, places, edge - 1 - (places - edge) % edge.clamp(min=1))
        gain = 10.0 ** (self.identity.settings["tilt_db"] / 20.0)
        copied = spectra.gather(2, source.expand_as(spectra)) * torch.where(places < edge, 1.0, gain)
        frames = torch.fft.irfft(copied, FRAME) * self.window
        return (frames[:, :-1, HOP:] + frames[:, 1:, :HOP]).flatten(1)


def check_config(config: Mapping[str, Any]) -> None:
    if set(config) != {"frame"}:
        raise ValueError("the config is the length of a frame")


def gains_from_bfloat16(config: Mapping[str, Any]) -> bool:
    return False


def is_slow(config: Mapping[str, Any]) -> bool:
    return False


def load(path: Path, info: FrozenInfo, identity: Identity, device: torch.device) -> Replicator:
    return Replicator(identity, read_tensors(path, info)["window"].float().to(device), device)


def save(path: Path) -> FrozenInfo:
    """A frozen checkpoint of the second format."""
    window = torch.sin(torch.pi * (torch.arange(FRAME) + 0.5) / FRAME)
    info = FrozenInfo("replicator", "replicator", {"frame": FRAME}, "none", "CC0-1.0", "none")
    return write({"window": window}, info, path, half=False)
