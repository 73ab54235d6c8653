"""What is readable of a damaged FLAC file: every whole frame, each in its place, silence where one is lost.

The file is read as usual until its decoder gives up. From there on its frames are looked for by their headers, and each
is decoded on its own: its checksum decides whether it is whole. What is missing at the end is not made up for.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import numpy as np

from hifisr_cli.audio.containers.flac import FlacFrame, FlacMap, map_flac, stream_header
from hifisr_cli.audio.decoders.track import Gathered
from hifisr_cli.audio.recording import BLOCK_FRAMES, Block, BrokenOffError, Source
from hifisr_cli.results import AudioInfo
from hifisr_cli.system.files import read_at

_TOGETHER = 32
"""Frames that are decoded at once where nothing seems to be wrong."""

_MOST_BYTES = 1 << 21
"""Bytes of the frames that are decoded at once."""

_MOST_FAILURES = 20_000
"""So many headers in a row lead to damaged frames only in a file that was made to cost hours."""

_BITS = (8, 16, 24)
"""What libsndfile decodes of the depths that FLAC has."""

_SMALLEST_FRAME = 10
_MOST_SAMPLES = 65_535


def open_damaged_flac(fd: int, start: int, end: int, whole: Source | None) -> SalvagedFlac | None:
    """A FLAC file of which every whole frame is read; None where it has none.

    Args:
        fd: of the file.
        start, end: where its stream begins, behind tags, and where it ends.
        whole: the file as libsndfile reads it, None where it does not.
    """
    place = os.lseek(fd, 0, os.SEEK_CUR)
    frames = map_flac(fd, start, end)
    os.lseek(fd, place, os.SEEK_SET)  # where `whole` reads on; Windows goes to the beginning to map a file
    if frames is None or frames.form.bits not in _BITS:
        return None
    return SalvagedFlac(fd, whole if frames.believed else None, frames)


class SalvagedFlac(Source):
    """The sound of a FLAC file that may be damaged.

    Args:
        fd: of the file.
        whole: the file as libsndfile reads it, if it does.
        stream: its frames, as their headers tell them.

    Attributes:
        silent: samples a channel that stand for lost ones.
    """

    def __init__(self, fd: int, whole: Source | None, stream: FlacMap) -> None:
        self._fd, self._whole, self._stream = fd, whole, stream
        self._headless = whole is None
        self._done = self._position = 0
        self._places = 0
        self.silent = 0
        self._broken: BrokenOffError | None = None
        self._rest: Iterator[Block] | None = None
        self.info = _describe(stream) if whole is None else whole.info
        self._gathered = Gathered(self.info.channels)

    def _lost(self) -> str | None:
        if self._places:
            where = "in one place" if self._places == 1 else f"in {self._places} places"
            return f"damaged {where}, where silence stands for {self.silent / self.info.sample_rate:.3f} s"
        if self._headless:
            return "its header is damaged"
        return None if self._broken is None else str(self._broken)

    def read(self, frames: int) -> Block:
        try:
            return self._read(frames)
        finally:
            self.lost = self._lost()

    def _read(self, frames: int) -> Block:
        if self._whole is not None:
            try:
                block = self._whole.read(frames)
            except BrokenOffError as error:
                self._broken, self._whole = error, None
            else:
                self._done += block.shape[1]
                return block
        if self._rest is None:
            self._position = self._done
            self._rest = self._decoded()
        while self._gathered.frames < frames:
            part = next(self._rest, None)
            if part is None:
                break
            self._gathered.put(part)
        block = self._gathered.take(frames)
        self._done += block.shape[1]
        if self._done == 0 and self._broken is not None:
            raise self._broken
        return block

    def _decoded(self) -> Iterator[Block]:
        """What comes after the samples that were read already: good frames, and silence between them."""
        frames = [frame for frame in self._stream.frames if frame.first + frame.samples > self._position]
        end_of_last = self._place()
        index = failed = 0
        while index < len(frames) and failed < _MOST_FAILURES:
            run = _run(frames, index)
            blocks = self._decode(frames, index, run)
            if not blocks and run > 1:
                blocks = self._one_by_one(frames, index, run)
            for frame, block in zip(frames[index:], blocks, strict=False):
                yield from self._placed(frame, block, end_of_last)
                end_of_last = frame.offset
            index += max(1, len(blocks))
            failed = 0 if blocks else failed + 1

    def _place(self) -> int:
        """Roughly where in the file the samples end that were read already."""
        before = [frame.offset for frame in self._stream.frames if frame.first + frame.samples <= self._position]
        return max(before, default=0)

    def _placed(self, frame: FlacFrame, block: Block, end_of_last: int) -> Iterator[Block]:
        gap = frame.first - self._position
        # A frame number that was made up must not cost hours of silence.
        most = (frame.offset - end_of_last) // _SMALLEST_FRAME * _MOST_SAMPLES
        promised = self.info.frames  # which the stream's header counted too low where more came already
        if gap > most or (promised is not None and self._position <= promised < frame.first + frame.samples):
            gap = 0
        if gap > 0:
            self._places += 1
            self.silent += gap
            for start in range(0, gap, BLOCK_FRAMES):
                yield np.zeros((self.info.channels, min(BLOCK_FRAMES, gap - start)), np.float32)
            self._position += gap
        if gap < 0:  # the decoder had got as far as into this one, or it stands there twice
            block = block[:, -gap:]
        if block.shape[1]:
            self._position += block.shape[1]
            yield block

    def _one_by_one(self, frames: list[FlacFrame], index: int, run: int) -> list[Block]:
        """The good frames at the beginning of a run in which one is not."""
        blocks: list[Block] = []
        for place in range(index, index + run):
            block = self._decode(frames, place, 1)
            if not block:
                break
            blocks += block
        return blocks

    def _decode(self, frames: list[FlacFrame], index: int, run: int) -> list[Block]:
        """The samples of a run of frames, frame by frame; nothing where one of them is damaged."""
        import soundfile

        from hifisr_cli.audio.decoders.no_seek import ForwardFile

        start, after = frames[index].offset, index + run
        sizes = [frame.samples for frame in frames[index : index + run]]
        # What looks like the next header may stand within a frame, so a single one ends where no frame is longer.
        form = self._stream.form
        most = sizes[-1] * form.channels * (form.bits // 8 + 1) + 256
        end = frames[after - 1].offset + most
        data = read_at(self._fd, end - start, start)
        samples = np.empty((sum(sizes), self.info.channels), np.float32)
        try:
            with ForwardFile(io.BytesIO(stream_header(form, sum(sizes)) + data)) as file:
                got = len(file.read(out=samples)) if file.channels == self.info.channels else 0
        except soundfile.LibsndfileError:
            return []
        if got != len(samples):
            return []
        ends = np.cumsum(sizes)
        return [np.ascontiguousarray(part.T) for part in np.split(samples, ends[:-1])]


def _run(frames: list[FlacFrame], index: int) -> int:
    """How many frames from here on follow each other without a gap."""
    count = 1
    while count < _TOGETHER and index + count < len(frames):
        before, this = frames[index + count - 1], frames[index + count]
        if before.first + before.samples != this.first or this.offset - frames[index].offset > _MOST_BYTES:
            break
        count += 1
    return count


def _describe(stream: FlacMap) -> AudioInfo:
    form = stream.form
    return AudioInfo(
        container="FLAC",
        codec=f"PCM_{16 if form.bits <= 16 else 24}" if form.bits > 8 else "PCM_S8",
        sample_rate=form.sample_rate,
        channels=form.channels,
        frames=stream.promised,
        bits=8 if form.bits <= 8 else 16 if form.bits <= 16 else 24,
        is_float=False,
        lossy=False,
    )
