"""How well the cutoff is found: real recordings, low-passed and disturbed in known ways; prints Markdown.

    python benchmarks/cutoff_detection.py --data ../shared/speech/validation --files 20

A case is a hit when the detected cutoff is within 8 % or 300 Hz (the larger) of the filter's nominal cutoff, or of the
recording's own bandwidth where that is lower. MP3 at 64 kbit/s keeps nothing above 16 kHz of most speech, so there
anything from 0.92 * 16 kHz to full band is right for cutoffs of 16 kHz and more.

A second table has the recordings as files of a low sample rate, the most usual case: there the right answer is that
content goes up to Nyquist.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import math
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import resampy
import soundfile
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import FULL_BAND_HZ, bandwidth_of
from hifisr_cli.results import Bandwidth

Audio = npt.NDArray[np.float64]

CUTOFFS_HZ = (1500, 2000, 3400, 4000, 5500, 8000, 11000, 12000, 16000)
FILTERS = ("brick wall", "Butterworth 8", "Chebyshev 8", "Bessel 8", "resampled")
DISTURBANCES = ("plain", "hum", "noise", "MP3")
MP3_EDGE_HZ = 16_000.0
NATIVE_RATES = (4000, 8000, 11_025, 16_000, 22_050, 24_000, 32_000)
CONFIDENCES = (0.0, 0.5, 0.7, 0.9, 0.97, 1.0)


@dataclass(frozen=True)
class Case:
    """One degraded recording and what was found in it; cutoff None is the recording as it is."""

    name: str
    cutoff: int | None
    kind: str
    disturbance: str
    truth: float
    found: Bandwidth
    hit: bool


def low_pass(audio: Audio, rate: int, kind: str, cutoff: int, rng: np.random.Generator) -> Audio:
    """The recording [T] after a low-pass of this kind; details that users vary are drawn at random."""
    if kind == "brick wall":
        spectrum = np.fft.rfft(audio)
        spectrum[np.fft.rfftfreq(len(audio), 1 / rate) > cutoff] = 0
        return np.fft.irfft(spectrum, len(audio))
    if kind == "resampled":
        low, choice = 2 * cutoff, rng.integers(3)
        if choice == 0:
            common = math.gcd(low, rate)
            down = signal.resample_poly(audio, low // common, rate // common)
            return np.asarray(signal.resample_poly(down, rate // common, low // common))
        if choice == 1:
            down = resampy.resample(audio, rate, low, filter="kaiser_best")
            return np.asarray(resampy.resample(down, low, rate, filter="kaiser_best"))
        return np.asarray(signal.resample(signal.resample(audio, round(len(audio) * low / rate)), len(audio)))
    if kind == "Butterworth 8":
        sos = signal.butter(8, cutoff, fs=rate, output="sos")
    elif kind == "Chebyshev 8":
        sos = signal.cheby1(8, rng.choice([0.1, 0.5, 1.0]), cutoff, fs=rate, output="sos")
    else:
        sos = signal.bessel(8, cutoff, fs=rate, norm="mag", output="sos")
    return np.asarray(signal.sosfilt(sos, audio))


def disturb(audio: Audio, rate: int, disturbance: str, rng: np.random.Generator) -> Audio:
    """The recording [T] with 50 Hz hum at -10 dB, with white noise at -50 dBFS, or through MP3 at 64 kbit/s."""
    if disturbance == "hum":
        level = np.sqrt(0.1 * np.mean(audio**2))
        return audio + np.sqrt(2) * level * np.sin(2 * np.pi * 50 * np.arange(len(audio)) / rate)
    if disturbance == "noise":
        return audio + 10 ** (-50 / 20) * rng.standard_normal(len(audio))
    if disturbance == "MP3":
        buffer = io.BytesIO()
        soundfile.write(
            buffer,
            np.clip(audio, -1, 1),
            rate,
            format="MP3",
            subtype="MPEG_LAYER_III",
            bitrate_mode="CONSTANT",
            compression_level=0.86,  # of 320 to 32 kbit/s: 72, of which LAME makes 64
        )
        buffer.seek(0)
        return np.asarray(soundfile.read(buffer)[0])
    return audio


def detect(audio: Audio, rate: int) -> Bandwidth:
    """What the meter says of a recording [T]."""
    levels = BandLevels(rate)
    levels.push(audio[None].astype(np.float32))
    return bandwidth_of(levels.finished())


def is_hit(found: Bandwidth, truth: float, disturbance: str) -> bool:
    """Within 8 % or 300 Hz, full band counted as such."""
    if disturbance == "MP3" and truth >= MP3_EDGE_HZ:
        return found.full_band or found.cutoff_hz >= 0.92 * MP3_EDGE_HZ
    if truth >= FULL_BAND_HZ:
        return found.full_band
    return not found.full_band and abs(found.cutoff_hz - truth) <= max(0.08 * truth, 300.0)


def chance(name: str, cutoff: int | None, kind: str) -> np.random.Generator:
    """What decides on the details of a recording's filter and disturbances, always alike."""
    return np.random.default_rng(zlib.crc32(f"{name}{cutoff}{kind}".encode()))


def disturbed(filtered: Audio, rate: int, rng: np.random.Generator) -> Iterator[tuple[str, Audio]]:
    """A filtered recording [T], disturbed in every way. Half of them (by chance) also went through 16 bits."""
    for disturbance in DISTURBANCES:
        degraded = disturb(filtered, rate, disturbance, rng)
        if rng.integers(2):
            degraded = np.round(np.clip(degraded, -1, 1) * 32767) / 32768
        yield disturbance, degraded


