"""A walk over the frames of MPEG audio (MP3), which counts them without decoding: one for files and for streams.

A decoder is only given what the walk calls frames with sound. Nothing else would make it guess a length, stop at a tag,
or take what stands between frames for sound.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hifisr_cli.audio.containers.mpeg_frames import (
    MPEG_FRAME,
    RUN,
    FrameKind,
    MpegFrame,
    MpegStart,
    has_start,
    parse_frame,
    parse_start,
)
from hifisr_cli.audio.containers.signatures import ReadAt, id3_size

_TAG = re.compile(rb"ID3[\x02-\x04].{2}[\0-\x7f]{4}|TAG|APETAGEX|LYRICSBEGIN", re.DOTALL)
_SIGN = re.compile(MPEG_FRAME + b"|" + _TAG.pattern, re.DOTALL)
_SIGN_BYTES = 11
_PIECE = 1 << 18
_LYRICS = 1 << 16
_LYRICS_END = re.compile(rb"LYRICS(200|END)")
_SHORTEST = 24
"""Bytes of a frame of the lowest bit rate. Between two frames, so many may be what is left of one."""

_PADDING = 1 << 13
"""Programs that write tags leave zeros behind them. More than these may have been sound."""

_MOST_TRIES = 200_000
"""Places that look like a header and are none, in a row: more than in 100 MB of anything but malice."""


@dataclass(slots=True)
class MpegPart:
    """A recording within an MPEG stream, which may have several one after the other.

    Attributes:
        kind: of its frames.
        samples: samples a channel in a frame.
        start: what its first frame says.
        frames: with sound and whole; complete when the walk over them has ended.
    """

    kind: FrameKind
    samples: int
    start: MpegStart
    frames: int = 0

    @property
    def decoded(self) -> int:
        """Samples a channel that a decoder makes of its frames."""
        return self.frames * self.samples

    @property
    def is_whole(self) -> bool:
        """It has as many samples as it says."""
        return self.start.length is not None and self.start.left_of(self.decoded) >= self.start.length


@dataclass(slots=True)
class _Gap:
    """What is no frame, between two of them or at an end."""

    size: int = 0
    solid: bool = False
    tries: int = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self.solid = self.solid or data.count(0) < len(data)


class MpegWalk:
    """The recordings of an MPEG stream, from its first byte to its last. What stands between their frames is skipped.

    Args:
        fetch: gives the next bytes, none at the end.
        place: where the first ones stand in their file.
        within: give up where the first frame does not begin within so many bytes; None: never.

    Attributes:
        skipped, places: bytes that are no frames and no tags, and in how many places.
        solid: something else than zeros and tags was skipped.
        cut: the last frame ends behind the end.
        inside, behind: the first bytes of the tags between two frames, and behind the last one.
    """

    def __init__(self, fetch: Callable[[], bytes], place: int = 0, within: int | None = None) -> None:
        self._fetch, self._within = fetch, within
        self._data, self._at, self._place, self._over = b"", 0, place, False
        self._met = False  # a frame stands where the walk does
        self._last: MpegFrame | None = None
        self._part: MpegPart | None = None
        self.skipped = self.places = self._parts = 0
        self.solid = self.cut = False
        self.inside: list[bytes] = []
        self.behind: list[bytes] = []

    def next_part(self) -> MpegPart | None:
        """The next recording, when the walk over the one before it has ended; None at the end."""
        while self._met or self._seek(None) is not None:
            self._met = False
            head = self._frame()
            if head is None or not self._has(head.length):
                break
            self._last, start = head, MpegStart()
            if has_start(self._data, self._at, head):
                start = parse_start(self._take(head.length), head)
                following = self._frame()
                if start.length is None and (following is None or following.kind != head.kind):
                    continue  # a header that says nothing of a recording that is not there
            self._parts += 1
            self._part = MpegPart(head.kind, head.samples, start)
            return self._part
        return None

    def runs(self, part: MpegPart) -> Iterator[tuple[int, bytes]]:
        """The frames of a recording: bytes of as many as are there, and where they stand."""
        while True:
            data, begin, at = self._data, self._at, self._at
            while (frame := parse_frame(data[at : at + 4])) is not None and frame.kind == part.kind:
                if at + frame.length > len(data) or has_start(data, at, frame):
                    break
                at += frame.length
                part.frames += 1
                self._last = frame
            self._at = at
            if at > begin:
                yield self._place + begin, data[begin:at]
            if not self._goes_on(part.kind):
                return

    def word(self) -> tuple[str, ...]:
        """What is to be said at the end of the walk."""
        words = []
        if self.places:
            where = "in 1 place" if self.places == 1 else f"in {self.places} places"
            words.append(f"{self.skipped} bytes {where} are no frames of MPEG audio and were left out")
        if self.cut:
            words.append("its last frame is cut and was left out")
        if self.inside and self._parts == 1:  # of a chain it is said that its tags are those of the first
            words.append(f"tags in the middle of it were left out: {_names(self.inside)}")
        return tuple(words)

    def word_of_stream(self) -> tuple[str, ...]:
        """The same of a stream, whose tags are those in front of it."""
        if not self.behind:
            return self.word()
        return (*self.word(), f"what its tags at the end say came too late for a stream: {_names(self.behind)}")

    def _goes_on(self, kind: FrameKind) -> bool:
        """Whether the recording does where no whole frame of it was at hand."""
        if not self._has(4):
            self.cut = self._data[self._at :].startswith(b"\xff")
            return False
        frame = self._frame()
        if frame is None or frame.kind != kind:
            frame = self._seek(kind)
        elif not self._has(frame.length):
            frame = self._seek(kind, cut=True)
        self._met = frame is not None and (frame.kind != kind or has_start(self._data, self._at, frame))
        return frame is not None and not self._met

    def _seek(self, kind: FrameKind | None, *, cut: bool = False) -> MpegFrame | None:
        """Go to the next frame, which begins this recording or goes on with it, and count what stands before it.

        Args:
            kind: of the recording that the walk is in.
            cut: it stands at a frame that would end behind the end.
        """
        gap, frame, tags = _Gap(), None, list[bytes]()
        while frame is None and gap.tries < _MOST_TRIES:
            match, whole = _SIGN.search(self._data, self._at), len(self._data) - _SIGN_BYTES
            if match is not None and match.start() > whole and not self._over:  # of which more may come
                match = None
            stop = max(self._at, whole + 1) if match is None else match.start()
            gap.add(self._take(stop - self._at))
            if self._last is None and self._within is not None and gap.size > self._within:
                return None
            if match is None:
                if self._has(_SIGN_BYTES):
                    continue
                break
            if size := self._tag_size(gap):
                tags.append(self._data[self._at : self._at + 3])
                self._skip(size, gap)
            elif (frame := self._confirmed(kind, gap)) is None:
                gap.add(self._take(1))
                gap.tries += 1
        if frame is None:  # the end
            while self._has(1):
                gap.add(self._take(len(self._data)))
            self.cut = self.cut or cut
        self.solid = self.solid or gap.solid
        if self._last is not None:
            (self.behind if frame is None else self.inside).extend(tags)
        near = self._last or frame
        loss = near is not None and gap.size >= self._least(gap, near, frame)
        if loss and not self.cut:
            self.skipped += gap.size
            self.places += 1
        return frame

    def _least(self, gap: _Gap, near: MpegFrame, following: MpegFrame | None) -> int:
        """How many bytes of a gap may have been sound."""
        if self._part is not None and following is not None:
            return _SHORTEST
        whole = self._part is None or self._part.is_whole
        return _PADDING if whole and not gap.solid else near.length

    def _confirmed(self, kind: FrameKind | None, gap: _Gap) -> MpegFrame | None:
        """The frame that stands here, if others follow it in step: two headers are no accident where one is due."""
        head = frame = self._frame()
        due = self._last is None and gap.size == 0
        wanted = 2 if due or (head is not None and head.kind == kind) else RUN
        ahead = 0
        for _ in range(wanted - 1):
            if head is None or frame is None or frame.kind != head.kind:
                break
            ahead += frame.length
            frame = self._frame(ahead)
        if head is None or (frame is not None and frame.kind == head.kind):
            return head
        at_tag = self._has(ahead + _SIGN_BYTES) and _TAG.match(self._data, self._at + ahead) is not None
        at_end = ahead > 0 and self._has(ahead) and not self._has(ahead + 1)
        return head if frame is None and (at_tag or at_end) else None

    def _tag_size(self, gap: _Gap) -> int:
        """Bytes of the tag that stands here; 0 where none does."""
        self._has(32)
        head = self._data[self._at : self._at + 32]
        if _TAG.match(head) is None:
            return 0
        if head.startswith(b"ID3"):
            return id3_size(head)
        if head.startswith(b"TAG"):
            return 227 if head[3:4] == b"+" else 128
        if head.startswith(b"APE"):
            size, is_header = int.from_bytes(head[12:16], "little"), int.from_bytes(head[20:24], "little") >> 29 & 1
            if not is_header:  # but the end of a tag that had none
                gap.size -= min(gap.size, max(0, size - 32))
            return 32 + size if is_header else 32
        self._has(_LYRICS)
        end = _LYRICS_END.search(self._data, self._at, self._at + _LYRICS)
        return _SIGN_BYTES if end is None else end.end() - self._at

    def _skip(self, size: int, gap: _Gap) -> None:
        """Past a tag. One that ends behind the end may be none."""
        skipped = 0
        while skipped < size and self._has(1):
            skipped += len(self._take(size - skipped))
        if skipped < size and self._last is not None:
            gap.size, gap.solid = gap.size + skipped, True

    def _take(self, count: int) -> bytes:
        """Up to so many of the bytes at hand; the walk is behind them."""
        data = self._data[self._at : self._at + count]
        self._at += len(data)
        return data

    def _has(self, count: int) -> bool:
        """Whether there are so many bytes more; they are at hand then."""
        while len(self._data) - self._at < count and not self._over:
            new = self._fetch()
            self._over = not new
            self._place += self._at
            self._data, self._at = self._data[self._at :] + new, 0
        return len(self._data) - self._at >= count

    def _frame(self, ahead: int = 0) -> MpegFrame | None:
        return parse_frame(self._data[self._at + ahead : self._at + ahead + 4]) if self._has(ahead + 4) else None


def _names(tags: list[bytes]) -> str:
    names = {b"ID3": "ID3", b"TAG": "ID3v1", b"APE": "APE", b"LYR": "Lyrics3"}
    return ", ".join(dict.fromkeys(names[tag] for tag in tags))


@dataclass(frozen=True, slots=True)
class MpegScan:
    """What a walk over a file found.

    Attributes:
        parts: the recordings in it that have a frame with sound or promise one.
        runs: of each part, where frames without anything in between begin and end, in turn.
        solid: something else than zeros and tags stands between or before them.
        notes: what is to be said of it.
    """

    parts: tuple[MpegPart, ...]
    runs: tuple[array[int], ...]
    solid: bool
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all frames."""
        return sum(sum(runs[1::2]) - sum(runs[::2]) for runs in self.runs)


def scan_mpeg(read: ReadAt, start: int, end: int) -> MpegScan:
    """Walk over the MPEG audio of a file between two places in it."""
    place = start

    def fetch() -> bytes:
        nonlocal place
        data = read(place, min(_PIECE, end - place))
        place += len(data)
        return data

    walk = MpegWalk(fetch, start)
    found: list[tuple[MpegPart, array[int]]] = []
    while (part := walk.next_part()) is not None:
        runs = array("q")
        for at, data in walk.runs(part):
            if runs and runs[-1] == at:
                runs[-1] = at + len(data)
            else:
                runs.extend((at, at + len(data)))
        if part.frames or part.start.length:
            found.append((part, runs))
    return MpegScan(tuple(part for part, _ in found), tuple(runs for _, runs in found), walk.solid, walk.word())
