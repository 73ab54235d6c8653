"""FLAC streams one after the other on their way to a decoder: where each ends, and what the last of its frames say.

A stream is handed on without the number of its samples: decoders stop there, and it may be too small.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

from hifisr_cli.audio.containers.flac import (
    LAST,
    LONGEST_HEADER,
    MAGIC,
    STREAM_INFO_HEADS,
    SYNC,
    FlacForm,
    FlacFrame,
    completed,
    parse_header,
    parse_stream_info,
    walk_blocks,
)
from hifisr_cli.audio.containers.signatures import ReadAt

_PIECE = 1 << 16
_STREAM = re.compile(MAGIC + rb"[\0\x80]\0\0\x22")
_STREAM_INFO = len(MAGIC) + 4 + 34
_TOTAL = slice(21, 26)
"""The place of the number of samples: 36 bits, and four of something else before them."""

_LAST_FRAMES = 8
"""Headers that are remembered, one of each piece."""

_TRIES = 256
"""Places in a piece that are looked at for its last header, from its end on."""

_MOST_KEPT = 1 << 21
"""Bytes that are kept: more than those of the samples that are decoded at once, and of any frame."""


@dataclass(frozen=True, slots=True)
class FlacTail:
    """The last frames of a stream.

    Attributes:
        form, samples: of all of them.
        data: their bytes, and what stands behind them, as far as it is kept.
        last: where in them the last frame begins.
        length: bytes from the first of them to the end of the stream.
    """

    form: FlacForm
    samples: int
    data: bytes
    last: int
    length: int


class FlacPart:
    """A stream, its bytes to be read once.

    Args:
        source: stands where it begins.
        alone: no other one follows.

    Attributes:
        form: what all its frames share, None where its header does not tell.
        promised: samples a channel that its header counts, None where it does not.
        frames: the last of those that were read, counted from its first byte and sample.
        length: its bytes, as far as they were read.
    """

    def __init__(self, source: FlacBytes, *, alone: bool = False) -> None:
        self._source, self._alone = source, alone
        self.form: FlacForm | None = None
        self.promised: int | None = None
        self.frames: deque[FlacFrame] = deque(maxlen=_LAST_FRAMES)
        self.length = 0
        self._recent, self._recent_start = bytearray(), 0
        self._step = self._origin = 0
        self._unseen = b""
        self.pieces = self._pass_on()

    def goes_on(self, done: int) -> bool:
        """Whether there are frames that hold other samples than the first `done` a channel."""
        return any(frame.first + frame.samples > done for frame in self.frames)

    def is_over(self, done: int) -> bool:
        """Whether `done` samples a channel are all that there are, whatever stands behind them."""
        return bool(self.frames) and not self.goes_on(done) and done >= (self.promised or 0)

    def _pass_on(self) -> Iterator[bytes]:
        for piece in self._header():
            self.length += len(piece)
            yield piece
        held = b""
        while piece := self._source.take(_PIECE):
            data = held + piece
            if not self._alone and (found := _STREAM.search(data)) is not None:
                self._source.put_back(data[found.start() :])
                held = data[: found.start()]
                break
            end = len(data) if self._alone else len(data) - _begins(data)
            data, held = data[:end], data[end:]
            if data:
                self._watch(data)
                yield data
        if held:
            self._watch(held)
            yield held
        self._watch(b"", ended=True)

    def _header(self) -> Iterator[bytes]:
        """The blocks before the frames."""
        head = self._source.exactly(_STREAM_INFO)
        if len(head) < _STREAM_INFO or head[4:8] not in STREAM_INFO_HEADS:
            yield head
            return
        self.form, self.promised = parse_stream_info(head[8:])
        kept = int.from_bytes(head[_TOTAL], "big") >> 36 << 36
        yield head[: _TOTAL.start] + kept.to_bytes(5, "big") + head[_TOTAL.stop :]
        kind = head[4]
        while not kind & LAST and (block := self._source.exactly(4)):
            yield block
            kind, left = block[0], int.from_bytes(block[1:], "big")
            while left and (piece := self._source.take(left)):
                left -= len(piece)
                yield piece

    def _watch(self, data: bytes, *, ended: bool = False) -> None:
        """Look for the last frame header."""
        seen = self._unseen + data
        self.length += len(data)
        start, end = self.length - len(seen), len(seen) if ended else max(0, len(seen) - LONGEST_HEADER + 1)
        if not self._step:  # these are the first bytes, and a frame begins with them
            self._recent_start = start
            first = parse_header(seen[:LONGEST_HEADER], 0)
            if first is not None:
                self._step = first.samples
                self._origin = first.number if first.varies else first.number * self._step
        places = [match.start() for match in SYNC.finditer(seen) if match.start() < end][-_TRIES:]
        frames = (self._frame(seen, place, start) for place in reversed(places))
        found = next((frame for frame in frames if frame is not None), None)
        self._unseen = seen[end:]
        if found is not None:
            self.frames.append(found)
        if found is not None or self.length - len(data) - self._last_offset() < _MOST_KEPT:
            self._recent += data
        if len(self._recent) > 2 * _MOST_KEPT:
            del self._recent[:_MOST_KEPT]
            self._recent_start += _MOST_KEPT

    def _last_offset(self) -> int:
        return self.frames[-1].offset if self.frames else 0

    def last_frames(self, first: int, end: int) -> FlacTail | None:
        """The frames that hold the samples from `first` to `end`, the last ones; None where that is not certain."""
        found: list[FlacFrame] = []
        for match in SYNC.finditer(self._recent):
            frame = self._frame(bytes(self._recent[match.start() : match.start() + LONGEST_HEADER]), 0, match.start())
            if frame is None:
                continue
            if frame.first <= first < frame.first + frame.samples:
                found = [frame]
            elif found and frame.first == found[-1].first + found[-1].samples:
                found.append(frame)
        if not found or self.form is None or found[-1].first + found[-1].samples != end:
            return None
        data = bytes(self._recent[found[0].offset :])
        behind = self.length - self._recent_start - found[0].offset
        return FlacTail(self.form, end - found[0].first, data, found[-1].offset - found[0].offset, behind)

    def _frame(self, seen: bytes, place: int, start: int) -> FlacFrame | None:
        header = parse_header(seen[place : place + LONGEST_HEADER], start + place)
        if header is None or self.form is None or completed(header.form, self.form) != self.form:
            return None
        if not header.varies and not self._step:
            return None
        first = header.number if header.varies else header.number * self._step
        return FlacFrame(start + place, first - self._origin, header.samples)


class FlacBytes:
    """FLAC streams one after the other.

    Args:
        pieces: their bytes.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._ahead = pieces, b""
        self._part: FlacPart | None = None

    def next_part(self) -> FlacPart | None:
        """The next stream, what was not read of the one before left out; None at the end."""
        if self._part is not None:
            deque(self._part.pieces, maxlen=0)
        data = self.take(1)
        if not data:
            return None
        self.put_back(data)
        self._part = FlacPart(self)
        return self._part

    def take(self, count: int) -> bytes:
        """Up to `count` bytes, none at the end."""
        piece = self._ahead or next(self._pieces, b"")
        self._ahead = piece[count:]
        return piece[:count]

    def exactly(self, count: int) -> bytes:
        """`count` bytes, fewer at the end."""
        data = b""
        while len(data) < count and (piece := self.take(count - len(data))):
            data += piece
        return data

    def put_back(self, data: bytes) -> None:
        """Let these be the next ones."""
        self._ahead = data + self._ahead


