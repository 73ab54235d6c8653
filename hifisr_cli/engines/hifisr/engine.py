"""A loaded model: network, device, precision."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hifisr_cli.checkpoints.registry import find_model
from hifisr_cli.errors import DeviceError, UsageError
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.system.machine import cores

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hifisr_cli.engines.hifisr.generator import Generator
    from hifisr_cli.engines.hifisr.threads import Workers

_MOST_ABREAST = 4
"""Each takes some 50 MB more."""

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model ready to run.

    Attributes:
        name: of the model.
        parameter_hash: SHA-256 of its parameters.
        device: where it runs.
        precision: what latent and head compute in; spectra and the crossover are always float32.
        limits: what it cannot do by its training, one line each.
        workers: threads for the windows of a batch, None where one window after the other is as fast.
    """

    name: str
    parameter_hash: str
    generator: Generator
    device: torch.device
    precision: Literal["float32", "bfloat16", "float16"]
    limits: tuple[str, ...] = ()
    workers: Workers | None = None

    @property
    def hop(self) -> int:
        """Samples per latent frame: chunks start on multiples of it."""
        return self.generator.hop

    @property
    def context(self) -> int:
        """Samples to either side that an output sample depends on."""
        return self.generator.context

    @property
    def trim(self) -> int:
        """Samples by which an output is shorter than its window at either end."""
        return self.generator.trim

    @property
    def crossfade(self) -> int:
        """Samples over which neighbouring windows are faded into each other; 0 where they agree by construction."""
        from hifisr_cli.restore.crossfade import fade_length

        return 0 if self._bounded else fade_length(self.hop, SAMPLE_RATE)

    @property
    def abreast(self) -> int:
        """Windows that a processor computes side by side: one for each core, of a small network at most four.

        Two windows on one core each take two thirds of the time of one window after the other on two cores.
        """
        if self.workers is None:
            return 1
        return min(self.workers.count, _MOST_ABREAST) if self._bounded else self.workers.count

    @property
    def _bounded(self) -> bool:
        """Its output does not depend on where a recording is cut, nor on the level of a whole window."""
        return self.generator.config.latent.context == "bounded"

    def generate(self, waves: Tensor, cutoff_hz: Tensor, noise: Tensor) -> Tensor:
        """Runs the network on windows at its own level, on the model's device.

        Shape: [B, T], cutoffs [B], white noise [B, T - 2 trim] -> [B, T - 2 trim].

        Raises:
            DeviceError: the device ran out of memory.
        """
        import torch

        from hifisr_cli.engines.hifisr.level_match import match_level

        def generated(waves: Tensor, cutoff_hz: Tensor, noise: Tensor) -> Tensor:
            with torch.inference_mode():
                features = self.generator.featurize(waves, cutoff_hz)
                pulses = self.generator.regenerate(waves, cutoff_hz, trimmed=True)
                with self._autocast():
                    wave = self.generator.synthesize(features, noise, pulses, trimmed=True).float()
                return wave if self._bounded else match_level(wave, waves, cutoff_hz)

        try:
            if self.device.type != "cpu" or len(waves) == 1:
                return generated(waves, cutoff_hz, noise)
            if self.workers is not None:
                return self.workers.map_rows(generated, waves, cutoff_hz, noise)
            # A processor gains nothing from batches, and so the company of a window cannot touch a bit of it.
            rows = zip(*(torch.split(each, 1) for each in (waves, cutoff_hz, noise)), strict=True)
            return torch.cat([generated(*row) for row in rows])
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.device} ran out of memory", hint="try a smaller --chunk-seconds or --batch-size"
            ) from error

    def _autocast(self) -> AbstractContextManager[object]:
        import torch

        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, getattr(torch, self.precision))


def load_model(
    name_or_path: str | None = None,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
) -> Model:
    """Loads a model once, for any number of recordings.

    Args:
        name_or_path: a registered name, a checkpoint file, or None for the default model.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto" is float32.
        threads: of the processor that the network may use; None takes the cores that this process may use.

    Raises:
        ModelError: unknown or damaged.
        DeviceError: no such device.
        UsageError: a precision that the device does not have.
    """
    path = find_model(name_or_path).path
    # Waiting threads that spin make a busy machine several times slower; must be set before torch loads OpenMP.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from hifisr_cli.checkpoints.frozen import load
    from hifisr_cli.engines.hifisr.accelerate import accelerate
    from hifisr_cli.engines.hifisr.fast_head import FastHead
    from hifisr_cli.engines.hifisr.threads import Workers

    chosen = _device(device)
    if precision == "float16" and chosen.type == "cpu":
        raise UsageError("float16 is not for the processor", hint="use --precision float32")
    if threads is not None or chosen.type == "cpu":
        torch.set_num_threads(threads or cores())
    generator, info = load(path)
    workers: Workers | None = None
    if chosen.type == "cpu" and precision in ("auto", "float32"):
        head = accelerate(generator).head
        if isinstance(head, FastHead) and torch.get_num_threads() > 1:
            workers = Workers(torch.get_num_threads(), head.interrupt)
    return Model(
        name=info.name,
        parameter_hash=info.parameter_hash,
        generator=generator.to(chosen),
        device=chosen,
        precision="float32" if precision == "auto" else precision,
        limits=info.limits,
        workers=workers,
    )


def _device(name: str) -> torch.device:
    import torch

    has_cuda = torch.cuda.is_available()
    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "mps" if has_mps else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}", hint="auto, cpu, cuda, cuda:N or mps") from error
    there = {"cpu": True, "cuda": has_cuda, "mps": has_mps}.get(device.type, False)
    if device.type == "cuda" and there and (device.index or 0) >= torch.cuda.device_count():
        there = False
    if not there:
        raise DeviceError(f"no such device here: {name}", hint="use --device auto or --device cpu")
    return device
