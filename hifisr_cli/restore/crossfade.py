"""Windows of one fixed length, cross-faded: for networks that judge a window as a whole.

Such a network has no bounded context: what it makes of a moment depends on everything in the window, on the moment's
place in it, and on the window's length. So every window has the same length, each core starts at the same place in
its window, and neighbours, which will not agree, are faded into each other. The fade is linear, its weights sum to 1:
where both are the input itself, as they are below the cutoff, nothing changes.

Beyond the ends of a recording its mirror image stands in. Silence would move the statistics of the window, and with
them everything that is generated in it (2 s in a window of 4 s: latent off by 0.65 with silence, 0.33 mirrored).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.restore.windows import ChunkPlan, Window

CORE_SECONDS = 3.072
CONTEXT_SECONDS = 0.512
FADE_SECONDS = 0.256
"""In all a window of 4.096 s, about what the published program uses for long recordings: at its hop of 256 samples 768
frames, which are three whole groups of its attention; the context is as long as what it was trained on.

Measured on real speech at the published size, with random weights, which is all there was: the latent of a moment
differs by 0.59 to 0.70 (relative) between two ways of cutting, for windows of 0.5 to 8.2 s and contexts of 0.13 to
0.51 s. Nearly all of it comes from the absolute position (0.14 without), hardly any from the statistics of the window
(0.67 with those of the whole recording). No choice of these numbers mends that; the fade only hides it."""


def fixed_plan(hop: int, sample_rate: int) -> ChunkPlan:
    """The one plan for such a network: context, core and context again, in whole frames."""
    return ChunkPlan(
        core=round(CORE_SECONDS * sample_rate / hop) * hop,
        context=round(CONTEXT_SECONDS * sample_rate / hop) * hop,
        hop=hop,
    )


def fade_length(hop: int, sample_rate: int) -> int:
    """Samples over which neighbouring windows are faded into each other, less than the context."""
    return round(FADE_SECONDS * sample_rate / hop) * hop


def fixed_windows(blocks: Iterable[Wave], plan: ChunkPlan) -> Iterator[Window]:
    """Cuts blocks [C, T] of any length into windows of core + 2 context samples, in constant memory.

    The cores, each cropped to its `length`, join to exactly the samples that came in.
    """
    size = plan.core + 2 * plan.context
    buffer: Wave | None = None
    pending: list[Wave] = []
    start = -plan.context
    for block in blocks:
        if buffer is None:
            pending.append(block)
            if sum(part.shape[1] for part in pending) < plan.context:
                continue
            buffer = _mirrored_before(np.concatenate(pending, axis=1), plan.context)
        else:
            buffer = np.concatenate((buffer, block), axis=1)
        while buffer.shape[1] >= size:
            yield Window(buffer[:, :size], plan.core, start, plan.context)
            buffer, start = buffer[:, plan.core :], start + plan.core
    if buffer is None:
        if not sum(part.shape[1] for part in pending):
            return
        buffer = _mirrored_before(np.concatenate(pending, axis=1), plan.context)
    left = buffer.shape[1] - plan.context
    while left > 0:
        window = buffer[:, :size]
        padded = np.pad(window, ((0, 0), (0, size - window.shape[1])), mode="symmetric")
        length = min(left, plan.core)
        yield Window(padded, length, start, plan.context)
        buffer, start = buffer[:, plan.core :], start + plan.core
        left -= length


def _mirrored_before(samples: Wave, context: int) -> Wave:
    return np.concatenate(
        (np.pad(samples[:, :context], ((0, 0), (context, 0)), mode="symmetric")[:, :context], samples), axis=1
    )


class Seam:
    """Joins the windows of one recording, in their order.

    Args:
        fade: samples over which they are faded into each other.
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
