"""Whether full-band music, singing and effects are told as such, and how well their cutoff is found; prints Markdown.

    python benchmarks/cutoff_music.py --data ../shared/sound/validation

Three tables. Recordings as they are, in ways that change nothing about their bandwidth: none may be called
band-limited, whether their spectrum is bright or falls steadily into a quiet floor. Synthetic sounds with few or no
high partials: the same. And the recordings behind low-passes, where a case is a hit as in `cutoff_detection`; a cutoff
counts where the recording has content that moves with the programme a tenth above it.
"""

from __future__ import annotations

import argparse
import csv
import math
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from cutoff_detection import FILTERS, Audio, is_hit, low_pass
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import bandwidth_of
from hifisr_cli.results import Bandwidth

CUTOFFS_HZ = (4000, 8000, 12_000, 16_000)
REACH = 1.1  # times the cutoff that the content must reach for the cutoff to count
SURE = 0.5  # the confidence from which a wrong edge counts as claimed
SECONDS, RATE = 6, 48_000  # of synthetic sounds
SEEDS = 12  # synthetic sounds of each kind


def sixteen_bits(audio: Audio) -> Audio:
    """The recording [C, T] rounded to 16 bits."""
    return np.asarray(np.round(np.clip(audio, -1, 1) * 32767) / 32768)


