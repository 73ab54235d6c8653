"""A stream that goes on while it is restored: constant memory, no temporary file, and as little delay as can be.

The cutoff and the level have to be known before the first window goes through the network. They are measured on the
first seconds in which anything is to be heard, and stay. What comes before (a line on which nobody speaks yet) passes
as it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.decoders.prefetch import Prefetched
from hifisr_cli.audio.formats import OutputFormat, check_layer_name, choose_format
from hifisr_cli.audio.metadata.carried import read_metadata
from hifisr_cli.audio.metadata.treatment import WHERE_LIMITED
from hifisr_cli.audio.output.encoded_file import STREAMING
from hifisr_cli.audio.output.output import Output
from hifisr_cli.audio.recording import Recording
from hifisr_cli.audio.resample import Resampler, output_length, resampled
from hifisr_cli.dsp.bandwidth.track import TrackMeter
from hifisr_cli.dsp.kept_band import KeptBandMeter
from hifisr_cli.errors import UnsupportedError
from hifisr_cli.restore.following import Following
from hifisr_cli.restore.layer_gain import mixed
from hifisr_cli.restore.survey import Changes, Survey, survey
from hifisr_cli.results import KEPT_FRACTION, SAMPLE_RATE, FileResult
from hifisr_cli.system.hashing import Tally
from hifisr_cli.system.staged_file import FileTarget

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.file import Progress, RestoreOptions

MEASURE_SECONDS, MEASURE_LEVEL_SECONDS = 10.0, 2.0
"""How much of the stream is measured first; the second where only the level is to be measured."""

LIVE_CHUNK_SECONDS = 1.0
"""Default length of the network's pieces in a stream."""

_QUIET = 10.0 ** (-60.0 / 20.0)
_BLOCK_SECONDS = 0.1
_AHEAD_BYTES = 32 << 20
_LACKING = 4_096
"""Samples of silence at once."""


def can_stream(options: RestoreOptions, kept: str | None) -> bool:
    """Whether these options allow it: a loudness needs the whole recording, and not every container can be piped.

    Args:
        kept: the container that `--format keep` would keep, None where it is not known.
    """
    container = kept if options.format == "keep" else options.format or "wav"
    whole = options.loudness != "keep" or options.true_peak_dbtp is not None or options.measure_seconds == float("inf")
    return container in STREAMING and not whole


