"""One pass over a recording: what it looks like and where its content ends. Never loads torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.decoders.raw import RawFormat
from hifisr_cli.audio.open import open_recording
from hifisr_cli.dsp.spectrogram import Spectrogram, SpectrogramMeter
from hifisr_cli.restore.survey import Survey, survey
from hifisr_cli.results import AudioInfo


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a recording.

    Attributes:
        name: of the file.
        info: what it says of itself.
        spectrogram: of its whole length.
        survey: what a run would measure on it, its cutoffs above all.
    """

    name: str
    info: AudioInfo
    spectrogram: Spectrogram
    survey: Survey


def look_at(path: Path, *, columns: int = 1_024, salvage: bool = False, raw: RawFormat | None = None) -> Look:
    """Reads a recording once, in constant memory; `salvage` and `raw` as for `audio.open.open_recording`.

    Raises what decoding raises.
    """
    with open_recording(path, salvage=salvage, raw=raw) as recording:
        rate = recording.info.sample_rate
        spectrogram = SpectrogramMeter(rate, columns)

        def watched() -> Iterator[Wave]:
            for block in recording.blocks():
                spectrogram.push(block)
                yield block

        surveyed = survey(watched(), rate)
        return Look(path.name, recording.info, spectrogram.result(), surveyed)
