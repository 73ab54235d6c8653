"""The bench: degrade full-band recordings, restore them the way `upsample` does, measure what came out.

Finished files of any program are scored against their originals, too, by name.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.resample import resample
from hifisr_cli.audio.suffixes import AUDIO_SUFFIXES
from hifisr_cli.dsp.metrics.lsd import N_FFT
from hifisr_cli.errors import NoAudioError
from hifisr_cli.evaluate.conditions import Condition, Degraded
from hifisr_cli.evaluate.kinds import OTHER, kind_of
from hifisr_cli.evaluate.measures import Measures, Visqol, measure
from hifisr_cli.restore.array import stream
from hifisr_cli.restore.file import RestoreOptions, restore_file
from hifisr_cli.restore.survey import survey
from hifisr_cli.results import SAMPLE_RATE

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine

UNTOUCHED = "untouched input"


@dataclass(frozen=True, slots=True)
class Score:
    """One recording under one condition.

    Attributes:
        recording: path relative to the data folder.
        kind: of the sound, see `kinds.kind_of`.
        condition: its name.
        system: that restored it: a model's name, or `UNTOUCHED`.
        restored: what came out, against the reference.
        visqol_before: ViSQOL of the unprocessed input.
        cutoff_hz: that was detected or given.
        kept_band_error_db: None where it could not be measured, -inf where nothing moved.
        seconds: duration of the recording.
        cpu_seconds: of restoring it, reading and writing included.
    """

    recording: str
    kind: str
    condition: str
    system: str
    restored: Measures
    visqol_before: float | None
    cutoff_hz: float
    kept_band_error_db: float | None
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """A score with the sounds that it speaks of, for pictures: input (resampled), output and reference, [T] each."""

    score: Score
    before: Wave
    after: Wave
    reference: Wave


@dataclass(frozen=True, slots=True)
class Pair:
    """An estimate and what was measured on it; `recording` is the reference's path relative to its folder."""

    recording: str
    measures: Measures


def find_recordings(folder: Path, exclude: Iterable[str] = ()) -> list[Path]:
    """Every recording below a folder, in order, but those whose relative path contains one of `exclude`.

    Raises `NoAudioError` when there is none.
    """
    unwanted = tuple(exclude)
    recordings = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and path.is_file()
        and not any(text in path.relative_to(folder).as_posix() for text in unwanted)
    )
    if not recordings:
        raise NoAudioError("no recordings to measure on", path=folder)
    return recordings


def evaluate(
    folder: Path,
    recordings: Sequence[Path],
    models: Sequence[Engine],
    conditions: Sequence[Condition],
    *,
    with_untouched: bool = False,
    visqol: Visqol | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Scores models on full-band recordings (their first channels), which are named relative to their folder.

    Args:
        with_untouched: score the inputs as they are, too. Their LSD says little: it is that of an empty band.
        visqol: from `measures.load_visqol`; None leaves it out.
        on_progress: called with how many recordings are scored, and how many there are.

    Raises:
        FileError: one of them cannot be read.
    """
    scores = []
    for index, path in enumerate(recordings):
        recording = read_full_band(path)
        if recording.size > N_FFT:
            name, kind = path.relative_to(folder).as_posix(), kind_of(path)
            for condition in conditions:
                degraded = condition.degrade(recording)
                untouched = _untouched(name, degraded, condition, kind, visqol)
                scores += [untouched] if with_untouched else []
                scores += [
                    assess(name, degraded, condition, model, kind=kind, visqol=visqol, untouched=untouched).score
                    for model in models
                ]
        if on_progress is not None:
            on_progress(index + 1, len(recordings))
    return scores


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


def assess(
    name: str,
    degraded: Degraded,
    condition: Condition,
    model: Engine,
    *,
    kind: str = OTHER,
    visqol: Visqol | None = None,
    untouched: Score | None = None,
) -> Assessment:
    """Restores and measures one recording that was degraded under this condition."""
    started = time.process_time()
    run = _restored(degraded, condition, model) if condition.replace else _generated(degraded, model)
    after, cutoff_hz, kept_band_error_db = run
    spent = time.process_time() - started
    before, reference = _at_full_rate(degraded), degraded.reference
    length = min(before.size, after.size, reference.size)
    before, after, reference = before[:length], after[:length], reference[:length]
    score = Score(
        name,
        kind,
        condition.name,
        model.identity.name,
        measure(after, reference, condition.cutoff_hz, visqol),
        None if untouched is None else untouched.restored.visqol,
        cutoff_hz,
        kept_band_error_db,
        length / SAMPLE_RATE,
        spent,
    )
    return Assessment(score, before, after, reference)


def _untouched(name: str, degraded: Degraded, condition: Condition, kind: str, visqol: Visqol | None) -> Score:
    """The score of doing nothing."""
    before = _at_full_rate(degraded)
    measures = measure(before, degraded.reference, condition.cutoff_hz, visqol)
    seconds = min(before.size, degraded.reference.size) / SAMPLE_RATE
    told = (condition.cutoff_hz, None, seconds, 0.0)
    return Score(name, kind, condition.name, UNTOUCHED, measures, measures.visqol, *told)


def _at_full_rate(degraded: Degraded) -> Wave:
    """What is to be restored, resampled to 48 kHz and no more: [T]."""
    return np.asarray(resample(degraded.wave[None], degraded.rate, SAMPLE_RATE)[0])


def _restored(degraded: Degraded, condition: Condition, model: Engine) -> tuple[Wave, float, float | None]:
    """Output [T], the cutoff and the kept-band error, through files as `upsample` makes them."""
    options = RestoreOptions(cutoff_hz=None if condition.detect else condition.cutoff_hz, bit_depth="32f")
    with tempfile.TemporaryDirectory() as folder:
        narrow, restored = Path(folder) / "narrow.wav", Path(folder) / "restored.wav"
        write_float(narrow, degraded.wave[None], degraded.rate)
        result = restore_file(narrow, restored, model=model, options=options)
        output = read_full_band(restored)
    cutoff = result.bandwidth.cutoff_hz if result.bandwidth is not None else float("nan")
    return output, cutoff, result.kept_band_error_db


def _generated(degraded: Degraded, model: Engine) -> tuple[Wave, float, None]:
    """What the engine makes of the recording, nothing put back: output [T], the detected cutoff."""
    surveyed = survey([degraded.wave[None]], degraded.rate)
    restoration = replace(surveyed.restoration(model.level_rms), keeps_low_band=False)
    stretches = stream([degraded.wave[None]], degraded.rate, restoration, model=model)
    return np.concatenate([stretch.output[0] for stretch in stretches]), surveyed.bandwidth.cutoff_hz, None


def read_full_band(path: Path) -> Wave:
    """The first channel of a recording at 48 kHz: [T]."""
    with open_recording(path) as recording:
        wave = np.concatenate(list(recording.blocks()), axis=1)[:1]
        return np.asarray(resample(wave, recording.info.sample_rate)[0])


def write_float(path: Path, wave: Wave, rate: int) -> None:
    """A float32 WAV at any rate [C, T]."""
    import soundfile

    soundfile.write(path, wave.T, rate, subtype="FLOAT")
