"""Scoring finished files of any program against their originals, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.dsp.metrics.lsd import N_FFT
from hifisr_cli.errors import NoAudioError
from hifisr_cli.evaluate.bench import find_recordings, read_full_band
from hifisr_cli.evaluate.measures import Measures, Visqol, measure


@dataclass(frozen=True, slots=True)
class Pair:
    """An estimate and what was measured on it; `recording` is the reference's path relative to its folder."""

    recording: str
    measures: Measures


def score_finished(
    references: Path,
    estimates: Path,
    cutoff_hz: float,
    *,
    visqol: Visqol | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Pair]:
    """Measures every estimate that has a reference of the same relative path, whatever their suffixes.

    Args:
        cutoff_hz: where the estimates' inputs ended, for the measures of either side.

    Raises:
        NoAudioError: a folder without recordings, or not one pair.
        FileError: one of them cannot be read.
    """
    by_name = {path.relative_to(estimates).with_suffix(""): path for path in find_recordings(estimates)}
    pairs_of_paths = [
        (path, by_name[name])
        for path in find_recordings(references)
        if (name := path.relative_to(references).with_suffix("")) in by_name
    ]
    if not pairs_of_paths:
        raise NoAudioError("no recording has the name of a reference", path=estimates)
    pairs = []
    for index, (reference_path, estimate_path) in enumerate(pairs_of_paths):
        estimate, reference = read_full_band(estimate_path), read_full_band(reference_path)
        if min(estimate.size, reference.size) > N_FFT:
            recording = reference_path.relative_to(references).as_posix()
            pairs.append(Pair(recording, measure(estimate, reference, cutoff_hz, visqol)))
        if on_progress is not None:
            on_progress(index + 1, len(pairs_of_paths))
    return pairs
