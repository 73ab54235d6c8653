"""The first, cheap pass over a recording: how long, how wide, how loud it is. Never loads torch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.decoders.raw import RawFormat
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.resample import output_length
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import bandwidth_of
from hifisr_cli.dsp.bandwidth.track import Track, TrackMeter
from hifisr_cli.dsp.level import NOMINAL_RMS, LevelMeter
from hifisr_cli.dsp.loudness.integrated import LoudnessMeter
from hifisr_cli.restore.course import Course
from hifisr_cli.restore.cutoff_track import CutoffTrack
from hifisr_cli.restore.line import AboveCutoff, Line, line_over
from hifisr_cli.results import (
    SAMPLE_RATE,
    AudioInfo,
    Bandwidth,
    HeardSound,
    SoundKind,
    Stretch,
    cutoffs_in_words,
    kind_of,
)

RESAMPLER_EDGE = 0.985
"""The resampler is -6 dB at this fraction of the input's Nyquist frequency: no cutoff lies above."""

Changes = tuple[tuple[tuple[int, Line], ...], ...]
"""For each channel, or once where all are alike: from which sample on it came over which line."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What the windows of a recording have in common.

    Attributes:
        course: where its content ends, by channel and time.
        gain: brings the recording to the engine's level; undone after it.
        keeps_low_band: the output is the recording and a layer; False leaves all of it to the engine, which is for
            measuring an engine alone.
        sound: what it holds.
    """

    course: Course
    gain: float = 1.0
    keeps_low_band: bool = True
    sound: SoundKind = "speech"


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first pass over a recording measured.

    Attributes:
        frames: samples a channel.
        sample_rate: of the recording, in Hz.
        changes: its lines; the cutoffs are no higher than the resampler reaches.
        rms: active level, 0 for silence.
        peak: largest absolute sample.
        loudness_lufs: integrated loudness, where it was asked for and there is any.
        muted: what would be added to it is not wanted.
        sound: what it holds; None where too little was heard.
    """

    frames: int
    sample_rate: int
    changes: Changes
    rms: float
    peak: float
    loudness_lufs: float | None = None
    muted: bool = False
    sound: HeardSound | None = None

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    @property
    def main(self) -> Line:
        """The line that most of the recording came over; of those that are restored where there are any."""
        lasting: dict[int, int] = defaultdict(int)
        lines: dict[int, Line] = {}
        for channel in self.changes:
            for start, end, line in _parts(channel, self.frames):
                lines[id(line)] = line
                lasting[id(line)] += end - start
        return lines[max(lines, key=lambda key: (lines[key].restores, lasting[key]))]

    @property
    def bandwidth(self) -> Bandwidth:
        """Of the main line."""
        return self.main.bandwidth

    @property
    def kept_hz(self) -> float:
        """Where the layer begins on the main line."""
        return self.main.kept_hz

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The recording in parts of one cutoff each."""
        rate = self.sample_rate
        return tuple(
            Stretch(None if len(self.changes) == 1 else number, start / rate, end / rate, line.bandwidth, line.above)
            for number, channel in enumerate(self.changes, 1)
            for start, end, line in _parts(channel, self.frames)
        )

    @property
    def extended(self) -> str | None:
        """Where the bandwidth is to be extended, such as "above 3.4 kHz"; None where it is not."""
        told = None if self.muted else cutoffs_in_words(self.stretches)
        return None if told is None else f"above {told}"

    @property
    def restorable(self) -> bool:
        """Something of it is to be restored."""
        return self.main.restores and not self.muted

    def gain(self, level_rms: float | None = NOMINAL_RMS) -> float:
        """What brings the active level to the one that an engine wants; 1 where it wants none."""
        return level_rms / self.rms if level_rms is not None and self.rms > 0.0 else 1.0

    def restoration(self, level_rms: float | None) -> Restoration:
        """For the windows of an engine that wants this level."""
        rate = self.sample_rate
        course = Course([[(output_length(start, rate), line) for start, line in channel] for channel in self.changes])
        return Restoration(course, self.gain(level_rms), sound=kind_of(self.sound))

    @property
    def note(self) -> str | None:
        """Why nothing is restored, or None."""
        if self.restorable:
            return None
        if self.main.restores:
            return "its layer is left out (a gain of -inf): copied through"
        if self.bandwidth.source == "silence":
            return "silence: copied through"
        if self.bandwidth.full_band:
            return "full band already: copied through"
        return f"no content above {self.bandwidth.cutoff_hz:.0f} Hz to restore from: copied through"


def _parts(channel: Sequence[tuple[int, Line]], frames: int) -> Iterator[tuple[int, int, Line]]:
    """From where to where a channel came over which line."""
    for index, (start, line) in enumerate(channel):
        end = channel[index + 1][0] if index + 1 < len(channel) else frames
        if index == 0 or start < frames:
            yield start, min(end, frames), line


