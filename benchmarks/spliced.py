"""What changes of the cutoff cost: LSD of spliced programmes and of calls, restored as a whole; prints Markdown.

    python benchmarks/spliced.py --speech ../shared/speech/validation --programmes 40

The programmes and calls of `cutoff_track.py`, compared with what they were made of. Each is restored as a whole, as
hifisr does it; its stretches one by one, each as if it were all; as a whole, but told when which of those cutoffs
begins; and with one cutoff, everything above it replaced. What being told makes better is due to changes that are found
late or not at all, the rest of the difference to the stretches one by one to what a network hears of the neighbours and
to the levels, which are the whole recording's.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from cutoff_harm import distance, in_words, restored
from cutoff_track import RATE, Programme, programmes, speakers

from hifisr_cli.arrays import Wave
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import bandwidth_of
from hifisr_cli.engines.load import load_model
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.restore.cutoff_track import CutoffRow, CutoffTrack
from hifisr_cli.restore.survey import MEASURED, CutoffChoice


@dataclass(frozen=True)
class Result:
    """LSD of one programme; `found` says which cutoffs were found in the whole, and in the stretches one by one."""

    name: str
    whole: float
    one_by_one: float
    told: float
    one_cutoff: float
    found: str

    @property
    def loss(self) -> float:
        return self.whole - self.one_by_one

    @property
    def late(self) -> float:
        return self.whole - self.told

    @property
    def context(self) -> float:
        return self.told - self.one_by_one


def one_by_one(wave: Wave, programme: Programme, engine: Engine) -> tuple[Wave, CutoffTrack, list[str]]:
    """The stretches of a programme [C, T], each restored as if it were all; their cutoffs, as a track and in words."""
    output, rows, words = np.empty_like(wave), [], []
    for number, truth in enumerate(programme.truth):
        starts = [start for start, *_ in truth]
        for start, end in pairwise([*starts, wave.shape[1] / RATE]):
            place = slice(round(start * RATE), round(end * RATE))
            output[number, place], found = restored(wave[number : number + 1, place], RATE, MEASURED, engine)
            cutoff = min(found.bandwidth.cutoff_hz, RATE / 2) if found.restorable else None
            rows.append(CutoffRow(start, number + 1, cutoff))
            words.append(in_words(found))
    return output, CutoffTrack(tuple(rows)), words


def measured(programme: Programme, engine: Engine) -> Result:
    """Restores a programme in every way and compares it with what it was."""
    assert programme.reference is not None
    reference, wave = programme.reference.astype(np.float32), programme.audio.astype(np.float32)
    apart, track, alone = one_by_one(wave, programme, engine)
    whole, found = restored(wave, RATE, MEASURED, engine)
    told, _ = restored(wave, RATE, CutoffChoice(track=track), engine)
    levels = BandLevels(RATE)
    levels.push(wave)
    one = bandwidth_of(levels.finished())
    single = restored(wave, RATE, CutoffChoice(one.cutoff_hz, above="replace"), engine)[0] if one.restorable else wave

    def lsd(output: Wave) -> float:
        return float(np.mean([distance(*pair, RATE / 2).full for pair in zip(output, reference, strict=True)]))

    places = [[round(start / RATE, 2) for start, _ in channel] for channel in found.changes]
    words = f"{in_words(found)} from {places} s; one by one {', '.join(alone)}; truth {programme.truth}"
    return Result(programme.name, lsd(whole), lsd(apart), lsd(told), lsd(single), words)


def report(results: list[Result], worst: int) -> None:
    """Prints the table and the worst programmes."""
    headings = ("number", "one cutoff", "one by one", "as a whole", "difference", "90 %", "worst", "late", "context")
    print(f"| programme | {' | '.join(headings)} |\n|---|{'---|' * len(headings)}")
    rows: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        for part in (*result.name.split(", "), "**all**"):
            rows[part].append(result)
    for name, some in sorted(rows.items(), key=lambda row: (row[0] == "**all**", row[0])):
        levels = np.mean([[each.one_cutoff, each.one_by_one, each.whole] for each in some], axis=0)
        loss, late, context = np.array([[each.loss, each.late, each.context] for each in some]).T
        losses = (loss.mean(), np.quantile(loss, 0.9), loss.max(), late.mean(), context.mean())
        cells = [str(len(some)), *(f"{level:.3f}" for level in levels), *(f"{value:+.3f}" for value in losses)]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\nWorst:\n")
    for each in sorted(results, key=lambda each: -each.loss)[:worst]:
        print(f"- {each.loss:+.3f} ({each.late:+.3f} late, {each.context:+.3f} context) {each.name}: {each.found}")


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, default=Path("../shared/speech/validation"))
    parser.add_argument("--programmes", type=int, default=40)
    parser.add_argument("--model")
    parser.add_argument("--worst", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    engine = load_model(options.model, device="cpu", threads=1)
    rng = np.random.default_rng(0)
    found = [measured(each, engine) for each in programmes(speakers(options.speech), options.programmes, rng)]
    report(found, options.worst)


if __name__ == "__main__":
    main()
