"""How well a cutoff could be found by one who knows what the recording was like before; prints Markdown.

    python benchmarks/cutoff_bound.py --data ../shared/speech/validation --files 20

The cases of `cutoff_detection`, but the loud spectrum of the unfiltered recording and the level of the added noise are
given, and the filter is one of those of the benchmark: what is left to find is the cutoff that explains the change
best (by least squares, so a cleverer reader of the same facts could do a little better). No detector has these facts.
Besides, it prints how far the content around the cutoff stands above the noise.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from cutoff_detection import CUTOFFS_HZ, DISTURBANCES, FILTERS, MP3_EDGE_HZ, disturb, low_pass

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.frames import band_edges
from hifisr_cli.dsp.bandwidth.templates import attenuation_db, families

FloatArray = npt.NDArray[np.float64]

LOUD_SHARE = 0.1
DEEPEST_DB, WORST_DB = 75.0, 12.0  # below the loudest band; a band's largest error that counts
NOISE = 10 ** (-50 / 10)
ROUNDING = 8e-11  # 16 bits
KINDS = ("brick", "resampler", "resampler-early", "chebyshev8", "butterworth8", "bessel8")
CANDIDATES_HZ = 800 * 2 ** (np.arange(170) / 36)


class Frames(BandLevels):
    """Keeps the band densities of every frame, silent ones too."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self.kept: list[FloatArray] = []

    def add(self, density: FloatArray) -> None:
        self.kept.append(density)


def frames_of(audio: FloatArray, rate: int) -> FloatArray:
    """[N, K] band densities."""
    frames = Frames(rate)
    frames.push(audio[None].astype(np.float32))
    return np.concatenate(frames.kept)


@lru_cache(maxsize=4)
def gains(rate: int) -> FloatArray:
    """[families * cutoffs, K] power gains."""
    every = [attenuation_db(families()[kind], CANDIDATES_HZ, band_edges(rate), rate) for kind in KINDS]
    return np.asarray(10 ** (np.concatenate(every) / 10))


def told(before: FloatArray, after: FloatArray, rate: int, floor: float) -> float:
    """The cutoff in Hz that best explains what became of the loud frames [N, K] of each band."""
    count = min(len(before), len(after))
    loudest = np.argsort(-before[:count], axis=0)[: max(4, int(LOUD_SHARE * count))]
    source, seen = (np.take_along_axis(x[:count], loudest, 0).mean(axis=0) for x in (before, after))
    expected, observed = 10 * np.log10(source * gains(rate) + floor), 10 * np.log10(seen + 1e-12)
    lowest = observed.max() - DEEPEST_DB
    error = np.abs(np.maximum(expected, lowest) - np.maximum(observed, lowest))
    best = np.argmin(np.sum(np.minimum(error, WORST_DB) ** 2, axis=1))
    return float(CANDIDATES_HZ[best % len(CANDIDATES_HZ)])


def above_noise(plain: FloatArray, rate: int, cutoff: float) -> float:
    """By how many dB the loudest 3 % of frames exceed the noise, in the best band within 8 % below the cutoff."""
    edges = band_edges(rate)
    near = np.flatnonzero((edges[1:] > 0.92 * cutoff) & (edges[:-1] < cutoff))
    return float(10 * np.log10(np.quantile(plain[:, near], 0.97, axis=0).max() / NOISE + 1e-9))


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/speech/validation"))
    parser.add_argument("--files", type=int, default=20)
    options = parser.parse_args()
    root = options.data.resolve().parent
    with (root / "sources.csv").open(newline="") as stream:
        known = [root / row["path"] for row in csv.DictReader(stream)]
    paths = [path for path in known if path.is_relative_to(options.data.resolve())]
    paths = [paths[i] for i in np.linspace(0, len(paths) - 1, min(options.files, len(paths))).astype(int)]
    hits: dict[tuple[str, str], list[bool]] = {key: [] for key in itertools.product(FILTERS, DISTURBANCES)}
    heights: dict[int, list[float]] = {cutoff: [] for cutoff in CUTOFFS_HZ}
    for path, cutoff, kind in itertools.product(paths, CUTOFFS_HZ, FILTERS):
        audio, rate = soundfile.read(path)
        rng = np.random.default_rng(zlib.crc32(f"{path.name}{cutoff}{kind}".encode()))
        before, filtered = frames_of(audio, rate), low_pass(audio, rate, kind, cutoff, rng)
        for disturbance in DISTURBANCES:
            degraded = disturb(filtered, rate, disturbance, rng)
            if rng.integers(2):
                degraded = np.round(np.clip(degraded, -1, 1) * 32767) / 32768
            after = frames_of(degraded, rate)
            if disturbance == "plain":
                heights[cutoff].append(above_noise(after, rate, cutoff))
            found = told(before, after, rate, ROUNDING + NOISE * (disturbance == "noise"))
            hit = abs(found - cutoff) <= max(0.08 * cutoff, 300.0)
            hits[kind, disturbance].append(hit or (disturbance == "MP3" and min(cutoff, found) >= 0.92 * MP3_EDGE_HZ))
    print("\n| filter | " + " | ".join(DISTURBANCES) + " |\n|---|" + "---|" * len(DISTURBANCES))
    for kind in FILTERS:
        print(f"| {kind} | " + " | ".join(f"{100 * np.mean(hits[kind, d]):.1f}" for d in DISTURBANCES) + " |")
    columns = [np.concatenate([hits[kind, d] for kind in FILTERS]) for d in DISTURBANCES]
    print("| **all** | " + " | ".join(f"{100 * np.mean(column):.1f}" for column in columns) + " |")
    print(f"\nAll cases: {100 * np.mean(columns):.1f} %\n")
    print("| cutoff | content above the noise at -50 dBFS, dB (10, 50 % of cases) | below 0 dB |\n|---|---|---|")
    for cutoff, some in heights.items():
        low, middle = np.quantile(some, [0.1, 0.5])
        print(f"| {cutoff} Hz | {low:.0f}, {middle:.0f} | {100 * np.mean(np.array(some) < 0):.0f} % |")


if __name__ == "__main__":
    main()
