"""How well images of poor resamplers are recognised: real recordings, resampled in known ways; prints Markdown.

    python benchmarks/cutoff_images.py --data ../shared/speech/validation ../shared/sound/validation

The first table has recordings that were brought to a low rate and up again by an interpolation that leaves images: in
how many of them the right cutoff is found (and in how many a wrong one). The second has sound without any, and in how
much of it an image is found.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import resampy
import soundfile
from cutoff_detection import Audio, disturb, low_pass
from cutoff_harm import windowed_sinc
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.images import image_in

LOW_RATES = (8000, 11_025, 16_000, 22_050, 24_000, 32_000)
DISTURBANCES = ("plain", "16 bits", "noise -70", "noise", "MP3", "first second")
SECONDS = 10


def down(audio: Audio, rate: int, low: int) -> Audio:
    """The recording [T] at the low rate, without aliases."""
    common = math.gcd(rate, low)
    return np.asarray(signal.resample_poly(audio, low // common, rate // common, window=("kaiser", 9.0)))


def interpolated(audio: Audio, rate: int, low: int, order: int) -> Audio:
    """[T] through the low rate, and up by holding each sample (0), by lines (1) or by cubics (3, Catmull-Rom)."""
    few = down(audio, rate, low)
    place = np.arange(len(audio)) * low / rate
    if order == 0:
        return few[np.minimum(place.astype(int), len(few) - 1)]
    if order == 1:
        return np.interp(place, np.arange(len(few)), few)
    first, part = place.astype(int), place % 1
    before, here, after, beyond = (few[np.clip(first + step, 0, len(few) - 1)] for step in (-1, 0, 1, 2))
    slope, next_slope = (after - before) / 2, (beyond - here) / 2
    bend = 3 * (after - here) - 2 * slope - next_slope
    return here + part * (slope + part * (bend + part * (slope + next_slope - 2 * (after - here))))


def poor(audio: Audio, rate: int, low: int) -> dict[str, Callable[[], Audio]]:
    """The interpolations that leave images."""
    common = math.gcd(rate, low)
    return {
        "windowed sinc, both ways": lambda: windowed_sinc(windowed_sinc(audio, rate, low), low, rate),
        "resample_poly": lambda: signal.resample_poly(down(audio, rate, low), rate // common, low // common),
        "cubic": lambda: interpolated(audio, rate, low, 3),
        "linear": lambda: interpolated(audio, rate, low, 1),
        "hold": lambda: interpolated(audio, rate, low, 0),
    }


def without(audio: Audio, rate: int, rng: np.random.Generator) -> Iterator[tuple[str, Audio]]:
    """Sound that has none: as it is, low-passed, through good converters."""
    yield "as it is", audio
    for cutoff in (3400, 8000, 16_000):
        for kind in ("brick wall", "Butterworth 8", "Chebyshev 8", "Bessel 8"):
            yield kind, low_pass(audio, rate, kind, cutoff, rng)
        few = resampy.resample(audio, rate, 2 * cutoff, filter="kaiser_best")
        yield "resampy", np.asarray(resampy.resample(few, 2 * cutoff, rate, filter="kaiser_best"))
        yield "by FFT", signal.resample(signal.resample(audio, round(len(audio) * 2 * cutoff / rate)), len(audio))


def drones(rate: int, rng: np.random.Generator) -> Iterator[tuple[str, Audio]]:
    """Steady and pulsing tones, among them such whose partials mirror about usual cutoffs."""
    time = np.arange(5 * rate) / rate
    pulse = 1.0 * (np.sin(2 * np.pi * 3 * time) > 0)

    def saw(pitch: float) -> Audio:
        return np.asarray(signal.sawtooth(2 * np.pi * pitch * time)) / 3

    for pitch in (50.0, 100.0, 110.0, 125.0, 150.0, 261.63, 440.0, 500.0):
        for name, audio in (("sawtooth", saw(pitch)), ("fifth", saw(pitch) + saw(1.5 * pitch))):
            yield name, audio
            yield f"{name}, gated", audio * pulse
            yield f"{name}, noise", audio + 0.003 * rng.standard_normal(len(audio))
    for _ in range(20):
        pitches = rng.uniform(100, 15_000, 12)
        yield "sines", np.sin(2 * np.pi * pitches[:, None] * time).mean(axis=0)


def found(audio: Audio, rate: int) -> float | None:
    """The cutoff in Hz above which an image stands in [T], if any does."""
    levels = BandLevels(rate)
    levels.push(audio[None].astype(np.float32))
    image = image_in(levels.mirrored, rate)
    return None if image is None else image.cutoff_hz


def disturbed(audio: Audio, rate: int, how: str, rng: np.random.Generator) -> Audio:
    """[T] disturbed, or its first second; clipping would be a disturbance of its own."""
    audio = 0.7 * audio / max(0.7, float(np.abs(audio).max()))
    if how == "16 bits":
        return np.round(audio * 32767) / 32768
    if how == "noise -70":
        return audio + 10 ** (-70 / 20) * rng.standard_normal(len(audio))
    if how == "first second":
        return audio[:rate]
    return disturb(audio, rate, how, rng)


def table(title: str, counts: dict[tuple[str, str], Counter[str]], kinds: list[str], *, wrong: bool) -> None:
    """Prints shares in % by kind and disturbance; with those of wrong cutoffs where there are any."""
    print(f"\n| {title} | cases | {' | '.join(DISTURBANCES)} |\n|---|---|{'---|' * len(DISTURBANCES)}")
    for kind in kinds:
        cells = []
        for how in DISTURBANCES:
            count = counts[kind, how]
            cell = f"{100 * count['found'] / max(count.total(), 1):.1f}"
            cells.append(f"{cell} ({count['wrong']} wrong)" if wrong and count["wrong"] else cell)
        print(f"| {kind} | {counts[kind, DISTURBANCES[0]].total()} | {' | '.join(cells)} |")


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", default=[Path("../shared/speech/validation")])
    parser.add_argument("--files", type=int, help="only so many of each folder, evenly spread")
    options = parser.parse_args()
    with_images: dict[tuple[str, str], Counter[str]] = {}
    free: dict[tuple[str, str], Counter[str]] = {}

    def note(counts: dict[tuple[str, str], Counter[str]], kind: str, how: str, verdict: str) -> None:
        counts.setdefault((kind, how), Counter())[verdict] += 1

    for folder in options.data:
        paths = sorted(folder.rglob("*.flac"))
        if options.files and options.files < len(paths):
            paths = [paths[place] for place in np.linspace(0, len(paths) - 1, options.files).astype(int)]
        for path in paths:
            audio, rate = soundfile.read(path, always_2d=True, stop=SECONDS * 48_000)
            audio = audio[:, 0]
            rng = np.random.default_rng(zlib.crc32(path.name.encode()))
            low = int(rng.choice(LOW_RATES))
            for kind, make in poor(audio, rate, low).items():
                made = make()
                for how in DISTURBANCES:
                    cutoff = found(disturbed(made, rate, how, rng), rate)
                    note(with_images, kind, how, {None: "missed", low / 2: "found"}.get(cutoff, "wrong"))
            for kind, made in without(audio, rate, rng):
                for how in DISTURBANCES:
                    cutoff = found(disturbed(made, rate, how, rng), rate)
                    note(free, kind, how, "free" if cutoff is None else "found")
                    if cutoff is not None:
                        print(f"- {path.stem}, {kind}, {how}: {cutoff:.0f} Hz", flush=True)
    for kind, made in drones(48_000, np.random.default_rng(0)):
        for how in DISTURBANCES:
            cutoff = found(disturbed(made, 48_000, how, np.random.default_rng(1)), 48_000)
            note(free, kind, how, "free" if cutoff is None else "found")
    table("recognised, %", with_images, list(dict.fromkeys(kind for kind, _ in with_images)), wrong=True)
    table("no image, yet one found, %", free, list(dict.fromkeys(kind for kind, _ in free)), wrong=False)


if __name__ == "__main__":
    main()
