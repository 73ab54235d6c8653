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
from hifisr_cli.engines.hifisr.generator import Generator, load_generator
from hifisr_cli.engines.hifisr.hifigan import unfold
from hifisr_cli.errors import UsageError
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.critics import Critics, within
from hifisr_cli.train.data import Batch, Batches
from hifisr_cli.train.distributed import average_gradients_of, is_first
from hifisr_cli.train.losses import energy_distance
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


class TwoDraws(nn.Module):
    """The generator as training runs it: one pass, rendered with two draws of the noise.

    Shape: [B, T], [B], [2, B, T] -> two waveforms [B, T].
    """

    def __init__(self, generator: Generator, precision: str) -> None:
        super().__init__()
        self.generator = generator
        self.precision = precision

    def forward(self, degraded: Tensor, cutoff_hz: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        generator = self.generator
        features = generator.featurize(degraded, cutoff_hz)
        pulses = generator.regenerate(degraded, cutoff_hz)
        with computing_in(self.precision, degraded.device):
            drawn = generator.head.draw(generator.latent(features))
        drawn = drawn.float()
        return generator.head.render(drawn, noise[0], pulses), generator.head.render(drawn, noise[1], pulses)


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
        validate: Callable[[Generator], dict[str, float]] | None = None,
        generator: Generator | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.batches = batches
        self.output = output
        self.device = torch.device(device)
        self.validate = validate
        self.generator = (Generator(config.network) if generator is None else generator).to(self.device)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.generator,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema_decay),  # type: ignore[no-untyped-call]  # untyped in torch
        )
        self.optimizer = optimizer(self.generator, config.learning_rate)
        self.critics = Critics(config, self.device) if config.discriminators else None
        self._drawing = average_gradients_of(TwoDraws(self.generator, config.precision))
        self.step_index = 0
        self.trained_seconds = 0.0
        self.best = math.inf

    @property
    def average(self) -> Generator:
        """The generator with averaged weights."""
        module = self.averaged.module
        if not isinstance(module, Generator):
            raise TypeError("the averaged model lost its type")
        return module

    def step(self, batch: Batch | None = None) -> StepReport:
        """One optimiser step on the batch of this index (made here if it is None); validates and saves when due."""
        started = time.monotonic()
        config = self.config
        self._set_rates()
        batch = _to(self.batches[self.step_index] if batch is None else batch, self.device)
        self.generator.train()
        noise = self.batches.noise(self.step_index).to(self.device)
        first, second = self._drawing(batch.degraded, batch.cutoff_hz, noise)
        target = batch.target * batch.inside
        draws = (_finish(first, batch), _finish(second, batch))
        losses = energy_distance(draws, target, batch.bandwidth_hz, config.repulsion)
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
        self.start_from(load_generator(checkpoint))

    def start_from(self, generator: Generator) -> None:
        """Begins with the weights of a frozen generator of the same sizes, instead of random ones.

        What has no weights of its own, like the kind of noise, may differ, and the last layer may have more outputs.

        Raises:
            UsageError: its sizes are not those of this run.
        """
        with torch.device("meta"):
            wanted = Generator(self.config.network, normed=False).state_dict()
        outputs = generator.head.leave.out_channels
        if _sizes(wanted, outputs) != _sizes(generator.state_dict(), outputs):
            raise UsageError(
                "the model to start from has other sizes than this run", hint="copy its sizes to [network]"
            )
        for mine in (self.generator, self.average):
            unfold(mine, generator)

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


def _sizes(state: dict[str, Tensor], outputs: int) -> dict[str, torch.Size]:
    """Shapes of all weights; of the last layer no more than so many outputs."""
    return {
        name: tensor[:outputs].shape if name.startswith("head.leave.") else tensor.shape
        for name, tensor in state.items()
    }


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
