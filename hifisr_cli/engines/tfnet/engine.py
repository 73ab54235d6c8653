"""TFNet as an engine: its patches, its level, its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hifisr_cli.checkpoints.frozen import FrozenInfo
from hifisr_cli.engines.protocol import Geometry, Identity, WindowBatch
from hifisr_cli.engines.tfnet.config import TfnetConfig
from hifisr_cli.errors import ModelError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hifisr_cli.engines.tfnet.network import Tfnet

_GPU_LANES = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """What this engine can be asked for: nothing."""


@dataclass(slots=True, eq=False)
class TfnetEngine:
    """A network ready to run.

    Attributes:
        geometry: cuts fall on the grid of the patches; half a patch to either side is context.
        level_rms: what it was trained at.
        lanes: one on a processor, which gains nothing from batches.
    """

    identity: Identity
    network: Tfnet
    device: torch.device
    geometry: Geometry = field(init=False)
    level_rms: float = field(init=False)
    lanes: int = field(init=False)

    def __post_init__(self) -> None:
        from hifisr_cli.dsp.level import NOMINAL_RMS

        self.level_rms = NOMINAL_RMS
        hop = self.network.hop
        self.geometry = Geometry(hop, hop, hop)
        self.lanes = 1 if self.device.type == "cpu" else _GPU_LANES

    def generate(self, windows: WindowBatch) -> Tensor:
        """[B, T] -> [B, T - 2 trim]; see `Engine.generate`."""
        import torch

        from hifisr_cli.engines.tfnet.patches import cross_faded, patches_of

        patches = patches_of(windows.waves, self.network.config.patch)
        # Where the cutoff changes within a patch the lower one holds: what is too much of it is left out again.
        cutoffs = torch.minimum(windows.cutoff_hz[:, :-1], windows.cutoff_hz[:, 1:])
        rows, each = patches.flatten(0, 1), cutoffs.flatten()
        with torch.inference_mode(), self._autocast():
            if self.device.type == "cpu":
                # One by one, because the rounding of a convolution may follow from how many are computed together.
                parts = zip(torch.split(rows, 1), torch.split(each, 1), strict=True)
                made = torch.cat([self.network.of_patches(*part) for part in parts])
            else:
                made = self.network.of_patches(rows, each)
            return cross_faded(made.float().reshape(patches.shape))

    def _autocast(self) -> torch.autocast:
        import torch

        precision = self.identity.precision
        kind = torch.bfloat16 if precision == "float32" else getattr(torch, precision)
        return torch.autocast(self.device.type, kind, enabled=precision != "float32")


def check_config(config: Mapping[str, Any]) -> None:
    """Raises ConfigError or TypeError: sizes that do not fit together, or unknown keys."""
    TfnetConfig.from_dict(config)


def gains_from_bfloat16(config: Mapping[str, Any]) -> bool:  # noqa: ARG001  of the protocol
    """Not measured, so no."""
    return False


def is_slow(config: Mapping[str, Any]) -> bool:  # noqa: ARG001  no size is
    """It is not."""
    return False


def load(path: Path, info: FrozenInfo, identity: Identity, device: torch.device) -> TfnetEngine:
    """Builds the network of a frozen checkpoint; see `EngineModule.load`."""
    from hifisr_cli.engines.tfnet.network import load_network

    return TfnetEngine(identity, load_network(path, info).to(device), device)


def recognises(paths: list[Path]) -> bool:  # noqa: ARG001  of the protocol
    """None: the authors published no weights."""
    return False


def import_weights(paths: list[Path], output: Path, **_: object) -> NoReturn:  # noqa: ARG001  of the protocol
    """Raises ModelError: the authors published none."""
    raise ModelError("there are no published weights of TFNet to import", hint="train one: hifisr train")
