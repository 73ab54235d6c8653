"""A training run as frozen data, read from TOML; unknown keys are refused."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from hifisr_cli.errors import UsageError
from hifisr_cli.nets.config import COMPACT, ConfigError, NetworkConfig


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run.

    Attributes:
        network: the sizes of the network.
        steps, batch_size, crop_seconds: length of the run and of what it sees in a step.
        learning_rate, warmup_steps, final_rate: AdamW with linear warm-up and cosine decay to `final_rate` of the peak.
        ema_decay: of the averaged weights, which are what is validated and shipped.
        clip_norm: bound of the gradient norm.
        repulsion: how much two draws of the noise must differ, 1 for as much as two recordings do, 0 for not at all.
        weights: of the losses, keyed by the names that the log uses.
        sources: share of the crops drawn from folders whose path contains the key; the rest is drawn by duration.
        validate_every, save_every: in steps.
        seed: of data and initial weights; step n draws its data from (seed, n) alone, so a resumed run sees the same.
    """

    network: NetworkConfig = COMPACT
    steps: int = 10_000
    batch_size: int = 8
    crop_seconds: float = 1.0
    learning_rate: float = 6e-4
    warmup_steps: int = 200
    final_rate: float = 0.02
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    repulsion: float = 1.0
    weights: dict[str, float] = field(default_factory=lambda: {"mel": 1.0, "lsd": 1.0})
    sources: dict[str, float] = field(default_factory=dict)
    validate_every: int = 500
    save_every: int = 100
    seed: int = 1

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Raises `UsageError` on unknown keys or a network that does not fit together."""
        unknown = set(data) - {f.name for f in fields(cls)}
        if unknown:
            raise UsageError(f"unknown keys in the training configuration: {', '.join(sorted(unknown))}")
        values = dict(data)
        if "network" in values:
            try:
                values["network"] = NetworkConfig.from_dict(_merged(COMPACT.to_dict(), values["network"]))
            except ConfigError as error:
                raise UsageError(f"network: {error}") from error
        return cls(**values)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `UsageError` when the file cannot be read as TOML."""
        try:
            data = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"not a training configuration: {error}", path=path) from error
        return cls.from_dict(data)


def _merged(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `overlay`, section by section."""
    return {
        **base,
        **{k: {**base[k], **v} if isinstance(v, dict) and k in base else v for k, v in overlay.items()},
    }
