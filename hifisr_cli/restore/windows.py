"""Chunks: cutting an endless signal into windows of context + core + context.

Everything is integer arithmetic on the 48 kHz grid. Outside the recording there is digital silence, so the network
never sees an edge inside a core, and neither the place of the cuts nor silence appended to a recording can change what
comes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
        core: samples that each window contributes, a multiple of `hop`.
        context: samples before and after the core, a multiple of `hop`.
        hop: samples per latent frame.
        grain: hops that the last, shorter core is a multiple of, unless that is more than a whole one: more silence to
            compute, and fewer lengths of windows.
    """

    core: int
    context: int
    hop: int
    grain: int = 1

    @classmethod
    def fit(cls, chunk_seconds: float, context: int, hop: int, sample_rate: int, *, grain: int = 1) -> ChunkPlan:
        """The plan for cores of about `chunk_seconds` (at least one frame) and at least `context` samples around.

        Raises:
            UsageError: see `check_chunk_seconds`.
        """
        check_chunk_seconds(chunk_seconds)
        core = max(round(chunk_seconds * sample_rate / hop), 1) * hop
        return cls(core, -(-context // hop) * hop, hop, grain)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One unit of inference: samples [C, context + core + context]; `length` samples of its core are wanted.

    `start` is the place of its first sample in the recording (negative in the silence before it).
    """

    samples: Wave
    length: int
    start: int
    context: int


def windows(blocks: Iterable[Wave], plan: ChunkPlan) -> Iterator[Window]:
    """Cuts blocks [C, T] of any length into windows, in constant memory.

    The cores, each cropped to its `length`, join to exactly the samples that came in. The last window is as short as
    the samples that are left allow (rounded up to whole frames).
    """
    buffer: Wave | None = None
    start = -plan.context
    for block in blocks:
        if buffer is None:
            buffer = np.zeros((block.shape[0], plan.context), np.float32)
        buffer = np.concatenate((buffer, block), axis=1)
        while buffer.shape[1] >= plan.core + 2 * plan.context:
            yield Window(buffer[:, : plan.core + 2 * plan.context], plan.core, start, plan.context)
            buffer, start = buffer[:, plan.core :], start + plan.core
    if buffer is None:
        return
    left, step = buffer.shape[1] - plan.context, plan.grain * plan.hop
    while left > 0:
        length = min(left, plan.core)
        core = min(-(-length // step) * step, plan.core)
        size = core + 2 * plan.context
        window = buffer[:, :size]
        yield Window(np.pad(window, ((0, 0), (0, size - window.shape[1]))), length, start, plan.context)
        buffer, start = buffer[:, core:], start + core
        left -= length
