"""Windows through an engine in batches, the added layer, cores joined again.

A window of one recording does not know which windows of which recordings share its batch: `compute` takes any mixture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from hifisr_cli.arrays import Wave
from hifisr_cli.dsp.added_layer import MARGIN, added_layer
from hifisr_cli.dsp.crossover import above_edge, reach
from hifisr_cli.engines.protocol import Engine, WindowBatch
from hifisr_cli.errors import DeviceError
from hifisr_cli.restore.course import Piece
from hifisr_cli.restore.survey import Restoration
from hifisr_cli.restore.windows import CHUNK_SECONDS, ChunkPlan, Seam, Window, check_chunk_seconds, windows
from hifisr_cli.results import LEAST_CROSSOVER_HZ, SAMPLE_RATE

_GRAIN_SECONDS = 0.5
"""Where batches are worth it, short recordings of any length are given a few lengths, so that they can share them."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowTask:
    """A window to restore, what is known of its recording, and the seam that joins it to the window before.

    There is one seam for each recording, None for engines whose windows need none. `on_progress` is told what share of
    the tasks that it came with is done.
    """

    window: Window
    restoration: Restoration
    seam: Seam | None = None
    on_progress: Callable[[float], None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """A stretch of finished output and the resampled input at the same place, both [C, T] at 48 kHz.

    Attributes:
        seconds: its share of the time that the engine took.
    """

    output: Wave
    original: Wave
    seconds: float = 0.0


def plan_for(engine: Engine, restoration: Restoration, chunk_seconds: float) -> ChunkPlan:
    """How a recording is cut for this engine: in cores of about `chunk_seconds`, unless it has a length of its own.

    Raises:
        UsageError: see `check_chunk_seconds`.
    """
    geometry = engine.geometry
    if geometry.core is not None:
        return ChunkPlan(geometry.core, geometry.context, geometry.core, geometry.outside)
    check_chunk_seconds(chunk_seconds)
    grid = geometry.grid
    core = max(round(chunk_seconds * SAMPLE_RATE / grid), 1) * grid
    context = geometry.context + _layer_reach(restoration)
    grain = grid if engine.device.type == "cpu" else max(round(_GRAIN_SECONDS * SAMPLE_RATE / grid), 1) * grid
    return ChunkPlan(core, -(-context // grid) * grid, grain, geometry.outside)


def tasks(
    blocks: Iterable[Wave],
    engine: Engine,
    restoration: Restoration,
    *,
    chunk_seconds: float = CHUNK_SECONDS,
    batch_size: int | None = None,
    on_samples: Callable[[float], None] | None = None,
) -> Iterator[list[WindowTask]]:
    """A recording in blocks [C, T] at 48 kHz as tasks, in lists that fill a batch, in constant memory.

    Args:
        chunk_seconds: length of the cores, where the engine has none of its own. It changes memory and speed, not the
            output.
        batch_size: windows (a channel of a chunk each) that are computed together; None leaves it to the engine.
        on_samples: told how many samples of the latest list are as good as done, by engines that take long.
    """
    cut = windows(blocks, plan_for(engine, restoration, chunk_seconds))
    fade = engine.geometry.fade
    seam = Seam(fade) if fade else None
    for first in cut:
        several = -(-(batch_size or engine.lanes) // first.samples.shape[0])
        group = (first, *islice(cut, several - 1))
        told = None if on_samples is None else partial(_told, on_samples, sum(window.length for window in group))
        yield [WindowTask(window, restoration, seam, told) for window in group]


def _told(on_samples: Callable[[float], None], samples: int, share: float) -> None:
    on_samples(share * samples)


def restore_blocks(
    blocks: Iterable[Wave],
    engine: Engine,
    restoration: Restoration,
    *,
    chunk_seconds: float = CHUNK_SECONDS,
    batch_size: int | None = None,
) -> Iterator[Restored]:
    """Restores blocks [C, T] at 48 kHz of any length, in constant memory; as many samples come out as went in.

    The arguments are those of `tasks`.
    """
    for group in tasks(blocks, engine, restoration, chunk_seconds=chunk_seconds, batch_size=batch_size):
        yield from compute(group, engine, batch_size)


def compute(group: Sequence[WindowTask], engine: Engine, batch_size: int | None = None) -> list[Restored]:
    """Restores windows, of one recording or of several, each as if it were alone; in the order of `group`.

    Raises:
        DeviceError: the device ran out of memory.
    """
    geometry = engine.geometry
    finished: dict[int, Restored] = {}
    by_size: dict[int, list[int]] = {}
    for index, task in enumerate(group):
        by_size.setdefault(task.window.samples.shape[1], []).append(index)
    progress = _ShareDone(group)
    for indices in by_size.values():
        started = time.monotonic()
        rows = _rows([group[index] for index in indices], engine, batch_size or engine.lanes, progress)
        row_seconds = (time.monotonic() - started) / len(rows)
        for index in indices:
            window = group[index].window
            channels = window.samples.shape[0]
            restored, rows = rows[:channels], rows[channels:]
            core = slice(window.context, window.context + window.length)
            start = window.context - geometry.trim
            inner = slice(start, start + window.length + geometry.fade)
            finished[index] = Restored(restored[:, inner], window.samples[:, core], channels * row_seconds)
    return [_joined(finished[index], group[index]) for index in range(len(group))]


def _joined(restored: Restored, task: WindowTask) -> Restored:
    """With its beginning faded in over the end of the window before."""
    if task.seam is None:
        return restored
    return replace(restored, output=task.seam.join(restored.output, task.window.length))


def _layer_reach(restoration: Restoration) -> int:
    """Samples that the layer needs to either side; at most, where lines are still to come."""
    course = restoration.course
    if course.goes_on:
        return MARGIN + reach(1_000.0, 1_000.0 - LEAST_CROSSOVER_HZ)  # the narrower, the longer
    return max(
        (reach(line.cutoff_hz, line.kept_hz) + (0 if line.background is None else MARGIN) for line in course.lines),
        default=0,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A channel of a window, samples [T], and what it goes through."""

    samples: Tensor
    task: WindowTask
    pieces: list[Piece]

    @property
    def restores(self) -> bool:
        """Anything of it is restored."""
        return not self.task.restoration.keeps_low_band or any(piece.line.restores for piece in self.pieces)


class _ShareDone:
    """How much of the tasks of a group is done, for all who wait for some of them."""

    def __init__(self, group: Sequence[WindowTask]) -> None:
        self._listeners = {task.on_progress for task in group if task.on_progress is not None}
        self._rows = sum(task.window.samples.shape[0] for task in group)
        self._done = 0

    def tell(self, count: int, share: float) -> None:
        """This share of the next `count` rows is done."""
        for listener in self._listeners:
            listener((self._done + share * count) / self._rows)

    def finish(self, count: int) -> None:
        """So many rows are done."""
        self._done += count


def _rows(group: Sequence[WindowTask], engine: Engine, batch_size: int, progress: _ShareDone) -> Wave:
    """The channels of windows of equal size, one below the other: [B, T - 2 trim]."""
    trim = engine.geometry.trim
    rows = [
        _Row(torch.from_numpy(samples), task, task.restoration.course.pieces(channel, task.window.start, len(samples)))
        for task in group
        for channel, samples in enumerate(task.window.samples)
    ]
    wanted = [row for row in rows if row.restores]
    try:
        restored = [_restore(wanted[i : i + batch_size], engine, progress) for i in range(0, len(wanted), batch_size)]
    except torch.OutOfMemoryError as error:
        hint = "try a smaller --chunk-seconds or --batch-size"
        raise DeviceError(f"{engine.device} ran out of memory", hint=hint) from error
    done = iter(torch.cat(restored)) if restored else iter(())
    outputs = [next(done) if row.restores else row.samples[trim : len(row.samples) - trim] for row in rows]
    return np.asarray(torch.stack(outputs).numpy())


def _restore(rows: Sequence[_Row], engine: Engine, progress: _ShareDone) -> Tensor:
    """The rows' samples less `trim` at either end, restored: [B, T - 2 trim] on the CPU."""
    device, trim, grid = engine.device, engine.geometry.trim, engine.geometry.grid
    with torch.inference_mode():
        on_device = torch.stack([row.samples for row in rows]).to(device)
        gains = torch.tensor([row.task.restoration.gain for row in rows], device=device)[:, None]
        frames = on_device.shape[1] // grid
        cutoffs = torch.from_numpy(np.stack([_cutoffs(row, frames, grid) for row in rows])).to(device)
        starts = tuple(row.task.window.start for row in rows)
        sounds = tuple(row.task.restoration.sound for row in rows)
        batch = WindowBatch(on_device * gains, cutoffs, starts, sounds, partial(progress.tell, len(rows)))
        generated = engine.generate(batch) / gains
        progress.finish(len(rows))
        original = on_device[:, trim : on_device.shape[1] - trim]
        # Row by row: the same bytes for every batch size.
        return torch.stack([_joined_bands(*each, trim) for each in zip(generated, original, rows, strict=True)]).cpu()


def _cutoffs(row: _Row, frames: int, grid: int) -> Wave:
    """The cutoff in the middle of every frame, [F]."""
    middles = row.task.window.start + grid * np.arange(frames) + grid // 2
    stops = [piece.stop for piece in row.pieces[:-1]]
    every = np.array([piece.line.cutoff_hz for piece in row.pieces], np.float32)
    return np.asarray(every[np.searchsorted(stops, middles, "right")])


def _joined_bands(generated: Tensor, original: Tensor, row: _Row, trim: int) -> Tensor:
    """The original and the layers of all its lines: [T], [T] -> [T]."""
    if not row.task.restoration.keeps_low_band:
        return generated
    start, output = row.task.window.start + trim, original
    for piece in row.pieces:
        line = piece.line
        if not line.restores:
            continue
        if line.background is None:
            layer = generated - original
        else:
            background = torch.from_numpy(line.background).float().to(original.device)
            missing = None if line.missing is None else torch.from_numpy(line.missing).float().to(original.device)
            layer = added_layer(generated, original, background, missing, start=start, lowest_hz=line.kept_hz)
        layer = above_edge(layer, line.cutoff_hz, line.kept_hz)
        share = piece.share(start, len(original))
        output = output + (layer if share is None else layer * torch.from_numpy(share).to(layer.device))
    return output
