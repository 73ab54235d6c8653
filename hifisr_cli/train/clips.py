"""Training recordings are held in memory; this says how often each is drawn."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave
from hifisr_cli.degrade.noise_floors import Floor, natural_floor
from hifisr_cli.dsp.level import NOMINAL_RMS, active_rms
from hifisr_cli.errors import NoAudioError
from hifisr_cli.results import SAMPLE_RATE

FULL_SCALE = 32767.0  # of 16-bit samples
Kind = Literal["speech", "sound", "rendered"]
_SOUNDS = {"music", "singing", "effects", "sfx", "hit"}  # what the table of sources calls what is not speech


@dataclass(frozen=True, slots=True)
class Clip:
    """A training recording at 48 kHz, as 16-bit samples to save memory.

    Attributes:
        path: where it came from, for weighting by source.
        speaker: who speaks.
        samples: [T].
        gain: brings its active level to -26 dBFS.
        edge_hz: upper edge of its own content.
        bandwidth_hz: no loss is taken above. Where a lossy codec or the sample rate made the edge, that is the edge.
            What an uncompressed recording at 48 kHz lacks is a part of it: many studios end at 21 to 22 kHz.
        floor: its natural noise floor; None where it has none because it went through a lossy codec.
        kind: what may be done with it: voices are recoloured and get other floors, real music and effects do not, and
            what was rendered has to be produced first.
    """

    path: str
    speaker: str
    samples: NDArray[np.int16]
    gain: float
    edge_hz: float
    bandwidth_hz: float
    floor: Floor | None
    kind: Kind = "speech"

    @property
    def seconds(self) -> float:
        return self.samples.size / SAMPLE_RATE

    def wave(self, part: slice = slice(None)) -> Wave:
        """A stretch of it at the network's level: [T]."""
        return self.samples[part].astype(np.float32) * np.float32(self.gain / FULL_SCALE)


def load_clips(folders: list[Path], floors: Mapping[str, float] | None = None) -> list[Clip]:
    """Loads every recording below `folders`.

    A `sources.csv` beside or above them tells bandwidths, speakers and kinds; without it recordings are speech and have
    their full band, and those of a folder are of one speaker.

    Args:
        floors: which of them have a noise floor of their own, see `TrainConfig`.

    Raises:
        NoAudioError: the folders hold no recording.
    """
    from hifisr_cli.audio.open import open_recording
    from hifisr_cli.audio.resample import resample

    clips = []
    for folder in folders:
        sources = _sources(folder)
        for path in sorted(folder.rglob("*.flac")) + sorted(folder.rglob("*.wav")):
            with open_recording(path) as recording:
                rate = recording.info.sample_rate
                wave = np.concatenate(list(recording.blocks()), axis=1)[:1]
            wave = resample(wave, rate, SAMPLE_RATE)[0]
            row = sources.get(path.resolve(), {})
            widest = 0.98 * rate / 2 if rate < SAMPLE_RATE else SAMPLE_RATE / 2
            edge = min(float(row.get("bandwidth_hz", widest)), widest)
            gain = NOMINAL_RMS / max(active_rms(wave, SAMPLE_RATE), 1e-4)
            floor = natural_floor(path.as_posix(), wave * np.float32(gain), edge, floors or {})
            clips.append(
                Clip(
                    path=path.as_posix(),
                    speaker=row.get("speaker", path.parent.as_posix()),
                    samples=np.rint(np.clip(wave, -1, 1) * FULL_SCALE).astype(np.int16),
                    gain=gain,
                    edge_hz=edge,
                    bandwidth_hz=edge if floor is None or rate < SAMPLE_RATE else SAMPLE_RATE / 2,
                    floor=floor,
                    kind="sound" if row.get("kind", "") in _SOUNDS else "speech",
                )
            )
    if not clips:
        raise NoAudioError(f"no training recordings (.flac, .wav) in {', '.join(map(str, folders))}")
    return clips


def _sources(folder: Path) -> dict[Path, dict[str, str]]:
    """The rows of the table of sources by file."""
    for parent in (folder.resolve(), *folder.resolve().parents[:2]):
        table = parent / "sources.csv"
        if table.is_file():
            with table.open(newline="", encoding="utf-8") as file:
                return {parent / row["path"]: row for row in csv.DictReader(file)}
    return {}


def source_weights(clips: list[Clip], sources: dict[str, float]) -> NDArray[np.float64]:
    """Returns the probability of each clip: named sources get their share, all others what is left.

    Within a source a speaker counts as the root of what there is of him or her, so that few are not most of it.
    """
    weights = np.zeros(len(clips))
    named = np.zeros(len(clips), dtype=bool)
    left = 1.0
    for key in (*sources, ""):  # every path contains the last
        members = np.array([key in clip.path for clip in clips]) & ~named
        if members.any():
            share = sources.get(key, left)
            of_speakers = _root_of_speakers([clip for clip, is_in in zip(clips, members, strict=True) if is_in])
            weights[members] = share * of_speakers / of_speakers.sum()
            named |= members
            left -= share
    return np.asarray(weights / weights.sum())


def _root_of_speakers(clips: list[Clip]) -> NDArray[np.float64]:
    """Weights of clips that add up to the root of the seconds of each speaker."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for clip in clips:
        seconds[clip.speaker] += clip.seconds
    return np.array([clip.seconds / seconds[clip.speaker] ** 0.5 for clip in clips])
