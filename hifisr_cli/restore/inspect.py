"""One recording looked at before anything is done to it: what it is, how it sounds, whether it would be restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.open import open_recording
from hifisr_cli.dsp.bandwidth.reason import CutoffEvidence, evidence
from hifisr_cli.dsp.bandwidth.track import TrackMeter
from hifisr_cli.dsp.inspection.bit_depth import BitDepthMeter
from hifisr_cli.dsp.inspection.clipping import ClippingMeter, full_scale
from hifisr_cli.dsp.inspection.dc_offset import OffsetMeter
from hifisr_cli.dsp.inspection.hum import Hum, HumMeter
from hifisr_cli.dsp.inspection.noise_floor import NoiseFloorMeter
from hifisr_cli.dsp.loudness.integrated import LoudnessMeter
from hifisr_cli.dsp.loudness.true_peak import TruePeakMeter, decibels
from hifisr_cli.restore.survey import Survey, survey
from hifisr_cli.results import AudioInfo, Bandwidth, HeardSound, Stretch, cutoffs_in_words

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a recording is. Levels are relative to full scale; root mean squares, of which a full-scale sine has -3 dB.

    Attributes:
        input: the path as text, or the name to report instead.
        info: what the file says of itself.
        frames: samples a channel that are really there.
        seconds: duration.
        bandwidth: the upper edge of its content, as `upsample` sees it, with a confidence of 0 to 1.
        stretches: the whole recording in parts of one cutoff each, by channel and time; one where it has one cutoff.
        cutoff_evidence: what it was read from; see `dsp.bandwidth.reason.evidence`.
        sound: what it holds, by which `--model auto` chooses the network; None where too little was heard.
        restorable: whether `upsample` would restore it (otherwise it would copy it through).
        reason: why, in a few words.
        effective_bits: bits of its samples that are in use; None for lossy, companded and real floating point.
        peak_dbfs, true_peak_dbtp: largest sample, and largest value of the waveform between samples, of all channels;
            None for silence.
        loudness_lufs: integrated loudness (BS.1770-4); None below -70 LUFS.
        clipped_runs, clipped_samples, longest_clip: runs of three or more equal samples at full scale, the samples in
            all of them and in the longest.
        dc_offset: mean of the samples of the worst channel, full scale 1.
        hum: at 50 or 60 Hz and its harmonics; None where the recording is too short to tell.
        noise_floor_dbfs: level of the quietest tenth of its 50 ms frames that are not digital silence, noisiest
            channel; None where there are none.
        notes: what is odd about the file, one line each.
    """

    input: str
    info: AudioInfo
    frames: int
    seconds: float
    bandwidth: Bandwidth
    stretches: tuple[Stretch, ...]
    cutoff_evidence: CutoffEvidence
    sound: HeardSound | None
    restorable: bool
    reason: str
    effective_bits: int | None
    peak_dbfs: float | None
    true_peak_dbtp: float | None
    loudness_lufs: float | None
    clipped_runs: int
    clipped_samples: int
    longest_clip: int
    dc_offset: float
    hum: Hum | None
    noise_floor_dbfs: float | None
    notes: tuple[str, ...]


def inspect_file(path: Path, *, label: str | None = None, on_progress: Progress | None = None) -> Inspection:
    """Inspects a recording in one pass and constant memory, without loading torch.

    Args:
        label: the name to report instead of `path`.
        on_progress: called with the seconds done and the seconds in all (None while unknown).

    Raises:
        FileError: it cannot be read; see `audio.open.open_recording`.
    """
    with open_recording(path) as recording:
        info = recording.info
        meters = _Meters(info)

        def progressed(seconds: float) -> None:
            if on_progress is not None:
                on_progress(seconds, info.seconds)

        measured = survey(
            meters.watching(recording.blocks()),
            info.sample_rate,
            on_progress=progressed,
            cutoff_meter=meters.cutoff,
            loudness=meters.loudness,
        )
    return meters.inspection(label or str(path), measured, recording.notes)


class _Meters:
    """Everything that is measured on the way past."""

    def __init__(self, info: AudioInfo) -> None:
        self._info = info
        self.cutoff = TrackMeter(info.sample_rate)
        self.loudness = LoudnessMeter(info.sample_rate)
        self._peak = TruePeakMeter(info.sample_rate)
        self._clipping = ClippingMeter(full_scale(info.bits, info.codec))
        self._depth = BitDepthMeter(info.bits, is_float=info.is_float) if info.bits is not None else None
        self._offset = OffsetMeter()
        self._hum = HumMeter(info.sample_rate)
        self._floor = NoiseFloorMeter(info.sample_rate)

    def watching(self, blocks: Iterator[Wave]) -> Iterator[Wave]:
        for block in blocks:
            for meter in (self._peak, self._clipping, self._offset, self._hum, self._floor):
                meter.push(block)
            if self._depth is not None:
                self._depth.push(block)
            yield block

    def inspection(self, name: str, measured: Survey, notes: tuple[str, ...]) -> Inspection:
        info = self._info
        return Inspection(
            input=name,
            info=info,
            frames=measured.frames,
            seconds=measured.seconds,
            bandwidth=measured.bandwidth,
            stretches=measured.stretches,
            cutoff_evidence=evidence(measured.main.levels, measured.bandwidth, lossy=info.lossy),
            sound=measured.sound,
            restorable=measured.restorable,
            reason=_reason(measured),
            effective_bits=None if self._depth is None else self._depth.result(),
            peak_dbfs=decibels(self._peak.peak),
            true_peak_dbtp=decibels(self._peak.true_peak),
            loudness_lufs=self.loudness.integrated(),
            clipped_runs=self._clipping.runs,
            clipped_samples=self._clipping.samples,
            longest_clip=self._clipping.longest,
            dc_offset=self._offset.result(),
            hum=self._hum.result(),
            noise_floor_dbfs=self._floor.level_db(),
            notes=notes,
        )


def _reason(measured: Survey) -> str:
    """Why a recording would be restored or not."""
    doubt = "" if measured.bandwidth.certain else ", uncertain"
    if measured.restorable:
        whole = len(measured.stretches) == 1 and measured.bandwidth.source == "nyquist"
        return f"its {'sample rate' if whole else 'content'} ends at {cutoffs_in_words(measured.stretches)}{doubt}"
    if measured.bandwidth.source == "silence":
        return "silence"
    if measured.bandwidth.full_band:
        return f"full band already{doubt}"
    return f"no content above {measured.bandwidth.cutoff_hz:.0f} Hz to restore from"
