"""The training loop: steps, averaged weights, validation, states that survive interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hifisr_cli.dsp.crossover import replace_low_band
from hifisr_cli.engines.training import Trainable, trainable
from hifisr_cli.engines.upsampler import Upsampler
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.critics import Critics
from hifisr_cli.train.data import Batch, Batches
from hifisr_cli.train.distributed import average_gradients_of, is_first
from hifisr_cli.train.losses import energy_distance, squared_error, within
from hifisr_cli.train.optimise import computing_in, descend, optimizer, set_rate

STATE_NAME = "last.pt"
BEST_NAME = "best.pt"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step came to: the losses by name, and the validation LSD when it was measured."""

    step: int
    losses: dict[str, float]
    seconds: float
    validation: dict[str, float] | None = None


class Drawing(nn.Module):
    """A network as training runs it: see `Trainable.draw`."""

    def __init__(self, engine: Trainable, network: Upsampler, precision: str) -> None:
        super().__init__()
        self.engine = engine
        self.network = network
        self.precision = precision

    def forward(self, degraded: Tensor, cutoff_hz: Tensor, noise: Tensor | None) -> tuple[Tensor, ...]:
        autocast = computing_in(self.precision, degraded.device)
        return self.engine.draw(self.network, degraded, cutoff_hz, noise, autocast)


class Trainer:
    """Generator, averaged generator, discriminators, optimisers and step counter, with one `step` at a time.

    Args:
        validate: takes the averaged generator and returns figures by name; "score" decides which state is best
            (lower is better).
        generator: to be trained instead of a new one of the configured sizes.
    """

    def __init__(
        self,
        config: TrainConfig,
        batches: Batches,
        output: Path,
        *,
        device: str = "cpu",
        validate: Callable[[Upsampler], dict[str, float]] | None = None,
        generator: Upsampler | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.batches = batches
        self.output = output
        self.device = torch.device(device)
        self.validate = validate
        self.engine = trainable(config.engine)
        self.generator = (self.engine.build(config.network) if generator is None else generator).to(self.device)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.generator,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema_decay),  # type: ignore[no-untyped-call]  # untyped in torch
        )
        self.optimizer = optimizer(self.generator, config.learning_rate)
        self.critics = Critics(config, self.device) if config.discriminators else None
        self._drawing = average_gradients_of(Drawing(self.engine, self.generator, config.precision))
        self.step_index = 0
        self.trained_seconds = 0.0
        self.best = math.inf

    @property
    def average(self) -> Upsampler:
        """The generator with averaged weights."""
        module = self.averaged.module
        if not isinstance(module, Upsampler):
            raise TypeError("the averaged model lost its type")
        return module

    def step(self, batch: Batch | None = None) -> StepReport:
        """One optimiser step on the batch of this index (made here if it is None); validates and saves when due."""
        started = time.monotonic()
        config = self.config
        self._set_rates()
        batch = _to(self.batches[self.step_index] if batch is None else batch, self.device)
        self.generator.train()
        count = self.engine.DRAWS
        noise = self.batches.noise(self.step_index, count, calm=self.generator.calm).to(self.device) if count else None
        draws = tuple(_finish(each, batch) for each in self._drawing(batch.degraded, batch.cutoff_hz, noise))
        target = batch.target * batch.inside
        losses: dict[str, Tensor] = {}
        if config.weights["mel"] or config.weights["lsd"]:
            losses |= energy_distance(draws, target, batch.bandwidth_hz, config.repulsion)
        if config.weights["squared"]:
            losses["squared"] = squared_error(draws, _finish(batch.target, batch), batch.bandwidth_hz)
        figures: dict[str, float] = {}
        if self.critics is not None and self.step_index >= config.adversarial_from:
            real, fake = (within(wave, batch.bandwidth_hz) for wave in (target, draws[0]))
            figures["discriminators"] = self.critics.learn(real, fake.detach())
            losses |= self.critics.judge(real, fake)
        total = sum((config.weights[name] * loss for name, loss in losses.items()), torch.zeros((), device=self.device))
        figures |= {name: float(loss.detach()) for name, loss in losses.items()}
        figures["norm"] = descend(total, self.generator, self.optimizer, config.clip_norm)
        if math.isfinite(figures["norm"]):
            self.averaged.update_parameters(self.generator)
        self.step_index += 1
        self.trained_seconds += time.monotonic() - started
        return StepReport(self.step_index, figures, time.monotonic() - started, self._look_and_save())

    def _set_rates(self) -> None:
        """Generator and discriminators follow the same schedule."""
        share = learning_rate(self.config, self.step_index) / self.config.learning_rate
        set_rate(self.optimizer, share * self.config.learning_rate)
        if self.critics is not None:
            set_rate(self.critics.optimizer, share * self.config.discriminator_rate)

    def _look_and_save(self) -> dict[str, float] | None:
        """Validation and states, where they are due; one of several processes does it for all."""
        if not is_first():
            return None
        found = None
        if self.validate is not None and self._due(self.config.validate_every):
            found = self.validate(self.average)
            if found["score"] < self.best:
                self.best = found["score"]
                self.save(BEST_NAME)
        if self._due(self.config.save_every):
            self.save(STATE_NAME)
        return found

    def _due(self, every: int) -> bool:
        return self.step_index % every == 0 or self.step_index == self.config.steps

    def save(self, name: str = STATE_NAME) -> Path:
        """Writes the whole state atomically; returns its path."""
        self.output.mkdir(parents=True, exist_ok=True)
        target = self.output / name
        part = target.with_suffix(".part")
        state = {
            "engine": self.config.engine,
            "network": self.config.network.to_dict(),
            "generator": self.generator.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step_index,
            "seconds": self.trained_seconds,
            "best": self.best,
        }
        if self.critics is not None:
            state["critics"] = self.critics.state()
        torch.save(state, part)
        part.replace(target)
        return target

    def start_from_model(self, checkpoint: Path) -> None:
        """Begins with the weights of a frozen checkpoint; see `start_from`. Raises ModelError: it cannot be read."""
        self.start_from(self.engine.load(checkpoint))

    def start_from(self, source: Upsampler) -> None:
        """Begins with the weights of a frozen network instead of random ones; see `Trainable.start_from`."""
        for mine in (self.generator, self.average):
            self.engine.start_from(mine, source)

    def resume(self, path: Path) -> None:
        """Goes on from a saved state, bit for bit on the CPU. A state without discriminators starts them afresh."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.generator.load_state_dict(state["generator"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.critics is not None and "critics" in state:
            self.critics.restore(state["critics"])
        self.step_index = int(state["step"])
        self.trained_seconds = float(state["seconds"])
        self.best = float(state["best"])


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then cosine decay to `final_rate` of the peak at the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = min((step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1), 1.0)
    return config.learning_rate * (config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * done)))


def _finish(generated: Tensor, batch: Batch) -> Tensor:
    """Low-band replacement of each item at the cutoff that the network was told: what a listener would get, [B, T]."""
    rows = [
        replace_low_band(row, original, round(float(cutoff)))
        for row, original, cutoff in zip(generated, batch.degraded, batch.cutoff_hz, strict=True)
    ]
    return torch.stack(rows) * batch.inside


def _to(batch: Batch, device: torch.device) -> Batch:
    if device.type == "cpu":
        return batch
    return Batch(*(getattr(batch, name).to(device, non_blocking=True) for name in Batch.__slots__))
