"""Chunks of RIFF, RF64, BW64, Wave64, AIFF and CAF, and where they stand: one walk from header to header.

Damaged files are walked as far as they make sense. Layouts: Microsoft RIFF, EBU Tech 3306 (RF64), Sony Wave64,
AIFF 1.3, Apple CAF 1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.errors import TruncatedError

MAX_SIZE = 0xFFFF_FFFF
OPEN_LENGTH = 0x7FFF_0000
"""A chunk of samples from here on that the file does not have goes on to the end: so programs write that did not know
their length (sox 0x7FFFF000 plus a little, ffmpeg 0xFFFFFFFF)."""

MOST_CHUNKS = 100_000
"""A file of zeros is a file of empty chunks: nobody looks through millions of them. So many take 0.6 s."""

_COPY = 1 << 20
FILES = frozenset({b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"riff"})
"""Begin a recording, and no chunk within one: libsndfile reads no file with such a chunk in it."""

_W64_TAILS = (bytes.fromhex("f3acd3118cd100c04f8edb8a"), bytes.fromhex("2e91cf11a5d628db04c10000"))
SOUND = (b"data", b"SSND")
"""Names of the chunks that hold the samples."""


_CHUNKS = b"""
    fmt data SSND ds64 LIST list bext iXML _PMX id3 ID3 cue plst smpl inst cart axml aXML chna fact PEAK afsp DISP JUNK
    junk PAD FLLR umid UMID levl md5 MD5 acid strc r64m ubxt minf elm1 elmo regn ovwf link dbmd bxml sxml LGWV SAUR wavl
    slnt note labl COMM COMT MARK INST MIDI AESD APPL NAME AUTH ANNO (c) FVER CHAN GRID info strg mark uuid free kuki
    pakt peak
