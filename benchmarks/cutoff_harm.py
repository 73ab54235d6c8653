"""What a cutoff that has to be found costs: LSD of real recordings, low-passed and disturbed in known ways; Markdown.

    python benchmarks/cutoff_harm.py --data ../shared/speech/validation --files 20 --jobs 2
    python benchmarks/cutoff_harm.py --sound --jobs 2

The cases of `cutoff_detection.py`, and soft edges besides, restored in three ways: as hifisr does it, which finds the
cutoff; told the true one, everything above it replaced by the network; and with the cutoff found, everything above it
replaced. Differences are of the first from the others: what is negative is better. The recordings as they are, which
lack nothing, are restored as well: there the LSD should be 0.

With --sound they are music, singing and effects; of those only low-passes count which leave less than moves with the
programme, as in `cutoff_music.py`, and there are rows by kind.

A case loses content where the LSD between the kept edge (where the lowest layer begins) and the true edge is higher
than that of the input by more than 0.02.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from cutoff_detection import CUTOFFS_HZ, DISTURBANCES, FILTERS, Audio, chance, disturbed, low_pass, recordings
from cutoff_music import REACH
from scipy import signal

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import resample
from hifisr_cli.dsp.metrics.lsd import N_FFT, Lsd, log_power, lsd
from hifisr_cli.engines.load import load_model
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.restore.array import stream
from hifisr_cli.restore.survey import MEASURED, CutoffChoice, Survey, survey
from hifisr_cli.results import SAMPLE_RATE

SOFT_FILTERS = ("Bessel 8", "Gaussian", "analogue 2", "windowed sinc")
MOST_LOST = 0.02

_engine: Engine | None = None


@dataclass(frozen=True)
class Original:
    """A full-band recording, its place among the others, and the upper edges in Hz of its content and its programme."""

    place: int
    path: Path
    bandwidth: float
    programme: float


@dataclass(frozen=True)
class Case:
    """One degraded recording; cutoff None is the recording as it is.

    Attributes:
        truth: the upper edge of its content in Hz.
        found: the stretches and their cutoffs, as text.
        kept_hz: where the lowest layer begins; None where none is added.
        output, told, before: LSD as hifisr does it, told the cutoff, and with what was found replaced.
        output_low, told_low: the same below the true edge.
        lost: LSD between the kept and the true edge less that of the input.
    """

    name: str
    kind: str
    cutoff: int | None
    disturbance: str
    truth: float
    found: str
    kept_hz: float | None
    output: float
    told: float
    before: float
    output_low: float
    told_low: float
    lost: float

    @property
    def harm(self) -> float:
        return self.output - self.told

    @property
    def loses(self) -> bool:
        return self.lost > MOST_LOST

    def __str__(self) -> str:
        filtered = f"{self.kind} {self.cutoff}" if self.cutoff else "as it is"
        return f"{self.name} {filtered} {self.disturbance}: {self.truth:.0f} Hz found as {self.found}"


def windowed_sinc(audio: Audio, rate: int, new: int, zeros: int = 6, rolloff: float = 0.99) -> Audio:
    """What `torchaudio.functional.resample` does with its defaults: [T] in, [T * new / rate] out."""
    common = math.gcd(rate, new)
    rate, new = rate // common, new // common
    edge = min(rate, new) * rolloff
    width = math.ceil(zeros * rate / edge)
    place = np.arange(-width, width + rate)[None] / rate - np.arange(new)[:, None] / new
    place = np.clip(place * edge, -zeros, zeros)
    taps = np.sinc(place) * np.cos(place * np.pi / zeros / 2) ** 2 * edge / rate
    padded = np.pad(audio, (width, width + rate))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps.shape[1])[::rate]
    return np.asarray((windows @ taps.T).ravel()[: math.ceil(new * len(audio) / rate)])


def filtered(audio: Audio, rate: int, kind: str, cutoff: int, rng: np.random.Generator) -> Audio:
    """The recording [T] after a low-pass of any kind."""
    if kind == "Gaussian":
        gain = 2.0 ** (-0.5 * (np.fft.rfftfreq(len(audio), 1 / rate) / cutoff) ** 2)
        return np.fft.irfft(gain * np.fft.rfft(audio), len(audio))
    if kind == "analogue 2":
        return np.asarray(signal.lfilter(*signal.butter(2, cutoff, fs=rate), audio))
    if kind == "windowed sinc":
        return windowed_sinc(windowed_sinc(audio, rate, 2 * cutoff), 2 * cutoff, rate)[: len(audio)]
    return low_pass(audio, rate, kind, cutoff, rng)


def restored(wave: Wave, rate: int, choice: CutoffChoice, engine: Engine) -> tuple[Wave, Survey]:
    """What hifisr makes of a recording [C, T] in memory: [C, T] at 48 kHz, and what it found there."""
    found = survey([wave], rate, choice=choice)
    if not found.restorable:
        return resample(wave, rate), found
    parts = stream([wave], rate, found.restoration(engine.level_rms), model=engine)
    return np.concatenate([part.output for part in parts], axis=1), found


def in_words(found: Survey) -> str:
    """Every stretch's cutoff and how sure it is, one after another."""
    lines = [line for channel in found.changes for _, line in channel]
    return ", ".join(
        f"{line.cutoff_hz:.0f} ({line.bandwidth.source}, {line.bandwidth.confidence:.2f})" for line in lines
    )


