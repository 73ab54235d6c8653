"""The first, cheap pass over a recording: how long, how wide, how loud it is. Never loads torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.decoders.raw import RawFormat
from hifisr_cli.audio.open import open_recording
from hifisr_cli.dsp.bandwidth.channels import channel_edges
from hifisr_cli.dsp.bandwidth.meter import BandwidthMeter, kept_edge_hz
from hifisr_cli.dsp.level import NOMINAL_RMS, LevelMeter
from hifisr_cli.dsp.loudness.integrated import LoudnessMeter
from hifisr_cli.results import SAMPLE_RATE, AudioInfo, Bandwidth, Stretch, cutoffs_in_words

RESAMPLER_EDGE = 0.985
"""The resampler is -6 dB at this fraction of the input's Nyquist frequency: no cutoff lies above."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What the windows of a recording have in common.

    Attributes:
        cutoff_hz: upper edge of the content.
        kept_hz: where the crossover to what is generated begins; None for 0.9 of the cutoff.
        gain: brings the recording to the engine's level; undone after it.
        keeps_low_band: below the crossover the output is the recording; False leaves all of it to the engine, which is
            for measuring an engine alone.
    """

    cutoff_hz: float
    kept_hz: float | None = None
    gain: float = 1.0
    keeps_low_band: bool = True


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first pass over a recording measured.

    Attributes:
        frames: samples a channel.
        sample_rate: of the recording, in Hz.
        bandwidth: the detected (or given) cutoff, no higher than the resampler reaches.
        rms: active level, 0 for silence.
        peak: largest absolute sample.
        loudness_lufs: integrated loudness, where it was asked for and there is any.
        kept_hz: where the crossover to what is generated begins: the recording is kept whole below.
        channel_edges_hz: where each channel ends, where they clearly differ.
    """

    frames: int
    sample_rate: int
    bandwidth: Bandwidth
    rms: float
    peak: float
    kept_hz: float
    loudness_lufs: float | None = None
    channel_edges_hz: tuple[float, ...] | None = None

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The recording in parts of one cutoff each."""
        if self.channel_edges_hz is None:
            return (Stretch(None, 0.0, self.seconds, self.bandwidth),)
        whole = self.bandwidth
        found = (
            whole if edge == whole.cutoff_hz else Bandwidth(edge, whole.confidence, "edge")
            for edge in self.channel_edges_hz
        )
        return tuple(Stretch(channel, 0.0, self.seconds, bandwidth) for channel, bandwidth in enumerate(found, 1))

    @property
    def extended(self) -> str | None:
        """Where the bandwidth is to be extended, such as "above 3.4 kHz"; None where it is not."""
        told = cutoffs_in_words(self.stretches)
        return None if told is None else f"above {told}"

    @property
    def restorable(self) -> bool:
        """Something of it is to be restored."""
        return self.bandwidth.restorable

    def gain(self, level_rms: float | None = NOMINAL_RMS) -> float:
        """What brings the active level to the one that an engine wants; 1 where it wants none."""
        return level_rms / self.rms if level_rms is not None and self.rms > 0.0 else 1.0

    def restoration(self, level_rms: float | None) -> Restoration:
        """For the windows of an engine that wants this level."""
        return Restoration(self.bandwidth.cutoff_hz, self.kept_hz, self.gain(level_rms))

    @property
    def note(self) -> str | None:
        """Why nothing is restored, or None."""
        if self.restorable:
            return None
        if self.bandwidth.source == "silence":
            return "silence: copied through"
        if self.bandwidth.full_band:
            return "full band already: copied through"
        return f"no content above {self.bandwidth.cutoff_hz:.0f} Hz to restore from: copied through"

    @property
    def unequal(self) -> str | None:
        """What becomes of channels that end at different frequencies, or None."""
        if self.channel_edges_hz is None:
            return None
        ends: dict[str, list[str]] = {}
        for number, edge in sorted(enumerate(self.channel_edges_hz, 1), key=lambda channel: -channel[1]):
            ends.setdefault(f"{edge / 1000:.1f} kHz", []).append(str(number))
        told = ", ".join(f"{_listed(numbers)} at {edge}" for edge, numbers in ends.items())
        done = f"all are restored from {next(iter(ends))}" if self.restorable else "nothing is restored"
        return f"its channels end at different frequencies: {told}; {done}, what the others lack below stays missing"


def _listed(numbers: list[str]) -> str:
    """Such as "1", "1 and 2", "1, 2, 3 and 9 more"."""
    if len(numbers) > 4:
        return f"{', '.join(numbers[:3])} and {len(numbers) - 3} more"
    return " and ".join(filter(None, (", ".join(numbers[:-1]), numbers[-1])))


def survey(
    blocks: Iterable[Wave],
    sample_rate: int,
    *,
    cutoff_hz: float | None = None,
    on_progress: Callable[[float], None] | None = None,
    cutoff_meter: BandwidthMeter | None = None,
    loudness: LoudnessMeter | None = None,
) -> Survey:
    """Measures blocks [C, T] at the source's rate.

    Args:
        cutoff_hz: given by the user; None measures it.
        on_progress: called with the seconds done.
        cutoff_meter, loudness: meters to use, for a caller who wants to ask them more.
    """
    cutoff_meter, level = cutoff_meter or BandwidthMeter(sample_rate), LevelMeter(sample_rate)
    frames = 0
    for block in blocks:
        if loudness is not None:
            loudness.push(block)
        cutoff_meter.push(block)
        level.push(block)
        frames += block.shape[1]
        if on_progress is not None:
            on_progress(frames / sample_rate)
    rms = level.rms()
    bandwidth = cutoff_meter.result() if cutoff_hz is None else Bandwidth(cutoff_hz, 1.0, "given")
    highest = RESAMPLER_EDGE * min(sample_rate, SAMPLE_RATE) / 2
    if not bandwidth.full_band and bandwidth.cutoff_hz > highest:
        bandwidth = Bandwidth(highest, bandwidth.confidence, bandwidth.source)
    if rms == 0.0:
        bandwidth = Bandwidth(0.0, 1.0, "silence")
    return Survey(
        frames,
        sample_rate,
        bandwidth,
        rms=rms,
        peak=level.peak,
        kept_hz=kept_edge_hz(cutoff_meter.levels, bandwidth.cutoff_hz),
        loudness_lufs=None if loudness is None else loudness.integrated(),
        channel_edges_hz=channel_edges(cutoff_meter.levels, bandwidth.cutoff_hz),
    )


def survey_file(
    path: Path,
    *,
    cutoff_hz: float | None = None,
    on_progress: Callable[[float], None] | None = None,
    salvage: bool = False,
    raw: RawFormat | None = None,
) -> tuple[AudioInfo, Survey, tuple[str, ...]]:
    """Surveys a recording on disk, and says what the user should know about it. Raises what decoding raises."""
    with open_recording(path, salvage=salvage, raw=raw) as recording:
        rate = recording.info.sample_rate
        loudness = LoudnessMeter(rate)
        found = survey(recording.blocks(), rate, cutoff_hz=cutoff_hz, on_progress=on_progress, loudness=loudness)
        return recording.info, found, recording.notes
