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
from hifisr_cli.errors import UsageError
from hifisr_cli.nets.generator import Generator
from hifisr_cli.nets.hifigan import unfold
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.data import Batch, Batches
from hifisr_cli.train.losses import energy_distance

STATE_NAME = "last.pt"
BEST_NAME = "best.pt"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step came to: the losses by name, and the validation LSD when it was measured."""

    step: int
    losses: dict[str, float]
    seconds: float
    validation: dict[str, float] | None = None


class Trainer:
    """Generator, averaged generator, optimiser and step counter, with one `step` at a time.

    Args:
        validate: takes the averaged generator and returns figures by name; "score" decides which state is best
            (lower is better).
    """

    def __init__(
        self,
        config: TrainConfig,
        batches: Batches,
        output: Path,
        *,
        device: str = "cpu",
        validate: Callable[[Generator], dict[str, float]] | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.batches = batches
        self.output = output
        self.device = torch.device(device)
        self.validate = validate
        self.generator = Generator(config.network).to(self.device)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.generator,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.ema_decay),  # type: ignore[no-untyped-call]  # untyped in torch
        )
        self.optimizer = torch.optim.AdamW(
            _decay_groups(self.generator), lr=config.learning_rate, betas=(0.8, 0.99), eps=1e-8
        )
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

    def step(self) -> StepReport:
        """One optimiser step on the batch of this index; validates and saves when they are due."""
        started = time.monotonic()
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, self.step_index)
        batch = _to(self.batches[self.step_index], self.device)
        self.generator.train()
        drawn = self.generator.draw(batch.degraded, batch.cutoff_hz)
        noise = torch.randn(2, *batch.target.shape, generator=self._noise_source(), device="cpu").to(self.device)
        draws = (
            _finish(self.generator.head.render(drawn, noise[0]), batch),
            _finish(self.generator.head.render(drawn, noise[1]), batch),
        )
        losses = energy_distance(draws, batch.target, batch.bandwidth_hz, config.repulsion)
        total = sum((config.weights.get(name, 0.0) * loss for name, loss in losses.items()), torch.zeros(()))
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        norm = nn.utils.clip_grad_norm_(self.generator.parameters(), config.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.averaged.update_parameters(self.generator)
        self.step_index += 1
        self.trained_seconds += time.monotonic() - started
        figures = {name: float(loss.detach()) for name, loss in losses.items()} | {"norm": float(norm)}
        validation = None
        if self.validate is not None and self._due(config.validate_every):
            validation = self.validate(self.average)
            if validation["score"] < self.best:
                self.best = validation["score"]
                self.save(BEST_NAME)
        if self._due(config.save_every):
            self.save(STATE_NAME)
        return StepReport(self.step_index, figures, time.monotonic() - started, validation)

    def _noise_source(self) -> torch.Generator:
        """Like the data, the noise of a step depends on the seed and the step alone."""
        return torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step_index)

    def _due(self, every: int) -> bool:
        return self.step_index % every == 0 or self.step_index == self.config.steps

    def save(self, name: str = STATE_NAME) -> Path:
        """Writes the whole state atomically; returns its path."""
        self.output.mkdir(parents=True, exist_ok=True)
        target = self.output / name
        part = target.with_suffix(".part")
        torch.save(
            {
                "network": self.config.network.to_dict(),
                "generator": self.generator.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step_index,
                "seconds": self.trained_seconds,
                "best": self.best,
            },
            part,
        )
        part.replace(target)
        return target

    def start_from(self, generator: Generator) -> None:
        """Begins with the weights of a frozen generator of the same shape, instead of random ones.

        Raises:
            UsageError: its sizes are not those of this run.
        """
        if generator.config != self.config.network:
            raise UsageError("the model to start from has other sizes than this run", hint="copy its sizes to [network]")
        for mine in (self.generator, self.average):
            unfold(mine, generator)

    def resume(self, path: Path) -> None:
        """Goes on from a saved state, bit for bit on the CPU."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.generator.load_state_dict(state["generator"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step_index = int(state["step"])
        self.trained_seconds = float(state["seconds"])
        self.best = float(state["best"])


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then cosine decay to `final_rate` of the peak at the last step."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    done = min((step - config.warmup_steps) / max(config.steps - config.warmup_steps, 1), 1.0)
    return config.learning_rate * (config.final_rate + (1 - config.final_rate) * 0.5 * (1 + math.cos(math.pi * done)))


def _decay_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only: not for gains, biases and Snake frequencies."""
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    gains = [p for name, p in named if p.ndim < 2 or name.endswith(("original0", "alpha"))]
    chosen = {id(p) for p in gains}
    return [
        {"params": [p for _, p in named if id(p) not in chosen], "weight_decay": 0.01},
        {"params": gains, "weight_decay": 0.0},
    ]


def _finish(generated: Tensor, batch: Batch) -> Tensor:
    """Low-band replacement of each item at the cutoff that the network was told: what a listener would get."""
    rows = [
        replace_low_band(row, original, round(float(cutoff)))
        for row, original, cutoff in zip(generated, batch.degraded, batch.cutoff_hz, strict=True)
    ]
    return torch.stack(rows)


def _to(batch: Batch, device: torch.device) -> Batch:
    if device.type == "cpu":
        return batch
    return Batch(*(getattr(batch, name).to(device, non_blocking=True) for name in Batch.__slots__))
