"""From a training state to a frozen checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from hifisr_cli.audio.resample import RESAMPLER_ID
from hifisr_cli.checkpoints.frozen import FrozenInfo, freeze
from hifisr_cli.nets.config import NetworkConfig
from hifisr_cli.nets.generator import Generator

_AVERAGED_PREFIX = "module."


def freeze_state(state_path: Path, path: Path, *, name: str, licence: str) -> FrozenInfo:
    """Freezes the averaged weights of a training state, weight norm folded, stored as float16."""
    state: dict[str, Any] = torch.load(state_path, map_location="cpu", weights_only=True)
    generator = Generator(NetworkConfig.from_dict(state["network"]))
    averaged = {
        key.removeprefix(_AVERAGED_PREFIX): value
        for key, value in state["averaged"].items()
        if key.startswith(_AVERAGED_PREFIX)
    }
    generator.load_state_dict(averaged)
    training = f"{state['step']} steps in {state['seconds'] / 60:.0f} minutes"
    return freeze(generator, path, name=name, training=training, licence=licence, resampler=RESAMPLER_ID)
