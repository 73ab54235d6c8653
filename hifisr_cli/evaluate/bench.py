"""The bench: band-limit full-band recordings, restore them the way `upsample` does, measure what came out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from hifisr_cli.audio.decode import open_recording
from hifisr_cli.audio.formats import AUDIO_SUFFIXES
from hifisr_cli.audio.resample import resample
from hifisr_cli.dsp.lsd import N_FFT, lsd
from hifisr_cli.errors import NoAudioError
from hifisr_cli.restore.recording import RestoreOptions, restore_file
from hifisr_cli.results import SAMPLE_RATE

if TYPE_CHECKING:
    from hifisr_cli.restore.model import Model

Wave = NDArray[np.float32]

DEFAULT_RATES = (4_000, 8_000, 16_000, 24_000)


@dataclass(frozen=True, slots=True)
class Score:
    """One recording from one input rate.

    Attributes:
        recording: path relative to the data folder.
        rate: of the band-limited input, in Hz.
        lsd, lsd_low, lsd_high: over all bins, below and from the input's Nyquist frequency up.
        cutoff_hz: that was detected.
        kept_band_error_db: None where it could not be measured, -inf where nothing moved.
    """

    recording: str
    rate: int
    lsd: float
    lsd_low: float
    lsd_high: float
    cutoff_hz: float
    kept_band_error_db: float | None


def find_recordings(folder: Path, exclude: Iterable[str] = ()) -> list[Path]:
    """Every recording below a folder, in order, but those whose relative path contains one of `exclude`.

    Raises `NoAudioError` when there is none.
    """
    unwanted = tuple(exclude)
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and path.is_file()
        and not any(text in path.relative_to(folder).as_posix() for text in unwanted)
    )
    if not found:
        raise NoAudioError("no recordings to measure on", path=folder)
    return found


def evaluate(
    folder: Path,
    recordings: list[Path],
    model: Model,
    *,
    rates: Iterable[int] = DEFAULT_RATES,
    detect_cutoff: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Scores a model on full-band recordings (their first channels), which are named relative to their folder.

    Args:
        detect_cutoff: False tells the network the input's Nyquist frequency instead.
        on_progress: hears how many recordings of how many are through.

    Raises:
        FileError: one of them cannot be read.
    """
    scores = []
    for index, path in enumerate(recordings):
        reference = read_full_band(path)
        if reference.size > N_FFT:
            name = path.relative_to(folder).as_posix()
            scores += [score(name, reference, rate, model, detect_cutoff=detect_cutoff) for rate in rates]
        if on_progress is not None:
            on_progress(index + 1, len(recordings))
    return scores


def score(name: str, reference: Wave, rate: int, model: Model, *, detect_cutoff: bool = True) -> Score:
    """Scores one full-band recording [T] at 48 kHz from one input rate."""
    options = RestoreOptions(cutoff_hz=None if detect_cutoff else rate / 2, bit_depth="32f")
    with tempfile.TemporaryDirectory() as folder:
        narrow, restored = Path(folder) / "narrow.wav", Path(folder) / "restored.wav"
        write_float(narrow, resample(reference[None], SAMPLE_RATE, rate), rate)
        result = restore_file(narrow, restored, model=model, options=options)
        estimate = read_full_band(restored)
    length = min(estimate.size, reference.size)
    distance = lsd(torch.from_numpy(estimate[:length]), torch.from_numpy(reference[:length]), rate / 2)
    cutoff = result.bandwidth.cutoff_hz if result.bandwidth is not None else float("nan")
    return Score(name, rate, distance.full, distance.low, distance.high, cutoff, result.kept_band_error_db)


def read_full_band(path: Path) -> Wave:
    """The first channel of a recording at 48 kHz: [T]."""
    with open_recording(path) as recording:
        wave = np.concatenate(list(recording.blocks()), axis=1)[:1]
        return np.asarray(resample(wave, recording.info.sample_rate)[0])


def write_float(path: Path, wave: Wave, rate: int) -> None:
    """A float32 WAV at any rate [C, T]."""
    import soundfile

    soundfile.write(path, wave.T, rate, subtype="FLOAT")