def cases(path: Path, bandwidth: float) -> list[Case]:
    """Every degradation of one recording."""
    audio, rate = soundfile.read(path)
    result = []
    for cutoff in (*CUTOFFS_HZ, None):
        for kind in FILTERS if cutoff else ("none",):
            rng = chance(path.name, cutoff, kind)
            filtered = low_pass(audio, rate, kind, cutoff, rng) if cutoff else audio
            for disturbance, degraded in disturbed(filtered, rate, rng):
                truth = min(cutoff or math.inf, bandwidth)
                found = detect(degraded, rate)
                hit = is_hit(found, truth, disturbance)
                result.append(Case(path.stem, cutoff, kind, disturbance, truth, found, hit))
    return result


def native_cases(path: Path, bandwidth: float) -> list[Case]:
    """One recording as files of low sample rates, plain and with noise."""
    audio, rate = soundfile.read(path)
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    result = []
    for low in NATIVE_RATES:
        common = math.gcd(low, rate)
        resampled = np.asarray(signal.resample_poly(audio, low // common, rate // common))
        for disturbance in ("plain", "noise"):
            degraded = disturb(resampled, low, disturbance, rng)
            truth = min(low / 2, bandwidth)
            found = detect(degraded, low)
            hit = found.source != "edge" if truth == low / 2 else is_hit(found, truth, disturbance)
            result.append(Case(path.stem, low // 2, "native", disturbance, truth, found, hit))
    return result


def share(some: list[Case]) -> str:
    """Hit rate in per cent."""
    return f"{100 * sum(case.hit for case in some) / len(some):.1f}" if some else "-"


def table(title: str, every: list[Case], rows: dict[str, list[Case]]) -> None:
    """Prints hit rates by row and disturbance."""
    print(f"\n| {title} | " + " | ".join(DISTURBANCES) + " | all |")
    print("|---|" + "---|" * (len(DISTURBANCES) + 1))
    for name, row in {**rows, "**all**": every}.items():
        rates = [share([case for case in row if case.disturbance == d]) for d in DISTURBANCES]
        print(f"| {name} | " + " | ".join(rates) + f" | {share(row)} |")


def report(every: list[Case], worst: int) -> None:
    """Prints the tables, the reliability of the confidence, and the worst misses."""
    filtered = [case for case in every if case.cutoff]
    groups: dict[str, dict[str, list[Case]]] = {"filter": defaultdict(list), "cutoff": defaultdict(list)}
    for case in filtered:
        groups["filter"][case.kind].append(case)
        groups["cutoff"][f"{case.cutoff} Hz"].append(case)
    for title, rows in groups.items():
        table(title, filtered, rows)
    table("as recorded", [case for case in every if not case.cutoff], {})
    print("\n| filter | found / true: 10, 50, 90 % | too high | too low |\n|---|---|---|---|")
    for kind in FILTERS:
        some = groups["filter"][kind]
        low, middle, high = np.quantile([case.found.cutoff_hz / case.truth for case in some], [0.1, 0.5, 0.9])
        above = np.mean([not case.hit and case.found.cutoff_hz > case.truth for case in some])
        below = np.mean([not case.hit and case.found.cutoff_hz <= case.truth for case in some])
        print(f"| {kind} | {low:.2f}, {middle:.2f}, {high:.2f} | {100 * above:.1f} % | {100 * below:.1f} % |")
    print("\n| confidence | cases | hits |\n|---|---|---|")
    for low, high in itertools.pairwise(CONFIDENCES):
        some = [case for case in every if low <= case.found.confidence < high or high == case.found.confidence == 1]
        print(f"| {low} to {high} | {len(some)} | {share(some)} |")
    print("\nWorst misses:\n")
    misses = [case for case in every if not case.hit]
    for case in sorted(misses, key=lambda c: -abs(math.log(c.found.cutoff_hz / c.truth)))[:worst]:
        print(
            f"- {case.name} {case.kind} {case.disturbance}: {case.truth:.0f} Hz found as {case.found.cutoff_hz:.0f} "
            f"({case.found.source}, confidence {case.found.confidence:.2f})"
        )


def recordings(data: Path, files: int | None) -> list[tuple[Path, float]]:
    """The recordings of a folder, or so many of them, evenly spread, and the bandwidth of each in Hz.

    That is known from `sources.csv`, in the folder or beside it.
    """
    data = data.resolve()
    root = data if (data / "sources.csv").exists() else data.parent
    with (root / "sources.csv").open(newline="") as stream:
        known = [(root / row["path"], float(row["bandwidth_hz"])) for row in csv.DictReader(stream)]
    found = [(path, bandwidth) for path, bandwidth in known if path.is_relative_to(data)]
    if files and files < len(found):
        found = [found[place] for place in np.linspace(0, len(found) - 1, files).astype(int)]
    return found


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/speech/validation"))
    parser.add_argument("--files", type=int, help="only so many, evenly spread")
    parser.add_argument("--worst", type=int, default=15)
    options = parser.parse_args()
    known = recordings(options.data, options.files)
    began = time.perf_counter()
    every: list[Case] = []
    for path, bandwidth in known:
        every += cases(path, bandwidth)
    print(f"{len(every)} cases from {len(known)} recordings in {time.perf_counter() - began:.0f} s")
    report(every, options.worst)
    native = [case for path, bandwidth in known for case in native_cases(path, bandwidth)]
    rows: dict[str, list[Case]] = defaultdict(list)
    for case in native:
        rows[f"{2 * (case.cutoff or 0)} Hz"].append(case)
    print(f"\n{len(native)} files of a low rate with content up to Nyquist:")
    table("sample rate", native, rows)


if __name__ == "__main__":
    main()
