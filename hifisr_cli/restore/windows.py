"""Windows: cutting an endless signal into context + core + context, and joining what became of the cores.

Everything is integer arithmetic on the 48 kHz grid. Outside a recording stands digital silence, or its mirror image
for networks that judge a window as a whole. So a network never sees an edge inside a core, and where it has a bounded
context neither the place of the cuts nor appended silence can change what comes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.errors import UsageError

CHUNK_SECONDS = 3.0
"""Longer chunks waste less on context and take more memory."""


def check_chunk_seconds(seconds: float) -> None:
    """Raises UsageError: not a length."""
    if not (math.isfinite(seconds) and seconds > 0.0):
        raise UsageError(f"chunks cannot be {seconds:g} seconds long", hint=f"the default is {CHUNK_SECONDS:g}")


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """How windows are cut.

    Attributes:
        core: samples that each window contributes.
        context: samples before and after the core.
        grain: samples that the last, shorter core is a multiple of, but for one as long as the others: more silence to
            compute, and fewer lengths of windows. With the length of the core every window has one length.
        outside: what stands in beyond the ends of a recording.
    """

    core: int
    context: int
    grain: int
    outside: Literal["silence", "mirror"] = "silence"


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One unit of inference: samples [C, context + core + context]; `length` samples of its core are wanted.

    `start` is the place of its first sample in the recording (negative before it).
    """

    samples: Wave
    length: int
    start: int
    context: int


def windows(blocks: Iterable[Wave], plan: ChunkPlan) -> Iterator[Window]:
    """Cuts blocks [C, T] of any length into windows, in constant memory.

    The cores, each cropped to its `length`, join to exactly the samples that came in. The last window is as short as
    the samples that are left and the plan's grain allow.
    """
    rest = iter(blocks)
    buffer = _beginning(rest, plan)
    if buffer is None:
        return
    start, context = -plan.context, plan.context
    size = plan.core + 2 * context
    while True:
        while buffer.shape[1] >= size:
            yield Window(buffer[:, :size], plan.core, start, context)
            buffer, start = buffer[:, plan.core :], start + plan.core
        block = next(rest, None)
        if block is None:
            break
        buffer = np.concatenate((buffer, block), axis=1)
    left = buffer.shape[1] - context
    while left > 0:
        length = min(left, plan.core)
        core = min(-(-length // plan.grain) * plan.grain, plan.core)
        window = buffer[:, : core + 2 * context]
        yield Window(_padded(window, 0, core + 2 * context - window.shape[1], plan), length, start, context)
        buffer, start = buffer[:, core:], start + core
        left -= length


def _beginning(blocks: Iterator[Wave], plan: ChunkPlan) -> Wave | None:
    """The first samples with what stands in before them; None where the recording is empty."""
    needed = plan.context if plan.outside == "mirror" else 0
    parts: list[Wave] = []
    for block in blocks:
        parts.append(block)
        if sum(part.shape[1] for part in parts) >= max(needed, 1):
            break
    if not sum(part.shape[1] for part in parts):
        return None
    samples = np.concatenate(parts, axis=1)
    before = _padded(samples[:, : max(plan.context, 1)], plan.context, 0, plan)[:, : plan.context]
    return np.concatenate((before, samples), axis=1)


def _padded(samples: Wave, before: int, after: int, plan: ChunkPlan) -> Wave:
    return np.pad(samples, ((0, 0), (before, after)), mode="symmetric" if plan.outside == "mirror" else "constant")


class Seam:
    """Joins what became of the windows of one recording, in their order. The fade is linear, its weights sum to 1:
    where two windows are both the input itself, as they are below the cutoff, nothing changes.

    Args:
        fade: samples over which neighbours are faded into each other.
    """

    def __init__(self, fade: int) -> None:
        self.fade = fade
        ramp = (np.arange(fade, dtype=np.float32) + 0.5) / max(fade, 1)
        self._rise = ramp
        self._tail: Wave | None = None

    def join(self, output: Wave, length: int) -> Wave:
        """The next window's core and `fade` samples more, [C, length + fade] -> the core, faded in: [C, length]."""
        core = output[:, :length]
        if self._tail is not None:
            n = min(self.fade, length)
            faded = self._tail[:, :n] + self._rise[:n] * (core[:, :n] - self._tail[:, :n])
            core = np.concatenate((faded, core[:, n:]), axis=1)
        self._tail = output[:, length : length + self.fade]
        return core
