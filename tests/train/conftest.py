"""Three synthetic voices, and a run over them that is small enough for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hifisr_cli.degrade.noise_floors import Floor, own_floor
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.data import Batches
from hifisr_cli.train.loop import Trainer
from tests.restore.conftest import TINY

CONFIG = TrainConfig(network=TINY, steps=12, batch_size=2, crop_seconds=0.3, warmup_steps=2, save_every=100)


@pytest.fixture
def clips(speech_like: Callable[..., np.ndarray]) -> list[Clip]:
    samples = [np.rint(speech_like(1.5, seed=seed)[0] * 32_767).astype(np.int16) for seed in range(3)]
    floors = [Floor(own_floor(samples[0] / np.float32(32_767)), 0.85), None, None]
    return [Clip(f"voice-{i}.wav", f"{i}", samples[i], 1.0, 24_000.0, 24_000.0, floors[i]) for i in range(3)]


def trainer(clips: list[Clip], folder: Path) -> Trainer:
    return Trainer(CONFIG, Batches(clips, CONFIG), folder)