def find_streams(read: ReadAt, start: int) -> list[int]:
    """Where the FLAC streams of a file begin that stand one after the other, the first one at `start`."""
    places, place = list[int](), start
    while True:
        places.append(place)
        position = place + _end_of_blocks(partial(_read_behind, read, place))
        while (data := read(position, _PIECE)) and (found := _STREAM.search(data)) is None:
            position += max(1, len(data) - 7)
        if not data or found is None:
            return places
        place = position + found.start()


def _read_behind(read: ReadAt, start: int, position: int, count: int) -> bytes:
    return read(start + position, count)


def _end_of_blocks(read: ReadAt) -> int:
    """Where the metadata blocks of the stream end that begins at 0: a picture in them may be anything."""
    return max((block.start + block.size for block in walk_blocks(read)), default=len(MAGIC))


def _begins(data: bytes) -> int:
    """Bytes at the end of some that may be the beginning of a stream."""
    starts = [MAGIC + head for head in STREAM_INFO_HEADS]
    return next((size for size in range(7, 0, -1) if any(data.endswith(start[:size]) for start in starts)), 0)


def frame_ends(data: bytes, start: int) -> Iterator[int]:
    """Where the frame that begins at `start` may end: its last two bytes are a CRC-16 (x^16 + x^15 + x^2 + 1) of it."""
    crc, table = 0, _crc_table()
    for place in range(start, len(data)):
        crc = (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ data[place]]
        if crc == 0:
            yield place + 1


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        register = value << 8
        for _ in range(8):
            register = (register << 1 ^ 0x8005) & 0xFFFF if register & 0x8000 else register << 1
        table.append(register)
    return tuple(table)