@dataclass(frozen=True, slots=True)
class CutoffChoice:
    """What is said of the cutoff beforehand.

    Attributes:
        cutoff_hz: given for all of the recording; None measures it.
        track: given as a track.
        above: what becomes of what stands above the edge.
    """

    cutoff_hz: float | None = None
    track: CutoffTrack | None = None
    above: AboveCutoff = "auto"

    @property
    def measures(self) -> bool:
        """Nothing is given."""
        return self.cutoff_hz is None and self.track is None


MEASURED = CutoffChoice()
"""Nothing is said."""


def survey(
    blocks: Iterable[Wave],
    sample_rate: int,
    *,
    choice: CutoffChoice = MEASURED,
    on_progress: Callable[[float], None] | None = None,
    cutoff_meter: TrackMeter | None = None,
    loudness: LoudnessMeter | None = None,
    goes_on: bool = False,
) -> Survey:
    """Measures blocks [C, T] at the source's rate.

    Args:
        choice: what the user says of the cutoff.
        on_progress: called with the seconds done.
        cutoff_meter, loudness: meters to use, for a caller who wants to ask them more.
        goes_on: the blocks are but the beginning; of a given track all changes count.
    """
    cutoff_meter, level = cutoff_meter or TrackMeter(sample_rate), LevelMeter(sample_rate)
    frames = channels = 0
    for block in blocks:
        if loudness is not None:
            loudness.push(block)
        cutoff_meter.push(block)
        level.push(block)
        frames, channels = frames + block.shape[1], block.shape[0]
        if on_progress is not None:
            on_progress(frames / sample_rate)
    rms = level.rms()
    heard = cutoff_meter.result()
    return Survey(
        frames,
        sample_rate,
        _SILENCE
        if rms == 0.0
        else _changes(heard, choice, channels=channels, seconds=math.inf if goes_on else frames / sample_rate),
        rms=rms,
        peak=level.peak,
        loudness_lufs=None if loudness is None else loudness.integrated(),
        sound=cutoff_meter.sound.result(),
    )


_SILENCE: Changes = (((0, Line(Bandwidth(0.0, 1.0, "silence"), 0.0)),),)


def _changes(heard: Track, choice: CutoffChoice, *, channels: int, seconds: float) -> Changes:
    """The lines of a recording, as measured or as given."""
    if choice.track is None:
        lines = [line_over(levels, bandwidth_on(levels, choice.cutoff_hz), choice.above) for levels in heard.lines]
        if choice.cutoff_hz is not None:
            return (((0, lines[0]),),)
        return tuple(tuple((change.start, lines[change.line]) for change in channel) for channel in heard.channels)
    levels, sample_rate = heard.lines[0], heard.lines[0].sample_rate
    given: dict[float | None, Line] = {}
    found = []
    for channel in range(1, channels + 1):
        changes = choice.track.changes(channel, seconds)
        for _, cutoff_hz in changes:
            if cutoff_hz not in given:
                full = Bandwidth(sample_rate / 2, 1.0, "full-band")
                bandwidth = full if cutoff_hz is None else bandwidth_on(levels, cutoff_hz)
                given[cutoff_hz] = line_over(levels, bandwidth, choice.above)
        found.append(tuple((round(start * sample_rate), given[cutoff_hz]) for start, cutoff_hz in changes))
    alike = all(channel == found[0] for channel in found)
    return tuple(found[:1] if alike else found)


def bandwidth_on(levels: BandLevels, cutoff_hz: float | None = None) -> Bandwidth:
    """Of the line that these levels were heard on, as measured or as given; no higher than the resampler reaches."""
    bandwidth = bandwidth_of(levels) if cutoff_hz is None else Bandwidth(cutoff_hz, 1.0, "given")
    highest = RESAMPLER_EDGE * min(levels.sample_rate, SAMPLE_RATE) / 2
    if not bandwidth.full_band and bandwidth.cutoff_hz > highest:
        bandwidth = replace(bandwidth, cutoff_hz=highest)
    return bandwidth


def survey_file(
    path: Path,
    *,
    choice: CutoffChoice = MEASURED,
    on_progress: Callable[[float], None] | None = None,
    salvage: bool = False,
    raw: RawFormat | None = None,
) -> tuple[AudioInfo, Survey, tuple[str, ...]]:
    """Surveys a recording on disk, and says what the user should know about it. Raises what decoding raises."""
    with open_recording(path, salvage=salvage, raw=raw) as recording:
        rate = recording.info.sample_rate
        loudness = LoudnessMeter(rate)
        if choice.track is not None:
            choice.track.check_channels(recording.info.channels, path)
        found = survey(recording.blocks(), rate, choice=choice, on_progress=on_progress, loudness=loudness)
        return recording.info, found, recording.notes
