"""Channels that end at different frequencies: a call whose legs came over different lines, above all."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.frames import BANDS_PER_OCTAVE

# Chosen by hand: of 240 pairs of music and effects as two channels, 8 are told, those whose one file has a steep edge
# of its own; of the same pairs mixed to a third and a tenth, none.
_LOWEST_HZ = 1_000.0  # a channel that ends below is a hum or a bass, not a narrow line
_SHARE = 0.8  # of the cutoff: what ends above lacks next to nothing
_TOP_HZ = 16_000.0  # above it music may end anywhere
_FALL_DB = 30.0  # from the octave below an edge to the loudest band above it
_STEEP_DB = 20.0  # of these within two bands: a filter, not an instrument
_EDGE_DB = 12.0  # the first band that lies as much below the octave before is beyond the edge
_MORE_DB = 20.0  # that a narrow channel falls by, over the one that falls least
_QUIET_DB = 60.0  # below the loudest channel there is nothing but crosstalk


def channel_edges(levels: BandLevels, cutoff_hz: float) -> tuple[float, ...] | None:
    """Returns where the content of each channel ends, in Hz: at the cutoff of the whole, or clearly below it.

    None where all end alike, as far as can be told.
    """
    density = levels.channel_density
    if len(density) < 2:
        return None
    decibels = 10 * np.log10(density + 1e-30)
    edges = [_edge(levels, decibels, channel, cutoff_hz) for channel in range(len(decibels))]
    if all(edge is None for edge in edges) or None not in edges:
        return None
    return tuple(cutoff_hz if edge is None else edge for edge in edges)


def _edge(levels: BandLevels, decibels: FloatArray, channel: int, cutoff_hz: float) -> float | None:
    """The lowest steep edge of a channel, None where it reaches the cutoff."""
    if decibels[channel].max() < decibels.max() - _QUIET_DB:
        return None
    top = min(cutoff_hz, _TOP_HZ)
    last = int(np.searchsorted(levels.edges_hz, 0.95 * top, "right")) - 1  # bands that lie below the cutoff
    first = int(np.searchsorted(levels.edges_hz, _LOWEST_HZ))
    for band in range(first, last - 2):
        if levels.edges_hz[band] > _SHARE * top:
            break
        below = slice(max(band - BANDS_PER_OCTAVE, 0), band)
        falls = np.median(decibels[:, below], axis=1) - decibels[:, band + 2 : last].max(axis=1)
        steep = decibels[channel, band - 1] - decibels[channel, band + 1]
        if falls[channel] > max(_FALL_DB, falls.min() + _MORE_DB) and steep > _STEEP_DB:
            floor = np.median(decibels[channel, below]) - _EDGE_DB
            return float(levels.edges_hz[band - 1 + int(np.argmax(decibels[channel, band - 1 :] < floor))])
    return None