def distance(one: Wave, other: Wave, cutoff_hz: float) -> Lsd:
    """The LSD of two recordings [T]."""
    return lsd(torch.from_numpy(one), torch.from_numpy(other), cutoff_hz)


def between(one: Wave, other: Wave, low_hz: float, high_hz: float) -> float:
    """The LSD of two recordings [T] in a band; 0 where that holds no bin."""
    first, last = (math.ceil(edge * N_FFT / SAMPLE_RATE) for edge in (low_hz, high_hz))
    powers = [log_power(torch.from_numpy(wave))[first:last] for wave in (one, other)]
    return float((powers[0] - powers[1]).square().mean(dim=0).sqrt().mean()) if last > first else 0.0


def measured(
    recording: Wave, wave: Wave, rate: int, *, cutoff: float | None, truth: float, engine: Engine
) -> dict[str, Any]:
    """Restores a recording [T] of this rate, and compares it with the full-band one at 48 kHz; see `Case`."""
    original = resample(wave[None], rate)
    output, found = restored(wave[None], rate, MEASURED, engine)
    before = restored(wave[None], rate, CutoffChoice(above="replace"), engine)[0] if found.restorable else original
    told = restored(wave[None], rate, CutoffChoice(truth, above="replace"), engine)[0] if cutoff else original
    length = min(len(recording), output.shape[1])
    reference, after = recording[:length], output[0, :length]
    near, near_told = (distance(each, reference, truth) for each in (after, told[0, :length]))
    kept_hz = min((line.kept_hz for channel in found.changes for _, line in channel if line.restores), default=None)
    lost = 0.0
    if kept_hz is not None:
        was = between(original[0, :length], reference, kept_hz, truth)
        lost = between(after, reference, kept_hz, truth) - was
    return {
        "truth": truth,
        "found": in_words(found),
        "kept_hz": kept_hz,
        "output": near.full,
        "told": near_told.full,
        "before": distance(before[0, :length], reference, truth).full,
        "output_low": near.low,
        "told_low": near_told.low,
        "lost": lost,
    }


def begin(model: str | None) -> None:
    """Makes a process ready to restore."""
    global _engine  # noqa: PLW0603  one for each process
    torch.set_num_threads(1)
    _engine = load_model(model, device="cpu", threads=1)


def speech(data: Path, files: int | None) -> list[Original]:
    """Recordings of speech, whose programme reaches as far as their content."""
    found = recordings(data, files)
    return [Original(place, path, bandwidth, math.inf) for place, (path, bandwidth) in enumerate(found)]


