"""What restoration adds to a recording: of what an engine made, the part that the recording lacks.

Above its edge a recording seldom holds nothing. Content that stands clear of the background there, because the edge is
soft or was found too low, is real and stays; it is raised to the engine's level where a filter has lowered it. The
background itself (hiss, rounding) makes room. In each cell of a short-time spectrum, with X of the recording and G of
the engine,

    layer = (m - 1) X + g G,    m = a r,    g = sqrt(max(0, 1 - m^2 |X|^2 / |G|^2))

a is the share of X that is no background, r >= 1 raises it, and g fills up to the engine's level: together they have
its power. Nothing above the background gives a = 0, g = 1: the engine's sound alone. All of this is weighed by the
share of the power that the edge took, so that content just below an edge, where it took nothing, stays as it is.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from hifisr_cli.results import LAYER_FRAME, SAMPLE_RATE

FRAME = LAYER_FRAME
HOP = FRAME // 2
"""Frames stand at multiples of the hop in a recording, wherever it is cut."""
MARGIN = FRAME + 2 * HOP
"""Samples on either side that a sample of the layer depends on: its frames, and those that they are averaged with."""
BIN_HZ = SAMPLE_RATE / FRAME

_CELLS = 5
"""Powers are averaged over 250 Hz; 50 and 150 Hz gave the same LSD to 0.001."""
_FRAMES = 3
"""And over 40 ms; 60 and 80 ms gave the same."""
_OVER = 4.0
"""What is less than 6 dB above the background counts as background (at 9 dB soft edges gain 0.005 less)."""
MOST_RAISED_DB = 20.0
"""LSD of soft edges less that of the engine's sound alone: not raised -0.016, by 12 dB at most -0.049, by 20 -0.070."""
_WINDOW_POWER = 3 / 8 * FRAME  # of white noise of unit power in each bin, through a Hann window
_TINY = 1e-20  # no division by zero


def added_layer(
    generated: Tensor,
    original: Tensor,
    background: Tensor,
    missing: Tensor | None = None,
    *,
    start: int,
    lowest_hz: float,
) -> Tensor:
    """What is to be added to a recording from `lowest_hz` on.

    Shape: [T], [T] -> [T]; the outermost `MARGIN` samples see zeros beyond the ends.

    Args:
        background: mean power of a sample of the recording's background in each bin [FRAME // 2 + 1], as white noise of
            that density would have it.
        missing: share of each bin's power that the edge took, by which the layer is weighed [FRAME // 2 + 1]; None for
            all of it. On 152 cases of `benchmarks/cutoff_harm.py` 53 lost content without it and 29 with it.
        start: the place of the first sample in its recording.
    """
    length, lead = original.shape[-1], start % HOP
    window = _window(original.device)
    padded = F.pad(torch.stack([original, generated]).float(), (lead + HOP, FRAME + (-lead - length) % HOP))
    first = max(0, int(lowest_hz / BIN_HZ) - _CELLS)
    frames = padded.unfold(-1, FRAME, HOP) * window
    spectra = torch.fft.rfft(frames)[..., first:]
    # Powers are seen through a Hann window, or loud sound below a steep edge leaks up and passes for content.
    seen = torch.fft.rfft(frames * window)[..., first:]
    x, g = _averaged(seen.real.square() + seen.imag.square())
    floor = _OVER * _WINDOW_POWER * background[first:]
    kept = torch.sqrt(torch.clamp(1.0 - floor / (x + _TINY), min=0.0))
    raised = kept * torch.clamp(torch.sqrt(g / (x + _TINY)), 1.0, 10.0 ** (MOST_RAISED_DB / 20.0))
    filled = torch.sqrt(torch.clamp(1.0 - raised.square() * x / (g + _TINY), min=0.0))
    layer = torch.zeros(*spectra.shape[1:-1], FRAME // 2 + 1, dtype=spectra.dtype, device=original.device)
    added = (raised - 1.0) * spectra[0] + filled * spectra[1]
    layer[..., first:] = added if missing is None else missing[first:] * added
    parts = torch.fft.irfft(layer, FRAME) * window
    joined = F.pad(parts[:, :HOP].flatten(), (0, HOP)) + F.pad(parts[:, HOP:].flatten(), (HOP, 0))
    return joined[lead + HOP :][:length]


def _averaged(power: Tensor) -> Tensor:
    """The mean over neighbouring cells, [..., F, K]. Sums of slices take a tenth of the time of pooling."""
    cells, frames = _CELLS // 2, _FRAMES // 2
    padded = F.pad(power, (cells, cells, frames, frames), mode="replicate")
    across = _sum(padded, _CELLS, -1)
    return _sum(across, _FRAMES, -2) / (_CELLS * _FRAMES)


def _sum(values: Tensor, count: int, dim: int) -> Tensor:
    """The sum of so many neighbours."""
    length = values.shape[dim] - count + 1
    total = values.narrow(dim, 0, length)
    for start in range(1, count):
        total = total + values.narrow(dim, start, length)
    return total


@lru_cache(maxsize=4)
def _window(device: torch.device) -> Tensor:
    """The square root of a Hann window, whose squares sum to 1 over the frames."""
    return torch.hann_window(FRAME, dtype=torch.float64).sqrt().float().to(device)
