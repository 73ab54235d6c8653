"""Plain data that every layer may use: what a recording is, what was done to it, how far a run has come.

All frozen, all made of built-in types, so that they can be printed, compared and sent between processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SAMPLE_RATE = 48_000
"""The rate of every output and of everything inside, in Hz."""

KEPT_FRACTION = 0.9
"""Up to this fraction of the cutoff an output is the resampled input."""

LEAST_CROSSOVER_HZ = 60.0
"""The narrowest crossover from the recording to what is generated."""

LOWEST_CUTOFF_HZ = 500.0
"""Below this there is hum or rumble, but no speech to restore from."""

STEEP_RATIO = 1.12
"""A steep edge is done within so much: a Chebyshev filter of order 8 takes 1.16, a brick wall as measured 1.02."""

STEEP_HZ = 250.0
"""Or within so much, as bands of 200 Hz show it: breaks at 1.5 and 2 kHz take up to 211 Hz, a Chebyshev filter 310."""

LAYER_FRAME = 960
"""Samples of the short-time spectra in which the added layer is made: 20 ms."""

SoundKind = Literal["speech", "other"]
SOUND_KINDS: tuple[SoundKind, ...] = ("speech", "other")
CutoffSource = Literal["edge", "images", "nyquist", "full-band", "silence", "given"]
Status = Literal["restored", "copied", "skipped", "failed", "planned"]
Container = Literal["wav", "flac", "ogg", "mp3", "aiff", "raw", "other"]


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a recording says of itself.

    Attributes:
        container: libsndfile's major format, "WAV", "FLAC", "OGG", "MP3", "AIFF", "RF64", ...
        codec: libsndfile's subtype, "PCM_16", "FLOAT", "ULAW", "VORBIS", "OPUS", ...
        sample_rate: Hz.
        channels: number of channels.
        frames: samples a channel as the header promises them, None when it does not.
        bits: bits a sample of a linear PCM or float source; None for companded and lossy codecs.
        is_float: the source holds floating-point samples.
        lossy: the codec is lossy.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    frames: int | None
    bits: int | None
    is_float: bool
    lossy: bool

    @property
    def seconds(self) -> float | None:
        return None if self.frames is None else self.frames / self.sample_rate


@dataclass(frozen=True, slots=True)
class Slope:
    """Where content sinks at its edge: by 1 dB at `from_hz`, by 20 dB at `to_hz`."""

    from_hz: float
    to_hz: float

    @property
    def octave_db(self) -> float:
        """Returns by how many dB an octave it falls on the average."""
        return 19.0 / math.log2(max(self.to_hz / self.from_hz, 1.001))

    @property
    def steep(self) -> bool:
        """It is no slope but a break, as converters and codecs make it."""
        return self.to_hz < max(STEEP_RATIO * self.from_hz, self.from_hz + STEEP_HZ)


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """The upper edge of a recording's real content.

    Attributes:
        cutoff_hz: upper edge of the content in Hz, at most the source's Nyquist frequency.
        confidence: 0 (a guess) to 1 (beyond doubt).
        source: how it was found: a spectral edge, images (what stands above the cutoff is the mirror image of what
            stands below, left by a poor resampler, and no content), the Nyquist frequency of the file, no edge at all
            (full band), silence (nothing to measure), or given by the user.
        slope: the shape of the edge, None where there is none to be measured.
    """

    cutoff_hz: float
    confidence: float
    source: CutoffSource
    slope: Slope | None = None

    @property
    def certain(self) -> bool:
        """False where the user had better listen, or give the cutoff."""
        return self.confidence >= 0.5

    @property
    def full_band(self) -> bool:
        """True where there is nothing to restore."""
        return self.source in ("full-band", "silence")

    @property
    def restorable(self) -> bool:
        """There is something above the cutoff to restore, and something below to restore it from."""
        return not self.full_band and (self.source == "given" or self.cutoff_hz >= LOWEST_CUTOFF_HZ)


@dataclass(frozen=True, slots=True)
class HeardSound:
    """What a recording holds, as it sounds.

    Attributes:
        kind: what it is taken for: speech, or music and whatever else is none.
        speech: the probability that it is speech, 0 to 1.
    """

    kind: SoundKind
    speech: float

    @property
    def in_words(self) -> str:
        """Such as "music or other sound (speech: 3 %)"."""
        if self.kind == "speech":
            return f"speech ({self.speech:.0%})"
        return f"music or other sound (speech: {self.speech:.0%})"


def kind_of(sound: HeardSound | None) -> SoundKind:
    """Its kind; speech, which most archives hold most of, where too little was heard to tell."""
    return "speech" if sound is None else sound.kind


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a recording that has one cutoff.

    Attributes:
        channel: counted from 1; None where all channels are alike.
        start_seconds, end_seconds: where it begins and ends.
        bandwidth: the upper edge of its content.
        above: what becomes of what stands above that edge: it stays, and what it lacks is added, or it is replaced;
            None where nothing is added.
    """

    channel: int | None
    start_seconds: float
    end_seconds: float
    bandwidth: Bandwidth
    above: Literal["complement", "replace"] | None = None