def sounds(data: Path, files: int | None) -> list[Original]:
    """Music, singing and effects, or so many of them, evenly spread."""
    with (data / "sources.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    if files:
        rows = [rows[place] for place in np.linspace(0, len(rows) - 1, min(files, len(rows))).astype(int)]
    return [
        Original(place, data / row["path"], float(row["bandwidth_hz"]), float(row["programme_hz"]))
        for place, row in enumerate(rows)
    ]


def cases(original: Original, *, seconds: float | None, every: int) -> list[Case]:
    """Every degradation of one recording, or a part of them; the place of the recording says which."""
    path, bandwidth = original.path, original.bandwidth
    assert _engine is not None
    audio, rate = soundfile.read(path, always_2d=True)
    audio = audio[: None if seconds is None else round(seconds * rate), 0]
    recording, name = resample(audio[None].astype(np.float32), rate)[0], f"{path.parent.name}/{path.stem}"
    result = []
    told = ((cutoff, kind) for cutoff, kind in degradations() if cutoff * REACH <= original.programme)
    for cutoff, kind in islice(told, -original.place * 7 % every, None, every):
        rng = chance(path.name, cutoff, kind)
        for disturbance, degraded in disturbed(filtered(audio, rate, kind, cutoff, rng), rate, rng):
            wave, truth = degraded.astype(np.float32), min(cutoff, bandwidth)
            found = measured(recording, wave, rate, cutoff=cutoff, truth=truth, engine=_engine)
            result.append(Case(name, kind, cutoff, disturbance, **found))
    found = measured(recording, audio.astype(np.float32), rate, cutoff=None, truth=bandwidth, engine=_engine)
    return [*result, Case(name, "none", None, "plain", **found)]


def degradations() -> Iterator[tuple[int, str]]:
    """Every cutoff through every filter."""
    return ((cutoff, kind) for kind in dict.fromkeys((*FILTERS, *SOFT_FILTERS)) for cutoff in CUTOFFS_HZ)


def row(name: str, *cells: object) -> str:
    return f"| {' | '.join([name, *(f'{cell:+.3f}' if isinstance(cell, float) else str(cell) for cell in cells)])} |"


def spread(name: str, some: Sequence[Case]) -> str:
    """What being told nothing costs some cases, as a row."""
    harm, low = np.array([case.harm for case in some]), np.array([case.output_low - case.told_low for case in some])
    shares = [float(np.quantile(harm, share)) for share in (0.5, 0.9, 0.95, 0.99, 1.0)]
    below = [float(low.mean()), float(np.quantile(low, 0.99)), float(low.max())]
    return row(name, len(some), float(harm.mean()), *shares, *below, sum(case.loses for case in some))


def groups(some: Sequence[Case], key: Callable[[Case], str]) -> dict[str, list[Case]]:
    return {name: [case for case in some if key(case) == name] for name in dict.fromkeys(map(key, some))}


def report(every: Sequence[Case], worst: int, *, by_folder: bool) -> None:
    """Prints the tables and the worst cases."""
    degraded = [case for case in every if case.cutoff]
    known = [case for case in degraded if case.kind in FILTERS]
    print(f"\n{len(known)} cases against the true cutoff told and everything above it replaced (LSD):\n")
    print("| | cases | mean | median | 90 % | 95 % | 99 % | worst | below: mean | 99 % | worst | lose content |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    by_kind, by_disturbance = groups(known, lambda case: case.kind), groups(known, lambda case: case.disturbance)
    by_sound = groups(known, lambda case: case.name.partition("/")[0]) if by_folder else {}
    for name, some in {**by_kind, **by_disturbance, **by_sound, "**all**": known}.items():
        print(spread(name, some))
    print(f"\n{len(degraded)} cases against the cutoff found and everything above it replaced (LSD, means):\n")
    print(f"| | before | after | difference | 95 % | worst | {' | '.join(DISTURBANCES)} |")
    print("|---|" + "---|" * (5 + len(DISTURBANCES)))
    for name, some in groups(degraded, lambda case: case.kind).items():
        change = np.array([case.output - case.before for case in some])
        shares = [float(change.mean()), float(np.quantile(change, 0.95)), float(change.max())]
        apart = [
            float(np.mean([case.output - case.before for case in those])) if those else math.nan
            for those in ([case for case in some if case.disturbance == how] for how in DISTURBANCES)
        ]
        levels = [f"{np.mean([getattr(case, which) for case in some]):.3f}" for which in ("before", "output")]
        print(row(name, *levels, *shares, *apart))
    print(f"\nWorst of the {len(known)} against the true cutoff told:\n")
    for case in sorted(known, key=lambda case: -case.harm)[:worst]:
        print(f"- {case.harm:+.3f} ({case.output:.3f}) {case}")
    print(f"\nMost content lost, of {sum(case.loses for case in degraded)} cases that lose any:\n")
    for case in sorted(degraded, key=lambda case: -case.lost)[:worst]:
        print(f"- {case.lost:+.3f}, kept up to {case.kept_hz or math.nan:.0f} Hz, {case}")
    originals = [case for case in every if not case.cutoff]
    touched = [case for case in originals if case.output > 0.0]
    mean = np.mean([case.output for case in originals])
    print(f"\n{len(touched)} of {len(originals)} recordings as they are were added to, mean LSD of all {mean:.3f}:\n")
    for case in sorted(touched, key=lambda case: -case.output):
        print(f"- {case.output:.3f} {case}")


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sound", action="store_true", help="music, singing and effects instead of speech")
    parser.add_argument("--files", type=int, help="only so many, evenly spread")
    parser.add_argument("--every", type=int, default=1, help="only so every so many filters and cutoffs")
    parser.add_argument("--seconds", type=float, help="only the first of each")
    parser.add_argument("--model")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--worst", type=int, default=15)
    parser.add_argument("-o", "--output", type=Path, help="every case, as lines of JSON")
    options = parser.parse_args()
    data = options.data or Path("../shared", "sound" if options.sound else "speech", "validation")
    work = (sounds if options.sound else speech)(data, options.files)
    every: list[Case] = []
    with ProcessPoolExecutor(options.jobs, get_context("spawn"), begin, (options.model,)) as pool:
        for some in pool.map(partial(cases, seconds=options.seconds, every=options.every), work):
            every += some
            if options.output:
                with options.output.open("a") as stream:
                    stream.writelines(f"{json.dumps(asdict(case))}\n" for case in some)
    report(every, options.worst, by_folder=options.sound)


if __name__ == "__main__":
    main()
