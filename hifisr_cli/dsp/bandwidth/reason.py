"""A cutoff has a reason: a visible edge, the shelf of a lossy codec, or content that sinks into the noise."""

from __future__ import annotations

from typing import Literal

import numpy as np

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.content import separate
from hifisr_cli.results import Bandwidth, CutoffSource

CutoffEvidence = Literal["edge", "codec-shelf", "noise-floor", "images", "nyquist", "full-band", "silence", "given"]

# These four only word the reason; they move no cutoff. They were chosen by hand on recordings (commit d7c2dc8), and no
# benchmark measures them.
_SIDE_BANDS = 4  # bands on either side whose median is taken: a third of an octave
_ABOVE = 1.06  # of the cutoff: the bands above it begin here, one band beyond the edge itself
_EDGE_DB = 10.0  # a smaller drop is not called an edge
_SHELF_DB = 30.0  # a codec's shelf drops by more; a Butterworth filter of order 8 by less within so few bands


def drop_db(levels: BandLevels, cutoff_hz: float) -> float | None:
    """Returns by how many dB content falls across a cutoff, from just below it to what can be seen just above it.

    What can be seen above is content, or the least that would show in the background noise. None where there are no
    bands on both sides, or where all is silent.
    """
    if levels.frames == 0:
        return None
    below = np.flatnonzero(levels.edges_hz[1:] < cutoff_hz)[-_SIDE_BANDS:]
    above = np.flatnonzero(levels.edges_hz[:-1] > _ABOVE * cutoff_hz)[:_SIDE_BANDS]
    if not len(below) or not len(above):
        return None
    content = separate(levels)
    heard = np.maximum(content.level_db, content.limit_db)
    return float(np.median(content.level_db[below]) - np.median(heard[above]))


def evidence(levels: BandLevels | None, bandwidth: Bandwidth, *, lossy: bool) -> CutoffEvidence:
    """Says what the cutoff that was measured on these levels rests on.

    "edge": content breaks off. "codec-shelf": it does so steeply in a file whose own codec is lossy (that of an earlier
    copy in a lossless file looks like any low-pass and is an edge). "noise-floor": no break is to be seen, content
    sinks into the background at the cutoff. The others as in `Bandwidth`.

    Args:
        levels: what was heard; None where that is not known.
        bandwidth: the cutoff that was found.
        lossy: the file's codec is lossy.
    """
    source: CutoffSource = bandwidth.source
    if source != "edge":
        return source
    drop = None if levels is None else drop_db(levels, bandwidth.cutoff_hz)
    if drop is None:
        return "edge"
    if drop < _EDGE_DB:
        return "noise-floor"
    return "codec-shelf" if lossy and drop >= _SHELF_DB else "edge"
