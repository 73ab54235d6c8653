"""What a cutoff was read from: a visible edge, the shelf of a lossy codec, or content that sinks into the noise."""

from __future__ import annotations

from typing import Literal

import numpy as np

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.content import separate
from hifisr_cli.results import Bandwidth, CutoffSource

CutoffEvidence = Literal["edge", "codec-shelf", "noise-floor", "nyquist", "full-band", "silence", "given"]

_SIDE_BANDS = 4
_BELOW, _ABOVE = 1.0, 1.06  # of the cutoff: beside the edge itself
_EDGE_DB = 10.0
_SHELF_DB = 30.0


def drop_db(levels: BandLevels, cutoff_hz: float) -> float | None:
    """By how much content falls across a cutoff, in dB: from just below it to what can be seen just above it.

    Above, that is content or the least that would show in the background noise. None where there are no bands on both
    sides, or nothing was heard.
    """
    if levels.frames == 0:
        return None
    below = np.flatnonzero(levels.edges_hz[1:] < _BELOW * cutoff_hz)[-_SIDE_BANDS:]
    above = np.flatnonzero(levels.edges_hz[:-1] > _ABOVE * cutoff_hz)[:_SIDE_BANDS]
    if not len(below) or not len(above):
        return None
    content = separate(levels)
    heard = np.maximum(content.level_db, content.limit_db)
    return float(np.median(content.level_db[below]) - np.median(heard[above]))


def evidence(levels: BandLevels, found: Bandwidth, *, lossy: bool) -> CutoffEvidence:
    """What the cutoff that was measured on these levels rests on.

    "edge": content breaks off. "codec-shelf": it does so steeply in a file whose own codec is lossy (that of an earlier
    copy in a lossless file looks like any low-pass and is an edge). "noise-floor": no break is to be seen, content
    sinks into the background at the cutoff. The others as in `Bandwidth`.

    Args:
        levels: of the recording.
        found: the cutoff.
        lossy: the file's codec is lossy.
    """
    source: CutoffSource = found.source
    if source != "edge":
        return source
    drop = drop_db(levels, found.cutoff_hz)
    if drop is None:
        return "edge"
    if drop < _EDGE_DB:
        return "noise-floor"
    return "codec-shelf" if lossy and drop >= _SHELF_DB else "edge"