def restored_from_hz(stretches: Sequence[Stretch]) -> float | None:
    """The lowest cutoff above which something is restored; None where nothing is."""
    return min((each.bandwidth.cutoff_hz for each in stretches if each.bandwidth.restorable), default=None)


def cutoff_range(stretches: Sequence[Stretch]) -> str | None:
    """The cutoffs of what is restored, such as "3.4 kHz", "3.4 to 15.0 kHz" or "3.4 kHz to full band".

    None where nothing is.
    """
    found = [each.bandwidth.cutoff_hz for each in stretches if each.bandwidth.restorable]
    if not found:
        return None
    lowest, highest = f"{min(found) / 1000:.1f}", f"{max(found) / 1000:.1f}"
    if any(each.bandwidth.source == "full-band" for each in stretches):
        return f"{lowest} kHz to full band"
    return f"{lowest} kHz" if lowest == highest else f"{lowest} to {highest} kHz"


def cutoffs_in_words(stretches: Sequence[Stretch]) -> str | None:
    """The same with what is behind it, such as "3.4 to 15.0 kHz (changes 5 times)"."""
    told = cutoff_range(stretches)
    if told is None or len(stretches) == 1:
        return told
    if stretches[0].channel is not None:
        moves = len(stretches) > len({each.channel for each in stretches})
        return f"{told} (by channel{' and time' if moves else ''})"
    changes = len(stretches) - 1
    return f"{told} (changes {'once' if changes == 1 else f'{changes} times'})"


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as data: its stable code, its message and what to do."""

    code: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one recording.

    Attributes:
        input, output: paths as text ("-" for the standard streams); output is None if there is none.
        status: restored; copied (full band, nothing to restore); skipped (output stood there already);
            failed; planned (dry run).
        seconds: duration of the recording.
        bandwidth: the detected or given cutoff: that of most of what is restored.
        stretches: the whole recording in parts of one cutoff each, by channel and time; one where it has one cutoff.
        gain_db: level normalisation before the network (undone after it).
        kept_hz: the recording is kept whole below; from here to the cutoff what is generated takes over.
        kept_band_error_db: energy of (output - resampled input) below 0.9 of the cutoff over the input's energy
            there, in dB; -inf when identical, None when not measured.
        clipped_samples: samples limited to full scale while encoding.
        codec, bits: of the output.
        wall_seconds: time spent.
        loudness_lufs: integrated loudness of the input (BS.1770-4, at its own rate); None below -70 LUFS.
        output_loudness_lufs, true_peak_dbtp: the same of the output, and its true peak, as it was encoded.
        loudness_gain_db: gain of the output for the sake of its loudness or true peak; 0 is exactly 1.
        salvaged: the recording was damaged; this is what was readable of it (a warning says how much).
        measured_seconds: of a stream, what its cutoff and level were measured on; None: the whole recording.
        model: the network that restored it; None where none did.
        layer: path of the file that has what was added to the recording, alone.
        sound: what it holds; None where too little was heard.
        model_reason: why it was this network; None where it was asked for by name.
        warnings: one line each.
    """

    input: str
    output: str | None
    status: Status
    info: AudioInfo | None = None
    seconds: float | None = None
    bandwidth: Bandwidth | None = None
    stretches: tuple[Stretch, ...] = ()
    gain_db: float | None = None
    kept_hz: float | None = None
    kept_band_error_db: float | None = None
    clipped_samples: int = 0
    codec: str | None = None
    bits: int | None = None
    wall_seconds: float | None = None
    loudness_lufs: float | None = None
    output_loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    loudness_gain_db: float | None = None
    model: str | None = None
    salvaged: bool = False
    measured_seconds: float | None = None
    layer: str | None = None
    sound: HeardSound | None = None
    model_reason: str | None = None
    warnings: tuple[str, ...] = ()
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A finished run: its results in input order and the wall time of the whole.

    `expected_seconds` is the wall time that a dry run expects of the real one, None where it does not look.
    """

    results: tuple[FileResult, ...]
    wall_seconds: float
    expected_seconds: float | None = None

    def count(self, status: Status) -> int:
        return sum(result.status == status for result in self.results)

    @property
    def audio_seconds(self) -> float:
        """Seconds of audio that were restored or copied."""
        return sum(r.seconds or 0.0 for r in self.results if r.status in ("restored", "copied"))

    @property
    def times_real_time(self) -> float:
        """Audio seconds per wall second."""
        return self.audio_seconds / self.wall_seconds if self.wall_seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class FileStarted:
    """Work on a file begins. `seconds` is None until the duration is known."""

    index: int
    count: int
    input: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class FileProgressed:
    """`seconds` of `total_seconds` of the current file are through the stage."""

    index: int
    input: str
    stage: Literal["survey", "restore"]
    seconds: float
    total_seconds: float | None


@dataclass(frozen=True, slots=True)
class FileFinished:
    """A file is done, one way or the other."""

    index: int
    count: int
    result: FileResult


Event = FileStarted | FileProgressed | FileFinished
