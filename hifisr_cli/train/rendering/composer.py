"""Random music: chords, lines, basses and drums in a key and a tempo. All shares and ranges were chosen by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hifisr_cli.train.rendering.instruments import Instrument
from hifisr_cli.train.rendering.midi import DRUMS, Event, note, program, volume

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 7, 9))  # semitones
_DRUM_SHARE = 0.7  # of the pieces; those without drums have little above 8 kHz
_BRIGHT = 0.8  # of the parts, to have something to teach; the others teach that nothing may be missing
_KITS = (0, 8, 16, 24, 25, 32, 40)  # General MIDI level 2
_KICKS = (35, 36)  # keys of General MIDI, as are all that follow
_SNARES = (37, 38, 40)  # the rim, too
_HATS = (42, 44, 46)  # closed, by the foot, open
_CYMBALS = (49, 51, 52, 53, 55, 57, 59)  # crash, ride, Chinese, bell, splash
_OTHERS = (
    39,
    41,
    45,
    47,
    50,
    54,
    56,
    60,
    62,
    64,
    67,
    69,
    70,
    75,
    76,
)  # claps, toms, tambourine, bongos, shakers, blocks
_LAST_CHANNEL = 15  # of MIDI


@dataclass(frozen=True)
class Harmony:
    """What the parts of a piece agree on.

    Attributes:
        beat: seconds.
        beats: of the piece.
        root: key of the tonic, within an octave.
        scale: semitones above it.
        degrees: of the chords, one for each `bar` beats, again and again.
    """

    beat: float
    beats: int
    root: int
    scale: tuple[int, ...]
    degrees: tuple[int, ...]
    bar: int

    def key(self, step: int, octave: int) -> int:
        """The key of a step of the scale, which goes on beyond an octave either way."""
        up, place = divmod(step, len(self.scale))
        return int(np.clip(self.root + 12 * (octave + up) + self.scale[place], 0, 127))

    def degree_at(self, beat: float) -> int:
        return self.degrees[int(beat) // self.bar % len(self.degrees)]


def compose(seconds: float, band: Sequence[Instrument], rng: np.random.Generator) -> list[Event]:
    """A piece of this length for some of these instruments, and drums."""
    beat = 60.0 / float(np.exp(rng.uniform(np.log(55.0), np.log(190.0))))
    harmony = Harmony(
        beat,
        int(seconds / beat) + 1,
        int(rng.integers(12)),
        _SCALES[int(rng.integers(len(_SCALES)))],
        tuple(int(degree) for degree in rng.integers(0, 6, size=int(rng.integers(1, 5)))),
        int(rng.choice([2, 3, 4])),
    )
    parts = [part for part, share in ((_chords, 0.7), (_bass, 0.6), (_line, 0.7), (_line, 0.3)) if rng.random() < share]
    has_drums = rng.random() < _DRUM_SHARE
    if not parts and not has_drums:
        parts = [_line]
    events: list[Event] = []
    channels = [channel for channel in range(_LAST_CHANNEL + 1) if channel != DRUMS]
    for channel, part in zip(channels, parts, strict=False):
        events += [program(0.0, channel, _chosen(band, rng).program), volume(0.0, channel, int(rng.integers(60, 120)))]
        events += part(harmony, channel, rng)
    if has_drums:
        events += [program(0.0, DRUMS, int(rng.choice(_KITS))), volume(0.0, DRUMS, int(rng.integers(70, 127)))]
        events += _drums(harmony, rng)
    return events


def _chosen(band: Sequence[Instrument], rng: np.random.Generator) -> Instrument:
    bright = [instrument for instrument in band if instrument.is_bright]
    dark = [instrument for instrument in band if instrument.is_dark_by_nature]
    among = bright if bright and (not dark or rng.random() < _BRIGHT) else dark or band
    return among[int(rng.integers(len(among)))]


def _chords(harmony: Harmony, channel: int, rng: np.random.Generator) -> Iterator[Event]:
    """Held, repeated or broken chords of three to five notes."""
    size, octave = int(rng.integers(3, 6)), int(rng.integers(4, 6))
    step = float(rng.choice([harmony.bar, 1.0, 0.5]))
    broken = step < harmony.bar and rng.random() < 0.5
    held = rng.uniform(0.5, 1.0)
    for count, beat in enumerate(np.arange(0, harmony.beats, step)):
        notes = [harmony.key(harmony.degree_at(beat) + 2 * voice, octave) for voice in range(size)]
        for key in [notes[count % size]] if broken else notes:
            late, velocity = rng.uniform(0.0, 0.02), int(rng.integers(50, 110))
            start = beat * harmony.beat + late
            yield from note(start, start + held * step * harmony.beat, channel, key, velocity)


def _bass(harmony: Harmony, channel: int, rng: np.random.Generator) -> Iterator[Event]:
    """Roots, sometimes fifths, two or three octaves below."""
    step = float(rng.choice([0.5, 1.0, 2.0]))
    for beat in np.arange(0, harmony.beats, step):
        degree = harmony.degree_at(beat) + (4 if rng.random() < 0.2 else 0)
        start = beat * harmony.beat
        end = start + 0.9 * step * harmony.beat
        yield from note(start, end, channel, harmony.key(degree, 3), int(rng.integers(70, 120)))


def _line(harmony: Harmony, channel: int, rng: np.random.Generator) -> Iterator[Event]:
    """A melody that wanders up and down the scale, with rests."""
    octave, step, beat = int(rng.integers(4, 7)), 0, 0.0
    lengths = rng.choice([0.25, 0.5, 1.0, 2.0], size=3)
    while beat < harmony.beats:
        length = float(rng.choice(lengths))
        step = int(np.clip(step + rng.integers(-3, 4), -7, 9))
        if rng.random() < 0.85:
            start = beat * harmony.beat
            end = start + rng.uniform(0.4, 1.0) * length * harmony.beat
            yield from note(start, end, channel, harmony.key(step, octave), int(rng.integers(50, 125)))
        beat += length


def _drums(harmony: Harmony, rng: np.random.Generator) -> Iterator[Event]:
    """A pattern of sixteenths that repeats with small changes."""
    bar = 4 * harmony.bar
    drums = [int(rng.choice(keys)) for keys in (_KICKS, _SNARES, _HATS, _CYMBALS)]
    drums += [int(key) for key in rng.choice(_OTHERS, size=int(rng.integers(0, 3)), replace=False)]
    density = [0.2, 0.15, rng.uniform(0.2, 0.9), rng.uniform(0.0, 0.15), *(0.12 for _ in drums[4:])]
    pattern = rng.random((len(drums), bar)) < np.array(density)[:, None]
    pattern[0, 0] = True
    for sixteenth in range(4 * harmony.beats):
        start = sixteenth * harmony.beat / 4.0
        for drum, row in zip(drums, pattern, strict=True):
            if row[sixteenth % bar] != (rng.random() < 0.03):
                velocity = int(rng.integers(40, 127))
                yield from note(start + rng.uniform(0.0, 0.01), start + 0.1, DRUMS, drum, velocity)
