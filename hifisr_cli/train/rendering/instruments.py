"""Which instruments of a sound font have treble, measured by playing each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.rendering.midi import Event, note, program
from hifisr_cli.train.rendering.synthesizer import render

PROGRAMS = 128  # of General MIDI
BRIGHT_HZ = 18_000.0  # from where on an instrument counts as full-band; chosen by hand
_REACH_DB = -75.0
"""Relative to the loudest band. So measured, FluidR3's 128 programs reach as far as single notes of them do by another
measurement (correlation 0.87, 0.6 kHz less in the median; 58 of its 67 bright ones are bright)."""
_CLIFF_DB = 15.0  # within an eighth of an octave; steeper than that nature seldom is (`benchmarks/cutoff_sounds.py`)
_CLIFFS_FROM_HZ = 3_500.0  # below, gaps between partials look like cliffs; chosen by hand
_CHORD = (48, 64, 79)  # three octaves of keys, since fonts change samples between them; chosen by hand
_HELD = 1.0  # seconds that it is held, of so many for each program; chosen by hand
_SLOT = 1.5  # seconds
_N_FFT = 4096  # samples: 12 Hz, so that an eighth of an octave holds many bins


@dataclass(frozen=True, slots=True)
class Instrument:
    """A program of a sound font.

    Attributes:
        program: its number in General MIDI, from 0.
        reach_hz: up to where it has content.
        cliff_db: the steepest fall within an eighth of an octave: large where samples were band-limited.
    """

    program: int
    reach_hz: float
    cliff_db: float

    @property
    def is_bright(self) -> bool:
        """Whether it has content up to the top."""
        return self.reach_hz >= BRIGHT_HZ

    @property
    def is_dark_by_nature(self) -> bool:
        """Whether it ends lower, and nothing is missing: no low-pass made it so."""
        return not self.is_bright and self.cliff_db < _CLIFF_DB


@cache
def instruments(font: Path) -> tuple[Instrument, ...]:
    """Measures every program of a font, which takes some seconds.

    Raises:
        UsageError: see `render`.
    """
    events: list[Event] = []
    for number in range(PROGRAMS):
        start = number * _SLOT
        events.append(program(start, 0, number))
        for key in _CHORD:
            events += note(start + 0.01, start + _HELD, 0, key, 110)
    wave = render(events, font, PROGRAMS * _SLOT)
    slots = wave.reshape(PROGRAMS, -1)
    return tuple(Instrument(number, *_measured(slot)) for number, slot in enumerate(slots))


def _measured(wave: Wave) -> tuple[float, float]:
    """Reach in Hz and cliff in dB of what an instrument plays: [T]."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, _N_FFT)[:: _N_FFT // 2] * np.hanning(_N_FFT)
    power = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)
    edges = _CLIFFS_FROM_HZ / 16.0 * 2.0 ** (np.arange(55) / 8.0)  # from 219 Hz up to 23.5 kHz
    places = np.rint(edges * _N_FFT / SAMPLE_RATE).astype(int)
    levels = 10.0 * np.log10([power[low:high].mean() + 1e-20 for low, high in pairwise(places)])
    heard = np.flatnonzero(levels > levels.max() + _REACH_DB)
    falls = -np.diff(levels)[(edges[1:-1] >= _CLIFFS_FROM_HZ) & (levels[:-1] > levels.max() + _REACH_DB)]
    return float(edges[heard[-1] + 1]), float(falls.max(initial=0.0))