def resampled(audio: Audio, rate: int, to: int) -> Audio:
    """The recording [C, T] at another rate."""
    common = math.gcd(rate, to)
    return np.asarray(signal.resample_poly(audio, to // common, rate // common, axis=1))


def stereo(audio: Audio, rate: int) -> Audio:
    """The recording [1, T] placed to the left: later by 0.3 ms and lower by 6 dB to the right, [2, T]."""
    late = round(0.0003 * rate)
    return np.concatenate([audio, 0.5 * np.pad(audio, ((0, 0), (late, 0)))[:, : audio.shape[1]]])


# What changes nothing about the bandwidth of [1, T] at a rate in Hz.
WAYS: dict[str, Callable[[Audio, int], tuple[Audio, int]]] = {
    "as it is": lambda audio, rate: (audio, rate),
    "at 48 kHz": lambda audio, rate: (resampled(audio, rate, 48_000), 48_000),
    "at 44.1 kHz": lambda audio, rate: (resampled(audio, rate, 44_100), 44_100),
    "-20 dB": lambda audio, rate: (0.1 * audio, rate),
    "16 bits": lambda audio, rate: (sixteen_bits(audio), rate),
    "first 5 s": lambda audio, rate: (audio[:, : 5 * rate], rate),
    "stereo": lambda audio, rate: (stereo(audio, rate), rate),
}


def drone(partials: Audio, rng: np.random.Generator) -> Audio:
    """A steady chord [1, T] of three notes with these amplitudes of partials [P], in 16 bits with dither."""
    time = np.arange(SECONDS * RATE) / RATE
    chord = sum(
        amplitude * np.sin(2 * np.pi * (number + 1) * pitch * time + rng.uniform(0, 6))
        for pitch in rng.uniform(110, 440) * np.array([1, 1.26, 1.5])
        for number, amplitude in enumerate(partials)
    )
    return dithered(np.asarray(chord), rng)


def decay(partials: Audio, rng: np.random.Generator) -> Audio:
    """Struck notes [1, T], two a second, whose high partials [P] die first, in 16 bits with dither."""
    time = np.arange(2 * RATE) / RATE
    audio = np.zeros((SECONDS + 2) * RATE)
    for onset in range(0, SECONDS * RATE, RATE // 2):
        pitch = 110 * 2 ** (rng.integers(24) / 12)
        for number, amplitude in enumerate(partials):
            tone = np.sin(2 * np.pi * (number + 1) * pitch * time + rng.uniform(0, 6))
            audio[onset : onset + len(time)] += amplitude * tone * np.exp(-time * (1 + 0.7 * number))
    return dithered(audio[: SECONDS * RATE], rng)


def dithered(audio: Audio, rng: np.random.Generator) -> Audio:
    """The sound [T] at -20 dBFS in 16 bits, [1, T]."""
    audio = 0.1 * audio / audio.std() + (rng.random(len(audio)) - rng.random(len(audio))) / 32768
    return sixteen_bits(audio[None])


SOUNDS: dict[str, Callable[[np.random.Generator], Audio]] = {
    "sines": lambda rng: drone(np.ones(1), rng),
    "sawtooths of 4 partials": lambda rng: drone(1 / np.arange(1, 5), rng),
    "sawtooths of 12 partials": lambda rng: drone(1 / np.arange(1, 13), rng),
    "organ of 6 octaves": lambda rng: drone(np.where(np.isin(np.arange(1, 33), 2 ** np.arange(6)), 0.5, 0.0), rng),
    "struck notes, -6 dB a partial": lambda rng: decay(0.5 ** np.arange(16), rng),
    "struck notes, -3 dB a partial": lambda rng: decay(0.7 ** np.arange(24), rng),
}


def measured(audio: Audio, rate: int) -> Bandwidth:
    """What the meter says of a recording [C, T]."""
    levels = BandLevels(rate)
    levels.push(audio.astype(np.float32))
    return bandwidth_of(levels.finished())


def told(found: Bandwidth) -> str:
    """In a few words."""
    return f"{found.cutoff_hz:.0f} Hz ({found.source}, {found.confidence:.2f})"


def recognised(paths: list[Path], kinds: dict[Path, str]) -> None:
    """Prints how many recordings are called band-limited in each of the ways, and which."""
    print("| full-band, called band-limited | recordings | " + " | ".join(WAYS) + " |\n|---|---|" + "---|" * len(WAYS))
    wrong: list[str] = []
    for kind in dict.fromkeys(kinds[path] for path in paths):
        some = [path for path in paths if kinds[path] == kind]
        counts = dict.fromkeys(WAYS, 0)
        for path in some:
            audio, rate = soundfile.read(path, always_2d=True)
            for name, way in WAYS.items():
                found = measured(*way(audio.T, rate))
                if found.source == "edge":
                    counts[name] += 1
                    wrong.append(f"- {path.stem} {name}: {told(found)}")
        print(f"| {kind} | {len(some)} | " + " | ".join(map(str, counts.values())) + " |")
    print("\n" + "\n".join(wrong))


def drones() -> None:
    """Prints how many synthetic sounds are called band-limited, and how surely."""
    print(f"\n| synthetic | sounds | called band-limited | with a confidence of {SURE} or more |\n|---|---|---|---|")
    for name, sound in SOUNDS.items():
        every = [measured(sound(np.random.default_rng([7, seed])), RATE) for seed in range(SEEDS)]
        edges = [found for found in every if found.source == "edge"]
        print(f"| {name} | {SEEDS} | {len(edges)} | {sum(found.confidence >= SURE for found in edges)} |")


def limited(paths: list[Path], reach: dict[Path, float]) -> None:
    """Prints how often the cutoff of a low-pass is found, by filter and cutoff; half of the cases in 16 bits."""
    hits: dict[tuple[str, int], list[tuple[bool, float]]] = defaultdict(list)
    for path in paths:
        audio, rate = soundfile.read(path)
        for cutoff in (cutoff for cutoff in CUTOFFS_HZ if reach[path] >= REACH * cutoff):
            for kind in FILTERS:
                rng = np.random.default_rng(zlib.crc32(f"{path.name}{cutoff}{kind}".encode()))
                filtered = low_pass(audio, rate, kind, cutoff, rng)
                found = measured(sixteen_bits(filtered[None]) if rng.integers(2) else filtered[None], rate)
                ratio = found.cutoff_hz / cutoff
                hits[kind, cutoff].append((is_hit(found, cutoff, "plain"), ratio))
    print("\n| found, % | " + " | ".join(f"{cutoff} Hz" for cutoff in CUTOFFS_HZ) + " | all | too low | too high |")
    print("|---|" + "---|" * (len(CUTOFFS_HZ) + 3))
    for kind in (*FILTERS, "**all**"):
        columns = [[case for k in FILTERS if kind in (k, "**all**") for case in hits[k, c]] for c in CUTOFFS_HZ]
        every = [case for column in columns for case in column]
        low, high = (np.mean([not hit and sign * (ratio - 1) > 0 for hit, ratio in every]) for sign in (-1, 1))
        rates = [np.mean([hit for hit, _ in column]) if column else math.nan for column in (*columns, every)]
        print(f"| {kind} | " + " | ".join(f"{100 * rate:.1f}" for rate in (*rates, low, high)) + " |")
    print(f"\n{sum(map(len, hits.values()))} cases")


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/sound/validation"))
    options = parser.parse_args()
    with (options.data / "sources.csv").open(newline="") as stream:
        rows = {options.data / row["path"]: row for row in csv.DictReader(stream)}
    paths = list(rows)
    recognised(paths, {path: row["kind"] for path, row in rows.items()})
    drones()
    limited(paths, {path: float(row["programme_hz"]) for path, row in rows.items()})


if __name__ == "__main__":
    main()
