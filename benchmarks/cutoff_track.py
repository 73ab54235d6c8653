"""How well changes of the cutoff are found, by stretch and channel, and that nothing else is; prints Markdown.

    python benchmarks/cutoff_track.py --speech ../shared/speech/validation --sound ../shared/sound/validation

Programmes are spliced from one speaker's recordings: three stretches of 2 to 10 s at cutoffs of their own, by the
filters of `cutoff_detection.py`, with and without a common floor of noise, half of them rounded to 16 bits. Calls have
two such speakers in turn, a channel each. A change can be heard where the wider side rises, in its loudest twentieth
of frames, by 10 dB over the common floor and the narrower side, somewhere between both cutoffs; the others are counted
apart. It is found where a stretch begins within 0.5 s.

Uniform recordings have one cutoff: each as it is and through every filter, minutes of one speaker, pauses, fades, a
quiet intro, two at once as channels. Any second stretch is an error.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from cutoff_detection import low_pass
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import judge
from hifisr_cli.dsp.bandwidth.features import features
from hifisr_cli.dsp.bandwidth.meter import decide
from hifisr_cli.dsp.bandwidth.track import Track, TrackMeter

Audio = npt.NDArray[np.float64]
Rng = np.random.Generator

RATE = 48_000
CUTOFFS_HZ = (3_400, 7_000, 15_000, 24_000)
FILTERS = ("brick wall", "resampled", "Butterworth 8", "Bessel 8")
FLOORS_DBFS = (None, -70.0, -55.0)
FOUND_SECONDS = 0.5
HEARD_DB = 10.0


@dataclass(frozen=True)
class Programme:
    """A recording [C, T], and for each channel at which second which cutoff begins, and whether that can be heard.

    `reference` is what it was before, of programmes and calls.
    """

    name: str
    audio: Audio
    truth: tuple[tuple[tuple[float, int, bool], ...], ...]
    reference: Audio | None = None


def load(path: Path) -> Audio:
    """[T] at 48 kHz."""
    audio, rate = soundfile.read(path)
    audio = audio if audio.ndim == 1 else audio[:, 0]
    return audio if rate == RATE else np.asarray(signal.resample_poly(audio, RATE // 300, rate // 300))


def limited(audio: Audio, kind: str, cutoff: int, rng: Rng) -> Audio:
    return audio if cutoff >= RATE // 2 else low_pass(audio, RATE, kind, cutoff, rng)[: len(audio)]


def speaker(paths: list[Path], seconds: float, rng: Rng) -> Audio:
    """Recordings of one speaker, one after another; again from the start where there are too few."""
    parts: list[Audio] = []
    while sum(map(len, parts)) < seconds * RATE:
        parts += [load(paths[i]) for i in rng.permutation(len(paths))[:20]]
    audio = np.concatenate(parts)[: round(seconds * RATE)]
    return np.asarray(0.06 * audio / audio.std())


def finish(audio: Audio, floor_dbfs: float | None, bits: bool, rng: Rng) -> Audio:
    if floor_dbfs is not None:
        audio = audio + 10 ** (floor_dbfs / 20) * rng.standard_normal(audio.shape)
    return np.round(audio * 32767) / 32767 if bits else audio


def loud(audio: Audio, low: float, high: float) -> Audio:
    """Levels in dB of the loudest twentieth of frames, in thirds of an octave between two frequencies."""
    frequency, _, power = signal.stft(audio, RATE, nperseg=2048)
    edges = np.append(np.arange(1.1 * low, high, 0.26 * low), high)
    rows = [
        np.mean(np.abs(power[(frequency >= a) & (frequency < b)]) ** 2, axis=0)
        for a, b in pairwise(edges)
        if ((frequency >= a) & (frequency < b)).any()
    ]
    return 10 * np.log10(np.quantile(np.array(rows), 0.95, axis=1) + 1e-20)


def heard(left: Audio, right: Audio, cutoffs: tuple[int, int]) -> bool:
    """The wider of two finished stretches exceeds the narrower one between their cutoffs."""
    low, high = sorted(cutoffs)
    narrow, wide = (left, right) if cutoffs[0] == low else (right, left)
    return bool((loud(wide, low, high) - loud(narrow, low, high)).max() > HEARD_DB)


def spliced(paths: list[Path], number: int, rng: Rng) -> Programme:
    kind, floor = FILTERS[number % 4], FLOORS_DBFS[number % 3]
    cutoffs = [int(cutoff) for cutoff in rng.permutation(CUTOFFS_HZ)[:3]]
    ends = np.cumsum(rng.uniform(2, 10, 3))
    whole = speaker(paths, float(ends[-1]), rng)
    starts = np.concatenate([[0.0], ends[:-1]])
    places = [slice(round(a * RATE), round(b * RATE)) for a, b in zip(starts, ends, strict=True)]
    audio = np.concatenate([limited(whole, kind, c, rng)[place] for c, place in zip(cutoffs, places, strict=True)])
    audio = finish(audio, floor, number % 2 == 0, rng)
    audible = [True] + [heard(audio[places[i]], audio[places[i + 1]], (cutoffs[i], cutoffs[i + 1])) for i in range(2)]
    name = f"{kind}, {'no floor' if floor is None else f'{floor:.0f} dBFS'}"
    truth = tuple((float(s), c, a) for s, c, a in zip(starts, cutoffs, audible, strict=True))
    return Programme(name, audio[None], (truth,), whole[None, : audio.shape[-1]])


def call(first: list[Path], second: list[Path], number: int, rng: Rng) -> Programme:
    """Two speakers in turn; each hears the other on a channel of its own."""
    kind, floor = FILTERS[number % 4], FLOORS_DBFS[number % 3]
    cutoffs = [int(cutoff) for cutoff in rng.permutation(CUTOFFS_HZ)[:2]]
    turns = np.repeat(np.arange(8) % 2, 3 * RATE)
    legs, before = [], []
    for leg, (paths, cutoff) in enumerate(zip((first, second), cutoffs, strict=True)):
        whole = speaker(paths, 24.0, rng)
        legs.append(limited(whole, kind, cutoff, rng) * (turns == leg))
        before.append(whole * (turns == leg))
    audio = finish(np.stack(legs), floor, number % 2 == 0, rng)
    audible = heard(audio[0, turns == 0], audio[1, turns == 1], (cutoffs[0], cutoffs[1]))
    return Programme("two legs", audio, tuple(((0.0, c, audible),) for c in cutoffs), np.stack(before))


def speakers(folder: Path) -> list[list[Path]]:
    """The recordings of each."""
    return [sorted(each.glob("*.flac")) for each in sorted({path.parent for path in folder.rglob("*.flac")})]


def programmes(speech: list[list[Path]], count: int, rng: Rng) -> Iterator[Programme]:
    """Every fifth is a call."""
    for number in range(count):
        first, second = (speech[(number + shift) % len(speech)] for shift in (0, 1))
        yield call(first, second, number, rng) if number % 5 == 4 else spliced(first, number, rng)


def uniform(speech: list[list[Path]], sound: list[Path], each: int, rng: Rng) -> Iterator[Programme]:
    """Recordings that have one cutoff."""

    def one(name: str, audio: Audio, cutoff: int) -> Programme:
        audio = np.atleast_2d(audio)
        return Programme(name, audio, (((0.0, cutoff, True),),) * len(audio))

    singles = [(path, "speech") for paths in speech for path in paths[:each]]
    for path, what in singles + [(path, "sound") for path in sound]:
        audio = load(path)
        yield one(f"{what} {path.parent.name}/{path.stem}", audio, 24_000)
        for kind in FILTERS:
            cutoff = int(rng.choice([2_000, 3_400, 5_000, 7_000, 10_000, 15_000]))
            floor = rng.choice([None, -70.0, -55.0])
            limit = finish(limited(audio, kind, cutoff, rng), floor, bool(rng.integers(2)), rng)
            yield one(f"{what} {kind} {path.parent.name}/{path.stem} {cutoff} {floor}", limit, cutoff)
    for paths in speech:
        minute = speaker(paths, 60.0, rng)
        name = paths[0].parent.name
        yield one(f"minute of speech {name}", minute, 24_000)
        kind, cutoff = str(rng.choice(FILTERS)), int(rng.choice([3_400, 7_000, 15_000]))
        yield one(
            f"minute of speech {kind} {name} {cutoff}",
            finish(limited(minute, kind, cutoff, rng), -70.0, True, rng),
            cutoff,
        )
        gate = np.repeat(rng.random(60) < 0.6, RATE)
        yield one(f"speech gated {name}", minute * gate, 24_000)
        yield one(f"speech with pauses {name}", finish(minute * gate, -70.0, True, rng), 24_000)
        yield one(f"speech faded {name}", minute * np.linspace(0, 1, len(minute)) ** 2, 24_000)
    pieces = [load(path) for path in sound]
    for i, audio in enumerate(pieces):
        other = pieces[(i + 7) % len(pieces)]
        length = min(len(audio), len(other))
        mix = np.stack([audio[:length], other[:length]])
        yield one(f"sound as two channels {sound[i].stem} {sound[(i + 7) % len(pieces)].stem}", mix, 24_000)
        yield one(f"sound panned {sound[i].stem}", np.array([[1, 0.3], [0.3, 1]]) @ mix, 24_000)
        yield one(f"sound with quiet intro {sound[i].stem}", np.concatenate([0.03 * audio, audio]), 24_000)
        yield one(f"sound after sound {sound[i].stem}", np.concatenate([audio, other]), 24_000)
        yield one(f"sound faded {sound[i].stem}", audio * np.linspace(1, 0, len(audio)) ** 2, 24_000)


def measure(audio: Audio) -> Track:
    meter = TrackMeter(RATE)
    for start in range(0, audio.shape[1], 65_536):
        meter.push(audio[:, start : start + 65_536].astype(np.float32))
    return meter.result()


def cutoff_of(levels: BandLevels) -> tuple[float, float]:
    return decide(judge(features(levels), RATE / 2), RATE / 2) if levels.frames else (0.0, 0.0)


def near(found: float, truth: float) -> bool:
    return abs(found - truth) <= max(0.08 * truth, 300.0) or min(found, truth) >= 17_500


class Tally:
    """What became of the changes of some programmes."""

    def __init__(self) -> None:
        self.legs = self.alike = self.changes = self.hidden = self.missed = self.false = self.lines = self.right = 0
        self.errors: list[float] = []

    def add(self, programme: Programme, track: Track) -> None:
        cutoffs = [cutoff_of(levels)[0] for levels in track.lines]
        if len(programme.truth) > 1 and programme.truth[0][0][2]:
            self.legs += 1
            self.alike += len(track.channels) == 1
        for number, truth in enumerate(programme.truth):
            found = track.channels[min(number, len(track.channels) - 1)]
            starts = np.array([change.start / RATE for change in found])
            taken = {0}
            for start, _, audible in truth[1:]:
                place = int(np.argmin(np.abs(starts - start)))
                error = float(starts[place] - start)
                hit = abs(error) <= 1.5 and place not in taken
                self.changes += audible
                self.hidden += not audible
                self.missed += audible and not hit
                if hit:
                    taken.add(place)
                    self.errors.append(error)
            self.false += len(found) - len(taken)
            ends = [*[start for start, *_ in truth[1:]], programme.audio.shape[1] / RATE]
            for (start, cutoff, _), end in zip(truth, ends, strict=True):
                at = max(int(np.searchsorted(starts, 0.5 * (start + end), "right")) - 1, 0)
                self.lines += 1
                self.right += near(cutoffs[found[at].line], cutoff)

    def row(self, name: str) -> str:
        errors = np.abs(self.errors) if self.errors else np.zeros(1)
        late = int((errors > FOUND_SECONDS).sum())
        cells = (
            *(name, self.changes, self.missed, self.hidden, self.false, late),
            *(f"{value:.2f}" for value in (np.median(errors), np.quantile(errors, 0.9), errors.max())),
            *(f"{self.alike}/{self.legs}", f"{self.right}/{self.lines}"),
        )
        return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--sound", type=Path, required=True)
    parser.add_argument("--programmes", type=int, default=120)
    parser.add_argument("--each", type=int, default=1_000, help="recordings of each speaker among the uniform ones")
    parser.add_argument("--verbose", action="store_true", help="every programme that has something wrong")
    arguments = parser.parse_args()
    speech = speakers(arguments.speech)
    sound = sorted(arguments.sound.rglob("*.flac"))
    rng = np.random.default_rng(0)
    headings = ("programme", "changes", "missed", "hidden", "false", "beyond 0.5 s", "median s", "90 %", "worst")
    print(f"| {' | '.join(headings)} | legs taken for alike | cutoffs right |")
    print("|" + "---|" * 11)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for number, programme in enumerate(programmes(speech, arguments.programmes, rng)):
        before = Tally()
        track = measure(programme.audio)
        for tally in (before, tallies[programme.name], tallies["all"]):
            tally.add(programme, track)
        if arguments.verbose and (before.missed or before.false):
            found = [[(round(c.start / RATE, 2), c.line) for c in changes] for changes in track.channels]
            cutoffs = [tuple(round(x, 2) for x in cutoff_of(levels)) for levels in track.lines]
            print(number, programme.name, programme.truth, found, cutoffs, flush=True)
    for name in sorted(tallies, key=lambda name: (name == "all", name)):
        print(tallies[name].row(name))
    total, split = 0, []
    for programme in uniform(speech, sound, arguments.each, rng):
        track = measure(programme.audio)
        total += 1
        if len(track.channels) > 1 or len(track.channels[0]) > 1:
            split.append(programme.name)
            if arguments.verbose:
                found = [[(round(c.start / RATE, 2), c.line) for c in changes] for changes in track.channels]
                cutoffs = [tuple(round(x, 2) for x in cutoff_of(levels)) for levels in track.lines]
                print(programme.name, found, cutoffs, flush=True)
    print(f"\n{len(split)} of {total} uniform recordings have more than one stretch:\n")
    for name in split:
        print(f"- {name}")


if __name__ == "__main__":
    main()