def restore_live(
    recording: Recording,
    *,
    model: Engine,
    options: RestoreOptions,
    label: str,
    layer: FileTarget | None = None,
    on_progress: Progress | None = None,
    tally: Tally | None = None,
) -> FileResult:
    """Restores a stream to standard output while it comes.

    Args:
        recording: from `audio.incoming.open_stream`.
        label: the name to report.
        layer: a file for the added layer; it appears when the stream is over.
        tally: counts the bytes that go to standard output.

    Raises:
        What `restore_file` raises. What was written before stays written.
    """
    started = time.monotonic()
    info = recording.info
    if options.cutoff_track is not None:
        options.cutoff_track.check_channels(info.channels, recording.path)
    chosen = choose_format(info, requested=options.format, bit_depth=options.bit_depth, suffix=None)
    if layer is not None:
        check_layer_name(layer.path, chosen.suffix)
    length = max(1, round(info.sample_rate * _BLOCK_SECONDS))
    ahead = max(4, min(round(MEASURE_SECONDS / _BLOCK_SECONDS), _AHEAD_BYTES // (4 * length * info.channels)))
    with Prefetched(recording.blocks(length), ahead) as prefetched:
        work = _Live(iter(prefetched), recording, model, options, chosen)
        first = work.listen()
        known = first.survey.frames if first.ended else None if options.salvage else info.frames
        work.promised = known
        frames = None if known is None else output_length(known, info.sample_rate)
        # What comes may end elsewhere: only a cutoff that is given, and silence that is over, hold for all of it.
        known_for_all = first.ended or first.survey.muted or (options.cutoff_hz is not None and not first.quiet)
        extended = first.survey.extended if known_for_all else WHERE_LIMITED
        carried = read_metadata(recording).for_output(chosen, extended=extended)
        total = None if known is None else known / info.sample_rate
        with Output(
            None,
            chosen,
            channels=info.channels,
            frames=frames,
            overwrite=False,
            carried=carried,
            tally=tally,
            layer=layer,
        ) as output:
            done = 0
            for finished, original in work.stretches(first):
                work.meter.push(output.write(finished, original), original)
                done += finished.shape[1]
                if on_progress is not None:
                    on_progress("restore", done / SAMPLE_RATE, total)
        result = work.result(label, output.clipped, time.monotonic() - started)
        return replace(
            result,
            layer=None if layer is None else str(layer.path),
            warnings=(*result.warnings, *carried.warnings),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The next seconds of the stream, and what was measured on them.

    Attributes:
        ended: the stream is over with them.
        meter: has heard them, and may hear more.
    """

    blocks: list[Wave]
    survey: Survey
    ended: bool
    meter: TrackMeter

    @property
    def quiet(self) -> bool:
        return self.survey.peak < _QUIET and not self.ended


class _Live:
    """The state of one stream.

    Attributes:
        promised: samples a channel that the header of the output counts on; None where it does not.
    """

    def __init__(
        self, blocks: Iterator[Wave], recording: Recording, model: Engine, options: RestoreOptions, chosen: OutputFormat
    ) -> None:
        self._blocks, self._recording, self._info = blocks, recording, recording.info
        self._model, self._options, self._chosen = model, options, chosen
        self._received = 0
        self.promised: int | None = None
        self._found: _Window | None = None
        self._following: Following | None = None
        self._quiet_samples = 0
        self.meter = KeptBandMeter(KEPT_FRACTION * self._info.sample_rate / 2)

    def listen(self) -> _Window:
        """The next seconds, held back while they are measured."""
        options, rate = self._options, self._info.sample_rate
        seconds = options.measure_seconds
        if seconds is None:
            seconds = MEASURE_SECONDS if options.choice.measures else MEASURE_LEVEL_SECONDS
        held: list[Wave] = []
        frames, ended = 0, False
        while frames < seconds * rate and not ended:
            block = next(self._blocks, None)
            if block is None:
                ended = True
            else:
                held.append(block)
                frames += block.shape[1]
        meter = TrackMeter(rate)
        found = survey(held, rate, choice=options.choice, cutoff_meter=meter, goes_on=not ended)
        return _Window(held, replace(found, muted=options.layer_gain_db == -math.inf), ended, meter)

    def stretches(self, first: _Window) -> Iterator[tuple[Wave, Wave]]:
        """Finished output and resampled input, stretch by stretch."""
        from hifisr_cli.restore.batches import restore_blocks

        resampler = Resampler(self._info.sample_rate, SAMPLE_RATE, self._info.channels)
        window = first
        while window.quiet:
            for block in window.blocks:
                out = resampler.push(self._count(block))
                yield out, out
            self._quiet_samples = self._received
            window = self.listen()
        self._found, found = window, window.survey
        restoration = found.restoration(self._model.level_rms)
        rest: Iterator[Wave] = chain(window.blocks, self._blocks)
        if self._options.cutoff_track is not None:
            restoration.course.begin(output_length(self._quiet_samples, self._info.sample_rate))
        elif not window.ended and self._options.cutoff_hz is None:
            rate = self._info.sample_rate
            self._following = Following(rate, window.blocks, window.meter, found.changes, self._options.above_cutoff)
            restoration = replace(restoration, course=self._following.course)
            rest = self._following.blocks(self._blocks)
        wide = resampled(map(self._count, chain(rest, self._lacking())), self._info.sample_rate, resampler)
        if found.muted:
            for block in wide:
                yield block, block
            return
        for stretch in restore_blocks(
            wide,
            self._model,
            restoration,
            chunk_seconds=self._options.chunk_seconds,
            batch_size=self._options.batch_size,
        ):
            edges = [line.cutoff_hz for line in restoration.course.lines]
            if edges:
                self.meter.lower(KEPT_FRACTION * min(edges))
            yield mixed(stretch.output, stretch.original, self._options.layer_gain_db), stretch.original

    def result(self, label: str, clipped: int, wall_seconds: float) -> FileResult:
        """What became of the stream."""
        from hifisr_cli.restore.file import make_result

        window = self._found
        if window is None:
            raise ValueError("the stream was not read to its end")
        found = replace(window.survey, frames=self._received, changes=self._changes(window.survey.changes))
        measured = None if window.survey.frames == self._received else window.survey.seconds
        what = "cutoff and level were" if self._options.choice.measures else "level and crossover were"
        note = () if measured is None else (f"{what} measured on {measured:.0f} s of the stream",)
        result = make_result(
            (label, "-"),
            "restored" if found.restorable else "copied",
            self._info,
            found,
            self._chosen,
            kept_band_error_db=self.meter.error_db(),
            clipped_samples=clipped,
            wall_seconds=wall_seconds,
            engine=self._model,
            notes=(*note, *self._recording.notes),
            salvaged=self._recording.salvaged,
        )
        return replace(result, measured_seconds=measured)

    def _changes(self, first: Changes) -> Changes:
        """Of all of the stream: what came before anything was heard is like what comes after."""
        if self._following is None:
            return first
        late = [
            tuple((place and place + self._quiet_samples, line) for place, line in channel)
            for channel in self._following.changes
        ]
        return tuple(late[:1] if all(channel == late[0] for channel in late) else late)

    def _lacking(self) -> Iterator[Wave]:
        """Silence for what the recording counts and has not, where that is no loss: the output counts it, too."""
        while self.promised is not None and self._received < self.promised:
            length = min(_LACKING, self.promised - self._received)
            yield np.zeros((self._info.channels, length), np.float32)

    def _count(self, block: Wave) -> Wave:
        self._received += block.shape[1]
        if self.promised is not None and self._received > self.promised:
            raise UnsupportedError(
                f"goes on after the {self.promised / self._info.sample_rate:.3f} s that its header counts, and the "
                "header of the output counts no more",
                path=self._recording.path,
                hint="save it to a file first, or let the output be without a length with --salvage",
            )
        return block
