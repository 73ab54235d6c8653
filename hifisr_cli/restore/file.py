"""One recording, from file to file: the composition of everything."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.decoders.raw import RawFormat
from hifisr_cli.audio.formats import OutputFormat, check_layer_name, choose_format
from hifisr_cli.audio.metadata.carried import read_metadata
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.output.output import Output
from hifisr_cli.audio.resample import output_length, resampled
from hifisr_cli.dsp.kept_band import KeptBandMeter
from hifisr_cli.errors import UsageError
from hifisr_cli.restore.cutoff_track import CutoffTrack
from hifisr_cli.restore.layer_gain import check_layer_gain, mixed
from hifisr_cli.restore.levelled import LevelledOutput, Levels, Loudness
from hifisr_cli.restore.line import AboveCutoff
from hifisr_cli.restore.survey import CutoffChoice, Survey, survey_file
from hifisr_cli.restore.windows import CHUNK_SECONDS, check_chunk_seconds
from hifisr_cli.results import KEPT_FRACTION, AudioInfo, FileResult, HeardSound, restored_from_hz
from hifisr_cli.system.hashing import Tally
from hifisr_cli.system.staged_file import FileTarget, Overwrite

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.scheduler import Steps

Progress = Callable[[Literal["survey", "restore"], float, float | None], None]


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """How recordings are restored and written.

    Attributes:
        cutoff_hz: upper edge of the content; None measures it.
        cutoff_track: the same as a track, instead.
        above_cutoff: what becomes of what stands above the edge.
        chunk_seconds, batch_size: memory against speed; they do not change the output.
        format: container of the output; None goes by the name of the output file, else WAV.
        bit_depth: of the output; "keep" is the input's, at least 24.
        overwrite: replace an output that is there already.
        keep_mtime: the output's time of modification is the input's.
        loudness: "keep" (the gain is exactly 1), "match" (as loud as the input), or LUFS.
        true_peak_dbtp: the gain keeps the output's true peak below; None sets no limit.
        salvage: restore what is readable of a damaged recording.
        raw: what the header would say of inputs that have none.
        measure_seconds: of a stream that goes on while it is restored, what is measured first; None chooses.
        layer_gain_db: of what is added to a recording; -inf adds nothing.
    """

    cutoff_hz: float | None = None
    chunk_seconds: float = CHUNK_SECONDS
    batch_size: int | None = None
    format: Literal["wav", "flac", "raw", "keep"] | None = None
    bit_depth: Literal["keep", "16", "24", "32f"] = "keep"
    overwrite: bool = False
    keep_mtime: bool = False
    loudness: Loudness = "keep"
    true_peak_dbtp: float | None = None
    salvage: bool = False
    raw: RawFormat | None = None
    measure_seconds: float | None = None
    cutoff_track: CutoffTrack | None = None
    above_cutoff: AboveCutoff = "auto"
    layer_gain_db: float = 0.0

    def __post_init__(self) -> None:
        """Raises UsageError: chunks of no length, a cutoff in two ways, or a gain that is none."""
        check_chunk_seconds(self.chunk_seconds)
        check_layer_gain(self.layer_gain_db)
        if self.cutoff_hz is not None and self.cutoff_track is not None:
            raise UsageError("a cutoff and a cutoff track contradict each other", hint="give one of them")

    @property
    def choice(self) -> CutoffChoice:
        """What the user says of the cutoff."""
        return CutoffChoice(self.cutoff_hz, self.cutoff_track, self.above_cutoff)


def plan_file(
    source: Path,
    target: Path | None,
    *,
    options: RestoreOptions,
    label: str | None = None,
    on_progress: Progress | None = None,
) -> FileResult:
    """What `restore_file` would do: surveys the recording, writes nothing, never loads torch.

    Raises what `restore_file` raises for a recording that cannot be read.
    """
    info, survey, notes = _survey(source, options, on_progress)
    chosen = _format(info, target, options)
    names = label or str(source), "-" if target is None else str(target)
    return make_result(names, "planned", info, survey, chosen, notes=notes)


def restore_file(
    source: Path,
    target: Path | None,
    *,
    model: Engine,
    options: RestoreOptions,
    layer: Path | None = None,
    on_progress: Progress | None = None,
    label: str | None = None,
    tally: Tally | None = None,
) -> FileResult:
    """Restores one recording.

    Args:
        target: the output file, or None for standard output.
        layer: a file for the added layer alone, in the format of the output: output minus layer is the input again.
        on_progress: called with the stage, the seconds done and the seconds in all (None while unknown).
        label: the name to report instead of `source`.
        tally: counts the bytes that go to standard output.

    Raises:
        FileError: this recording cannot be done (unreadable, not audio, empty, truncated, non-finite, unsupported;
            output there already or identical with the input).
        UsageError: a file for the layer that is not named as the output's format is.
        OutputError: nothing can be written there.
        DeviceError: the device ran out of memory.
        BrokenPipeError: whoever read standard output is gone.
    """
    from hifisr_cli.restore.scheduler import drive

    steps = restoring(
        source,
        target,
        model=model,
        options=options,
        overwrite=options.overwrite,
        layer=None if layer is None else FileTarget(layer, options.overwrite),
        on_progress=on_progress,
        label=label,
        tally=tally,
    )
    ((_, outcome),) = drive([steps], model, options.batch_size)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def restoring(
    source: Path,
    target: Path | None,
    *,
    model: Engine,
    options: RestoreOptions,
    overwrite: Overwrite,
    layer: FileTarget | None = None,
    on_progress: Progress | None = None,
    label: str | None = None,
    tally: Tally | None = None,
) -> Steps[FileResult]:
    """One recording, step by step: yields windows for the network and is sent what it made of them.

    See `restore_file`, which runs it to its end alone, and `scheduler.drive`.

    Args:
        overwrite: what happens to an output that is there already, whatever the options say.
        layer: where the added layer goes as well.
    """
    started = time.monotonic()
    info, survey, _ = _survey(source, options, on_progress)
    chosen = _format(info, target, options)
    if layer is not None:
        check_layer_name(layer.path, chosen.suffix)
    frames = output_length(survey.frames, info.sample_rate)
    seconds = survey.seconds
    meter = KeptBandMeter(KEPT_FRACTION * (restored_from_hz(survey.stretches) or info.sample_rate / 2))
    levelling = options.loudness != "keep" or options.true_peak_dbtp is not None
    with (
        open_recording(source, salvage=options.salvage, raw=options.raw) as recording,
        Output(
            target,
            chosen,
            channels=info.channels,
            frames=frames,
            overwrite=overwrite,
            carried=(
                carried := read_metadata(recording).for_output(chosen, extended=survey.extended, levelled=levelling)
            ),
            mtime_ns=source.stat().st_mtime_ns if options.keep_mtime else None,
            tally=tally,
            layer=layer,
        ) as output,
        LevelledOutput(
            output,
            options.loudness,
            ceiling_dbtp=options.true_peak_dbtp,
            input_lufs=survey.loudness_lufs,
            target=target,
            compare=meter.push,
        ) as levelled,
    ):
        done, waited = 0, 0.0

        def write(finished: Wave, original: Wave) -> None:
            nonlocal done
            levelled.write(mixed(finished, original, options.layer_gain_db), original)
            done += finished.shape[1]
            told(0.0)

        def told(ahead: float) -> None:
            if on_progress is not None:
                on_progress("restore", seconds * (done + ahead) / frames, seconds)

        blocks = resampled(recording.blocks(), info.sample_rate)
        if survey.restorable:
            waited = yield from _through_network(blocks, survey, model, options, write, on_samples=told)
        else:
            for block in blocks:
                write(block, block)
        recording.close()  # the output may take its place, which Windows allows with no file that is open
    return make_result(
        (label or str(source), "-" if target is None else str(target)),
        "restored" if survey.restorable else "copied",
        info,
        survey,
        chosen,
        kept_band_error_db=meter.error_db(),
        clipped_samples=output.clipped,
        wall_seconds=time.monotonic() - started - waited,
        levels=levelled.levels(),
        engine=model,
        notes=(*recording.notes, *carried.warnings, *output.problems),
        salvaged=recording.salvaged,
        layer=None if layer is None else layer.path,
    )


def _through_network(
    blocks: Iterator[Wave],
    survey: Survey,
    model: Engine,
    options: RestoreOptions,
    write: Callable[[Wave, Wave], None],
    *,
    on_samples: Callable[[float], None],
) -> Steps[float]:
    """Returns the seconds that others were worked on."""
    from hifisr_cli.restore.batches import tasks

    waited = 0.0
    restoration = survey.restoration(model.level_rms)
    for group in tasks(
        blocks,
        model,
        restoration,
        chunk_seconds=options.chunk_seconds,
        batch_size=options.batch_size,
        on_samples=on_samples,
    ):
        left = time.monotonic()
        stretches = yield group
        waited += time.monotonic() - left - sum(stretch.seconds for stretch in stretches)
        for stretch in stretches:
            write(stretch.output, stretch.original)
    return waited


def _survey(
    source: Path, options: RestoreOptions, on_progress: Progress | None
) -> tuple[AudioInfo, Survey, tuple[str, ...]]:
    def heard(seconds: float) -> None:
        if on_progress is not None:
            on_progress("survey", seconds, None)

    info, survey, notes = survey_file(
        source, choice=options.choice, on_progress=heard, salvage=options.salvage, raw=options.raw
    )
    return info, replace(survey, muted=options.layer_gain_db == -math.inf), notes


def _format(info: AudioInfo, target: Path | None, options: RestoreOptions) -> OutputFormat:
    suffix = target.suffix if target is not None else None
    return choose_format(info, requested=options.format, bit_depth=options.bit_depth, suffix=suffix)


def make_result(
    names: tuple[str, str],
    status: Literal["restored", "copied", "planned"],
    info: AudioInfo,
    survey: Survey,
    chosen: OutputFormat,
    *,
    kept_band_error_db: float | None = None,
    clipped_samples: int = 0,
    wall_seconds: float | None = None,
    levels: Levels | None = None,
    engine: Engine | None = None,
    notes: tuple[str, ...] = (),
    salvaged: bool = False,
    layer: Path | None = None,
) -> FileResult:
    """The result of a recording, from what was measured and done. `names` are those of input and output."""
    gain = survey.gain() if engine is None else survey.gain(engine.level_rms)
    network = engine.identity.of(survey.sound) if engine is not None and survey.restorable else None
    loudness_note = () if levels is None or levels.note is None else (f"loudness: {levels.note}",)
    return FileResult(
        input=names[0],
        output=names[1],
        layer=None if layer is None else str(layer),
        status=status,
        info=info,
        seconds=survey.seconds,
        bandwidth=survey.bandwidth,
        stretches=survey.stretches,
        gain_db=20.0 * math.log10(gain),
        kept_hz=survey.kept_hz if survey.restorable else None,
        kept_band_error_db=kept_band_error_db,
        clipped_samples=clipped_samples,
        codec=chosen.codec,
        bits=chosen.bits,
        wall_seconds=wall_seconds,
        loudness_lufs=survey.loudness_lufs,
        output_loudness_lufs=None if levels is None else levels.loudness_lufs,
        true_peak_dbtp=None if levels is None else levels.true_peak_dbtp,
        loudness_gain_db=None if levels is None else levels.gain_db,
        model=None if network is None else network.name,
        sound=survey.sound,
        model_reason=None if engine is None or network in (None, engine.identity) else _reason(survey.sound),
        salvaged=salvaged,
        warnings=(*_warnings(survey, clipped_samples), *notes, *loudness_note),
    )


def _reason(sound: HeardSound | None) -> str:
    """Why it was this network."""
    return "too little was heard to tell" if sound is None else f"it sounds like {sound.in_words}"


def _warnings(survey: Survey, clipped_samples: int) -> tuple[str, ...]:
    warnings = [] if survey.note is None else [survey.note]
    if not survey.bandwidth.certain and not survey.muted:
        what = (
            f"the cutoff of {survey.bandwidth.cutoff_hz:.0f} Hz" if survey.restorable else "that there is nothing to do"
        )
        warnings.append(f"{what} is uncertain: listen, or give the cutoff with --cutoff")
    if clipped_samples:
        warnings.append(f"{clipped_samples} samples reached full scale and were limited")
    return tuple(warnings)