"""
_KNOWN = frozenset(_CHUNKS.split())
"""One of these behind the samples is a chunk even where the file ends within it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the chunks of a kind of file follow each other.

    Attributes:
        first: position of the first chunk.
        header: bytes of a chunk's header; it begins with its name and ends with its length.
        order: of the bytes of the length.
        align: a body is padded to a multiple of it.
    """

    first: int
    header: int
    order: Literal["little", "big"]
    align: int


LAYOUTS = {
    "WAV": Layout(12, 8, "little", 2),
    "AIFF": Layout(12, 8, "big", 2),
    "AIFC": Layout(12, 8, "big", 2),
    "WAVE64": Layout(40, 24, "little", 8),
    "CAF": Layout(8, 12, "big", 1),
}
"""The layout of each kind of file, by its name (`signatures`)."""


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """Where a chunk stands.

    Attributes:
        name: four bytes; empty for a chunk that only Wave64 knows.
        start: position of its body.
        length: bytes of its body as its header has them, or as the `ds64` chunk has those of the samples. The file may
            end before; in damaged files it may be negative.
        open: the length may mean "to the end of the file".
    """

    name: bytes
    start: int
    length: int
    open: bool = False


def walk_chunks(
    read: ReadAt, layout: Layout, position: int | None = None, *, after_sound: bool = False
) -> Iterator[ChunkPlace]:
    """The chunks of a file, in order: up to its end or the first thing after the samples that is no chunk.

    A body is only looked at where it is that of `ds64`.

    Args:
        position: of the first chunk, where it is not where it should be.
        after_sound: it stands behind the samples.
    """
    position, long_length = layout.first if position is None else position, None
    for _ in range(MOST_CHUNKS):
        head = read(position, layout.header)
        name, length = head[:4], int.from_bytes(head[-8 if layout.header > 8 else 4 :], layout.order)
        if len(head) < layout.header or (after_sound and not plausible(name)):
            return
        start, is_open = position + layout.header, False
        if layout.header == 24:  # Wave64: the length counts the header, and the name is a GUID
            length -= layout.header
            name = b"" if head[4:16] not in _W64_TAILS else b"LIST" if name == b"list" else name
        elif layout.header == 12:  # CAF: -1 goes to the end of the file
            is_open, length = length >> 63 > 0, length - (length >> 63 << 64)
        elif name == b"ds64":
            long_length = int.from_bytes(read(start + 8, 8), "little")
        elif name == b"data" and length == MAX_SIZE and long_length is not None:
            length = long_length
        else:
            is_open = name == b"data" and length >= OPEN_LENGTH
        yield ChunkPlace(name, start, length, is_open)
        if length < 0 and is_open:
            return
        after_sound = after_sound or (name in SOUND and length > 0)
        position = _next(read, start + max(0, length), -length % layout.align, layout)


def _next(read: ReadAt, end: int, padding: int, layout: Layout) -> int:
    """Where the chunk after a body that ends at `end` begins: behind its padding, unless that was forgotten."""
    if padding and layout.header == 8 and not is_known(read(end + padding, 4)) and plausible(read(end, 4)):
        return end
    return end + padding


@dataclass(frozen=True, slots=True)
class FileSlice:
    """`size` bytes of a file from `start` on, not in memory."""

    path: Path
    start: int
    size: int

    def parts(self) -> Iterator[bytes]:
        """The bytes in portions. Raises TruncatedError where the file has become shorter, OSError."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left:
                data = file.read(min(left, _COPY))
                if not data:
                    raise TruncatedError("became shorter while it was read", path=self.path, hint="run again")
                left -= len(data)
                yield data


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: a name of four bytes and a body, in memory or in a file."""

    name: bytes
    body: bytes | FileSlice

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.body.size if isinstance(self.body, FileSlice) else len(self.body)

    @property
    def length(self) -> int:
        """Bytes in a file: with its header, and padded to an even length."""
        return 8 + self.size + self.size % 2

    @property
    def label(self) -> str:
        """The name for messages."""
        return self.name.decode("ascii", "replace").strip()

    def read(self) -> bytes:
        """The body."""
        return b"".join(self.body.parts()) if isinstance(self.body, FileSlice) else self.body

    def parts(self) -> Iterator[bytes]:
        """The chunk as it stands in a file, in portions."""
        yield self.name + self.size.to_bytes(4, "little")
        if isinstance(self.body, FileSlice):
            yield from self.body.parts()
        else:
            yield self.body
        if self.size % 2:
            yield b"\0"


@dataclass(slots=True)
class Chunks:
    """The chunks of a file: those before and after the samples, and what is wrong with it, one line each."""

    before: list[Chunk] = field(default_factory=list)
    after: list[Chunk] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def sort_chunks(path: Path, kind: str, places: Iterable[ChunkPlace], read: ReadAt, size: int) -> Chunks:
    """The chunks of a file of `size` bytes but those of its samples, from their places (`walk_chunks`).

    All chunks of an AIFF file count as standing before its samples.
    """
    layout, chunks = LAYOUTS[kind], Chunks()
    target, end, foreign = chunks.before, layout.first, 0
    for place in places:
        beyond = place.start + place.length > size
        if place.name in SOUND:
            if place.length <= 0 or (place.open and beyond):
                return chunks  # never filled in: all the rest is sound
            target = chunks.after if layout.order == "little" else chunks.before
        elif place.length < 0 or (beyond if not place.name else not plausible(place.name)):
            break
        elif not place.name:
            foreign += 1
        elif place.name in FILES:
            left = size - place.start + layout.header
            chunks.problems.append(f"{left} bytes at its end are another recording and were left out")
            return chunks
        elif beyond and not is_known(place.name):
            break
        elif beyond:
            chunks.problems.append(f"its {Chunk(place.name, b'').label} chunk is cut off and was left out")
            return chunks
        elif place.name != b"ds64":
            target.append(Chunk(place.name, FileSlice(path, place.start, place.length)))
        end = place.start + place.length + -place.length % layout.align
    if foreign:
        chunks.problems.append(f"{foreign} chunks that only Wave64 knows were left out")
    if end + layout.header <= size and read(end, _COPY).strip(b"\0"):
        chunks.problems.append(f"{size - end} bytes at its end are no chunks and were left out")
    return chunks


def parse_chunks(data: bytes, start: int = 0) -> list[tuple[bytes, bytes]]:
    """Names and bodies of the chunks that follow each other in `data`, such as a LIST's.

    Raises:
        ValueError: one is longer than what is left.
    """
    chunks: list[tuple[bytes, bytes]] = []
    while len(data) - start >= 8:
        name, length = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        if start + 8 + length > len(data):
            raise ValueError(f"{name!r} is cut")
        chunks.append((name, data[start + 8 : start + 8 + length]))
        start += 8 + length
        if length % 2 and (data[start : start + 1] == b"\0" or not plausible(data[start : start + 4])):
            start += 1
    return chunks


def join_chunks(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """The reverse of `parse_chunks`."""
    return b"".join(part for name, body in chunks for part in Chunk(name, body).parts())


def plausible(name: bytes) -> bool:
    """Whether four bytes may be the name of a chunk: printable ASCII, and not all blank."""
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name) and bool(name.strip())


def is_known(name: bytes) -> bool:
    """Whether a chunk of this name stands behind samples in files of the world."""
    return name.strip() in _KNOWN
