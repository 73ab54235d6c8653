"""The engine: windows through the network in batches, low-band replacement, cores joined again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hifisr_cli.dsp.crossover import reach, replace_low_band
from hifisr_cli.dsp.noise import positional_noise
from hifisr_cli.restore.chunks import ChunkPlan, Window, windows
from hifisr_cli.results import SAMPLE_RATE

Wave = NDArray[np.float32]


class Network(Protocol):
    """What the engine needs of a model (`restore.model.Model`, or a stand-in in tests)."""

    @property
    def device(self) -> torch.device: ...

    @property
    def hop(self) -> int: ...

    @property
    def context(self) -> int: ...

    def generate(self, waves: Tensor, cutoff_hz: float, noise: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """A stretch of finished output and the resampled input at the same place, both [C, T] at 48 kHz."""

    output: Wave
    original: Wave


def restore_blocks(
    blocks: Iterable[Wave],
    network: Network,
    *,
    cutoff_hz: float,
    gain: float,
    chunk_seconds: float,
    batch_size: int = 1,
) -> Iterator[Restored]:
    """Restores blocks [C, T] at 48 kHz of any length, in constant memory; as many samples come out as went in.

    Args:
        cutoff_hz: upper edge of the content.
        gain: brings the recording to the network's level; undone after it.
        chunk_seconds: length of the cores. It changes memory and speed, not the output.
        batch_size: windows (a channel of a chunk each) in one pass of the network.
    """
    plan = ChunkPlan.fit(chunk_seconds, network.context + reach(cutoff_hz), network.hop, SAMPLE_RATE)
    for group in _batched(windows(blocks, plan), batch_size):
        stacked = torch.from_numpy(np.concatenate([window.samples for window in group]))
        noise = torch.from_numpy(np.concatenate([_noise(window) for window in group]))
        parts = zip(torch.split(stacked, batch_size), torch.split(noise, batch_size), strict=True)
        finished = torch.cat([_restore(*part, network, cutoff_hz, gain) for part in parts]).numpy()
        row = 0
        for window in group:
            channels = window.samples.shape[0]
            core = slice(plan.context, plan.context + window.length)
            yield Restored(finished[row : row + channels, core], window.samples[:, core])
            row += channels


def _noise(window: Window) -> Wave:
    """The noise at the window's place, the same in every channel so that equal channels stay equal: [C, T]."""
    channels, length = window.samples.shape
    return np.broadcast_to(positional_noise(window.start, length), (channels, length))


def _restore(samples: Tensor, noise: Tensor, network: Network, cutoff_hz: float, gain: float) -> Tensor:
    """[B, T], [B, T] -> [B, T] on the CPU."""
    on_device = samples.to(network.device)
    with torch.inference_mode():
        generated = network.generate(on_device * gain, cutoff_hz, noise.to(network.device)) / gain
        return replace_low_band(generated, on_device, cutoff_hz).cpu()


def _batched(stream: Iterator[Window], batch_size: int) -> Iterator[list[Window]]:
    """Groups windows of equal size until a batch is full."""
    for _, same in groupby(stream, key=lambda window: window.samples.shape):
        group: list[Window] = []
        for window in same:
            group.append(window)
            if len(group) * window.samples.shape[0] >= batch_size:
                yield group
                group = []
        if group:
            yield group
