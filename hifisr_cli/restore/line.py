"""A line is a way that sound came, a telephone or a tape: what it takes away is the same for all of its stretches."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.background import background_power, ringing_hz
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import kept_edge_hz
from hifisr_cli.dsp.bandwidth.slope import edge_slope, missing_share, taken_db
from hifisr_cli.results import LAYER_FRAME, SAMPLE_RATE, Bandwidth

AboveCutoff = Literal["auto", "complement", "replace"]
"""What becomes of what stands above an edge: "complement" keeps it and adds what it lacks, "replace" puts the engine's
sound in its place, "auto" does so where mirror images stand."""

_BINS_HZ: FloatArray = np.linspace(0.0, SAMPLE_RATE / 2, LAYER_FRAME // 2 + 1)


@dataclass(frozen=True, slots=True)
class Line:
    """What there is to know of a line, to restore what came over it.

    Attributes:
        bandwidth: upper edge of the content. Where it says that nothing is missing, no layer is added.
        kept_hz: where the added layer begins.
        background: power of the recording's background in each bin of the layer, from which content is told; None takes
            all that stands above the edge for background, and the engine's sound replaces it.
        missing: share of the power in each bin that the edge took, by which the layer is weighed; None for all of it.
        images: what stands above the cutoff are mirror images, and nothing there is content.
        levels: what was heard on it.
    """

    bandwidth: Bandwidth
    kept_hz: float
    background: FloatArray | None = field(default=None, compare=False)
    missing: FloatArray | None = field(default=None, compare=False)
    images: bool = False
    levels: BandLevels | None = field(default=None, compare=False, repr=False)

    @property
    def cutoff_hz(self) -> float:
        return self.bandwidth.cutoff_hz

    @property
    def restores(self) -> bool:
        """A layer is added to what came over it."""
        return self.bandwidth.restorable

    @property
    def above(self) -> Literal["complement", "replace"] | None:
        """What becomes of what stands above the edge, None where nothing is added."""
        if not self.restores:
            return None
        return "replace" if self.background is None or self.images else "complement"


def line_over(levels: BandLevels, bandwidth: Bandwidth, above: AboveCutoff) -> Line:
    """The line that these levels were heard on, and whose cutoff is known."""
    kept_hz = kept_edge_hz(levels, bandwidth.cutoff_hz)
    if not bandwidth.restorable:
        return Line(bandwidth, kept_hz, levels=levels)
    images = bandwidth.source == "images"
    taken = None if images else taken_db(levels, bandwidth.cutoff_hz)
    slope = None if taken is None else edge_slope(levels, taken)
    bandwidth = replace(bandwidth, slope=slope)
    if above == "replace":
        return Line(bandwidth, kept_hz, levels=levels)
    images = images and above == "auto"
    empty_hz = None
    if images:
        empty_hz = bandwidth.cutoff_hz, math.inf
    elif slope is not None and slope.steep:
        empty_hz = ringing_hz(bandwidth.cutoff_hz)
    background = background_power(levels, _BINS_HZ, empty_hz=empty_hz)
    missing = None if taken is None else missing_share(levels, taken, bandwidth.cutoff_hz, _BINS_HZ)
    return Line(bandwidth, kept_hz, background, missing, images, levels)
