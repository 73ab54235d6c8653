"""TFNet through the common training loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hifisr_cli.engines.tfnet.config import TfnetConfig
from hifisr_cli.engines.tfnet.network import Tfnet, load_network
from hifisr_cli.engines.tfnet.training import draw, sizes, start_from
from hifisr_cli.errors import UsageError
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.data import Batches
from hifisr_cli.train.freeze import freeze_state
from hifisr_cli.train.loop import Trainer

SMALL = TfnetConfig(patch=1024, filters=(4, 8), taps=(9, 5))
CONFIG = TrainConfig(
    engine="tfnet",
    network=SMALL,
    steps=4,
    batch_size=2,
    crop_seconds=2 * 1024 / 48_000,
    warmup_steps=1,
    weights={"squared": 1000.0, "mel": 0.0, "lsd": 0.0},
)
FLOAT32 = torch.autocast("cpu", enabled=False)


@pytest.fixture
def trainer(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> Trainer:
    samples = np.rint(speech_like(1.5)[0] * 32_767).astype(np.int16)
    clips = [Clip("voice.wav", "one", samples, 1.0, 24_000.0, 24_000.0, None)]
    return Trainer(CONFIG, Batches(clips, CONFIG), tmp_path)


def test_its_own_loss_is_all_that_is_taken(trainer: Trainer) -> None:
    assert set(trainer.step().losses) == {"squared", "norm"}


def test_a_log_spectral_term_is_taken_where_it_counts(trainer: Trainer) -> None:
    trainer.config = replace(CONFIG, weights=CONFIG.weights | {"lsd": 1.0})
    assert set(trainer.step().losses) == {"squared", "mel", "lsd", "norm"}


def test_a_state_freezes_to_the_averaged_network(trainer: Trainer, tmp_path: Path) -> None:
    trainer.step()
    path = tmp_path / "model.safetensors"
    info = freeze_state(trainer.save(), path, name="t", licence="CC0-1.0", resampler="none", half=False)
    assert info.engine == "tfnet"
    wave, cutoff = 0.05 * torch.randn(1, 4 * 512), torch.tensor([4000.0])
    with torch.inference_mode():
        assert torch.equal(load_network(path)(wave, cutoff), trainer.average.eval()(wave, cutoff))
    other = Trainer(CONFIG, trainer.batches, tmp_path / "other")
    other.start_from_model(path)
    for name, weight in trainer.average.state_dict().items():
        assert torch.equal(other.generator.state_dict()[name], weight), name
    with pytest.raises(UsageError, match="other sizes"):
        start_from(Tfnet(replace(SMALL, filters=(4, 4))), trainer.average)


def test_patches_stand_side_by_side(trainer: Trainer) -> None:
    network, batch = trainer.generator, trainer.batches[0]
    assert isinstance(network, Tfnet)
    with torch.inference_mode():
        (made,) = draw(network, batch.degraded, batch.cutoff_hz, None, FLOAT32)
        second = network.of_patches(batch.degraded[:, 1024:], batch.cutoff_hz)
        assert torch.allclose(made[:, 1024:], second, atol=1e-6)
        with pytest.raises(UsageError, match="not whole patches"):
            draw(network, batch.degraded[:, 1:], batch.cutoff_hz, None, FLOAT32)


def test_sizes_are_changes_of_the_usual_ones() -> None:
    assert sizes({"branches": "time"}) == TfnetConfig(branches="time")
