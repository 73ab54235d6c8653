"""The engine: windows through the network in batches, low-band replacement, cores joined again.

A window of one recording does not know which windows of which recordings share its batch: `compute` takes any mixture.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hifisr_cli.arrays import Wave
from hifisr_cli.dsp.crossover import reach, replace_low_band
from hifisr_cli.engines.hifisr.noise import positional_noise
from hifisr_cli.restore.crossfade import Seam, fixed_plan, fixed_windows
from hifisr_cli.restore.windows import ChunkPlan, Window, windows
from hifisr_cli.results import SAMPLE_RATE


class Network(Protocol):
    """What the engine needs of a model (`restore.model.Model`, or a stand-in in tests)."""

    @property
    def device(self) -> torch.device: ...

    @property
    def hop(self) -> int: ...

    @property
    def context(self) -> int:
        """Samples to either side of a core that a window must hold."""
        ...

    @property
    def trim(self) -> int:
        """Samples by which an output is shorter than its window at either end, at most `context`."""
        ...

    @property
    def crossfade(self) -> int:
        """Samples over which neighbouring windows are faded into each other; 0 where they agree by construction."""
        ...

    @property
    def abreast(self) -> int:
        """Windows that a processor computes side by side."""
        ...

    def generate(self, waves: Tensor, cutoff_hz: Tensor, noise: Tensor) -> Tensor:
        """[B, T], [B], [B, T - 2 trim] -> [B, T - 2 trim]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A window to restore: where its recording's content ends, and the gain to the network's level.

    `seam` joins it to the window before; one for each recording, None for networks whose windows need none.
    `kept_hz` is where the crossover begins, None for 0.9 of the cutoff.
    """

    window: Window
    cutoff_hz: float
    gain: float
    seam: Seam | None = None
    kept_hz: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """A stretch of finished output and the resampled input at the same place, both [C, T] at 48 kHz.

    Attributes:
        seconds: its share of the time that the network took.
    """

    output: Wave
    original: Wave
    seconds: float = 0.0


def default_batch(network: Network) -> int:
    """Windows in one pass: a GPU needs several, a processor as many as the network computes side by side."""
    return network.abreast if network.device.type == "cpu" else 8


_GRAIN_SECONDS = 0.5
"""Where batches are worth it, short recordings of any length are given a few lengths, so that they can share them."""


def plan_for(network: Network, cutoff_hz: float, chunk_seconds: float, kept_hz: float | None = None) -> ChunkPlan:
    """How a recording with this cutoff is cut for this network."""
    if network.crossfade:
        return fixed_plan(network.hop, SAMPLE_RATE)
    grain = 1 if network.device.type == "cpu" else max(round(_GRAIN_SECONDS * SAMPLE_RATE / network.hop), 1)
    context = network.context + reach(cutoff_hz, kept_hz)
    return ChunkPlan.fit(chunk_seconds, context, network.hop, SAMPLE_RATE, grain=grain)


def tasks(
    blocks: Iterable[Wave],
    network: Network,
    *,
    cutoff_hz: float,
    gain: float,
    chunk_seconds: float,
    batch_size: int = 1,
    kept_hz: float | None = None,
) -> Iterator[list[Task]]:
    """A recording in blocks [C, T] at 48 kHz as tasks, in lists that fill a batch, in constant memory.

    Args:
        cutoff_hz: upper edge of the content.
        gain: brings the recording to the network's level; undone after it.
        chunk_seconds: length of the cores. It changes memory and speed, not the output.
        batch_size: windows (a channel of a chunk each) in one pass of the network.
        kept_hz: where the crossover begins; None for 0.9 of the cutoff.
    """
    plan = plan_for(network, cutoff_hz, chunk_seconds, kept_hz)
    cut = fixed_windows(blocks, plan) if network.crossfade else windows(blocks, plan)
    seam = Seam(network.crossfade) if network.crossfade else None
    for first in cut:
        several = -(-batch_size // first.samples.shape[0])
        yield [Task(window, cutoff_hz, gain, seam, kept_hz) for window in (first, *islice(cut, several - 1))]


def restore_blocks(
    blocks: Iterable[Wave],
    network: Network,
    *,
    cutoff_hz: float,
    gain: float,
    chunk_seconds: float,
    batch_size: int = 1,
    kept_hz: float | None = None,
) -> Iterator[Restored]:
    """Restores blocks [C, T] at 48 kHz of any length, in constant memory; as many samples come out as went in.

    The arguments are those of `tasks`.
    """
    for group in tasks(
        blocks,
        network,
        cutoff_hz=cutoff_hz,
        gain=gain,
        chunk_seconds=chunk_seconds,
        batch_size=batch_size,
        kept_hz=kept_hz,
    ):
        yield from compute(group, network, batch_size)


def compute(group: Sequence[Task], network: Network, batch_size: int = 1) -> list[Restored]:
    """Restores windows, of one recording or of several, each as if it were alone; in the order of `group`."""
    finished: dict[int, Restored] = {}
    by_size: dict[int, list[int]] = {}
    for index, task in enumerate(group):
        by_size.setdefault(task.window.samples.shape[1], []).append(index)
    for indices in by_size.values():
        started = time.monotonic()
        rows = _rows([group[index] for index in indices], network, batch_size)
        row_seconds = (time.monotonic() - started) / len(rows)
        for index in indices:
            window = group[index].window
            channels = window.samples.shape[0]
            done, rows = rows[:channels], rows[channels:]
            core = slice(window.context, window.context + window.length)
            start = window.context - network.trim
            inner = slice(start, start + window.length + network.crossfade)
            finished[index] = Restored(done[:, inner], window.samples[:, core], channels * row_seconds)
    return [_joined(finished[index], group[index]) for index in range(len(group))]


def _joined(restored: Restored, task: Task) -> Restored:
    """With its beginning faded in over the end of the window before."""
    if task.seam is None:
        return restored
    return replace(restored, output=task.seam.join(restored.output, task.window.length))


def _rows(group: Sequence[Task], network: Network, batch_size: int) -> Wave:
    """The channels of windows of equal size, one below the other: [B, T - 2 trim]."""
    samples = torch.from_numpy(np.concatenate([task.window.samples for task in group]))
    noise = torch.from_numpy(np.concatenate([_noise(task.window, network.trim) for task in group]))
    owners = [task for task in group for _ in range(task.window.samples.shape[0])]
    done = [
        _restore(samples[i : i + batch_size], noise[i : i + batch_size], owners[i : i + batch_size], network)
        for i in range(0, len(owners), batch_size)
    ]
    return np.asarray(torch.cat(done).numpy())


def _noise(window: Window, trim: int) -> Wave:
    """The noise at the window's place, the same in every channel so that equal channels stay equal: [C, T - 2 trim]."""
    channels, length = window.samples.shape
    length -= 2 * trim
    return np.broadcast_to(positional_noise(window.start + trim, length), (channels, length))


def _restore(samples: Tensor, noise: Tensor, owners: Sequence[Task], network: Network) -> Tensor:
    """[B, T], [B, T - 2 trim] -> [B, T - 2 trim] on the CPU."""
    on_device = samples.to(network.device)
    gains = torch.tensor([task.gain for task in owners], device=network.device)[:, None]
    cutoffs = torch.tensor([task.cutoff_hz for task in owners], dtype=torch.float32, device=network.device)
    with torch.inference_mode():
        generated = network.generate(on_device * gains, cutoffs, noise.to(network.device)) / gains
        original = on_device[:, network.trim : on_device.shape[1] - network.trim]
        pairs = zip(generated, original, owners, strict=True)  # row by row: the same bytes for every batch size
        joined = [replace_low_band(row, kept, task.cutoff_hz, task.kept_hz) for row, kept, task in pairs]
        return torch.stack(joined).cpu()
