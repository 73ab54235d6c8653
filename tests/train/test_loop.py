"""The recipe learns, and resumes bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hifisr_cli.engines.hifigan.head import fold_weight_norm
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.errors import UsageError
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.loop import learning_rate
from tests.restore.conftest import TINY
from tests.train.conftest import CONFIG, trainer


def test_resumed_equals_uninterrupted(clips: list[Clip], tmp_path: Path) -> None:
    straight = trainer(clips, tmp_path / "straight")
    for _ in range(6):
        straight.step()
    first = trainer(clips, tmp_path / "halves")
    for _ in range(3):
        first.step()
    state = first.save()
    second = trainer(clips, tmp_path / "halves")
    second.resume(state)
    for _ in range(3):
        second.step()
    for name, value in straight.averaged.state_dict().items():
        assert torch.equal(value, second.averaged.state_dict()[name]), name


def test_losses_sink(clips: list[Clip], tmp_path: Path) -> None:
    """On fresh batches, and on batches that were not trained on, which compare like with like."""
    run = trainer(clips[:1], tmp_path)

    def loss_of_others() -> float:
        twin = trainer(clips[:1], tmp_path)
        twin.generator.load_state_dict(run.generator.state_dict())
        return float(np.mean([twin.step(run.batches[1_000 + i]).losses["lsd"] for i in range(3)]))

    before = loss_of_others()
    for _ in range(CONFIG.steps):
        run.step()
    assert loss_of_others() < before


def test_starts_from_weights_of_the_same_sizes_whatever_the_excitation(clips: list[Clip], tmp_path: Path) -> None:
    other = Generator(replace(TINY, head=replace(TINY.head, flat_noise=False, voicing=0)), normed=False)
    run = trainer(clips, tmp_path)
    run.start_from(other)
    wave, cutoff = 0.1 * torch.randn(1, 9600), torch.tensor([4000.0])
    for name, weight in fold_weight_norm(run.average).state_dict().items():
        old = other.state_dict()[name]
        assert torch.allclose(weight[: old.shape[0]], old, atol=1e-6), name
        assert weight.shape == old.shape or name.startswith("head.leave"), name
    assert torch.allclose(run.average.eval()(wave, cutoff), other.eval()(wave, cutoff), atol=1e-5)
    larger = Generator(replace(TINY, head=replace(TINY.head, channels=48)), normed=False)
    with pytest.raises(UsageError, match="other sizes"):
        run.start_from(larger)


def test_goes_on_from_weights_with_a_channel_that_died(clips: list[Clip], tmp_path: Path) -> None:
    other = Generator(TINY, normed=False)
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if name in ("head.ups.0.weight", "head.enter.weight"):
                weight[3] = 0.0
    run = trainer(clips, tmp_path)
    run.start_from(other)
    report = run.step()
    assert all(np.isfinite(figure) for figure in report.losses.values())


def test_learning_rate_rises_and_falls() -> None:
    config = TrainConfig(steps=100, warmup_steps=10, learning_rate=1.0, final_rate=0.1)
    rates = [learning_rate(config, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.1)


def test_nothing_is_asked_outside_a_recording(clips: list[Clip], tmp_path: Path) -> None:
    one = trainer(clips, tmp_path / "one")
    batch = one.batches[0]
    batch.inside[:, :3_000] = 0.0
    batch.degraded[:, :3_000] = 0.0
    report = one.step(batch)
    other = trainer(clips, tmp_path / "other")
    batch.target[:, :3_000] = torch.randn(2, 3_000)
    assert other.step(batch).losses == report.losses
