"""Pages of Ogg files and streams: found, checked, rewritten, and given a serial number that does not depend on chance.

Page layout and checksum: RFC 3533, section 6.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.system.files import read_at, write_at

HEADER = 27
"""Bytes of a page before the sizes of its segments."""

_CAPTURE = b"OggS"
_CONTINUED, _FIRST_PAGE, _LAST_PAGE = 1, 2, 4  # bits of the flags
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

NO_POSITION = (1 << 64) - 1
"""The granule position of a page on which no packet ends."""


@dataclass(frozen=True, slots=True)
class OggPage:
    """A page.

    Attributes:
        position: in the file.
        data: all of it, header and body; less where the file ends before.
        whole: the file does not end before it does.
        sizes: bytes of each segment of its body; one below 255 ends a packet.
        rewritten: it is not as it stands in the file.
    """

    position: int
    data: bytes
    whole: bool
    sizes: bytes
    rewritten: bool = False

    @property
    def body(self) -> bytes:
        return self.data[HEADER + len(self.sizes) :]

    @property
    def end(self) -> int:
        """Where it ends in the file."""
        return self.position + len(self.data)

    @property
    def serial(self) -> bytes:
        """The number of the stream that it belongs to."""
        return self.data[14:18]

    @property
    def number(self) -> int:
        """Its place among the pages of its stream."""
        return int.from_bytes(self.data[18:22], "little")

    @property
    def granule(self) -> int:
        """The position of its last sample, in the stream's own terms; `NO_POSITION` where no packet ends on it."""
        return int.from_bytes(self.data[6:14], "little")

    @property
    def continues(self) -> bool:
        """It begins within a packet."""
        return bool(self.data[5] & _CONTINUED)

    @property
    def is_first(self) -> bool:
        """It is marked as the first of its stream."""
        return bool(self.data[5] & _FIRST_PAGE)

    @property
    def is_last(self) -> bool:
        """It is marked as the last of its stream."""
        return bool(self.data[5] & _LAST_PAGE)

    @property
    def is_sound(self) -> bool:
        """It is of the one version that there is, and its checksum is right."""
        return self.data[4] == 0 and self.data[22:26] == _checksum(self.data)

    @property
    def fragments(self) -> Iterator[tuple[bytes, bool]]:
        """The parts of packets on it, and whether each ends here."""
        start = end = HEADER + len(self.sizes)
        for size in self.sizes:
            end += size
            if size < 255:
                yield self.data[start:end], True
                start = end
        if start < end:
            yield self.data[start:end], False

    def changed(self, *, granule: int | None = None, body: bytes | None = None) -> OggPage:
        """The page with another position, or another body of the same size, and the checksum that belongs to it."""
        data = bytearray(self.data)
        if granule is not None:
            data[6:14] = granule.to_bytes(8, "little")
        if body is not None:
            data[HEADER + len(self.sizes) :] = body
        data[22:26] = _checksum(bytes(data))
        return replace(self, data=bytes(data), rewritten=True)


def read_page(read: ReadAt, position: int) -> OggPage | None:
    """The page at a position, of which not a byte more is asked for; None where its header is not whole."""
    head = read(position, HEADER)
    if len(head) < HEADER or head[:4] != _CAPTURE:
        return None
    sizes = read(position + HEADER, head[26])
    if len(sizes) < head[26]:
        return None
    body = read(position + HEADER + len(sizes), sum(sizes))
    return OggPage(position, head + sizes + body, len(body) == sum(sizes), sizes)


class OggPages:
    """The whole and undamaged pages of a file or stream, one after the other.

    Args:
        pieces: its bytes, in pieces of any length.
        position: of the first byte in the file.

    Attributes:
        left_out: bytes that belong to no such page.
        cut: the end of them begins like a page.
    """

    def __init__(self, pieces: Iterator[bytes], position: int = 0) -> None:
        self._pieces, self._position = pieces, position
        self._ahead = bytearray()
        self._again: OggPage | None = None
        self.left_out = 0
        self.cut = False

    def next(self) -> OggPage | None:
        """The next page; None at the end."""
        page, self._again = self._again, None
        while page is None and self._find():
            found = read_page(self._at, 0)
            if found is not None and found.whole and found.is_sound:
                page = OggPage(self._position, found.data, found.whole, found.sizes)
                self._drop(len(page.data))
            elif (found is None or not found.whole) and self._ahead.find(_CAPTURE, 1) < 0:
                self.cut = True  # everything that there is has been received
                self._leave_out(len(self._ahead))
            else:
                self._leave_out(1)
        return page

    def put_back(self, page: OggPage) -> None:
        """Let this one be the next."""
        self._again = page

    def _find(self) -> bool:
        """Go to the next place where a page may begin."""
        while True:
            place = self._ahead.find(_CAPTURE)
            if place >= 0:
                self._leave_out(place)
                return True
            self._leave_out(max(0, len(self._ahead) - len(_CAPTURE) + 1))
            if not self._receive():
                self._leave_out(len(self._ahead))
                return False

    def _at(self, position: int, count: int) -> bytes:
        while len(self._ahead) < position + count and self._receive():
            pass
        return bytes(self._ahead[position : position + count])

    def _receive(self) -> bool:
        piece = next(self._pieces, b"")
        self._ahead += piece
        return bool(piece)

    def _leave_out(self, count: int) -> None:
        self.left_out += count
        self._drop(count)

    def _drop(self, count: int) -> None:
        del self._ahead[:count]
        self._position += count


def set_serial(fd: int, serial: int) -> None:
    """Give all pages of a file with one stream this serial number; libsndfile takes a random one."""
    position = 0
    while page := read_page(lambda place, count: read_at(fd, count, place), position):
        changed = page.data[:14] + serial.to_bytes(4, "little") + page.data[18:]
        write_at(fd, changed[:22] + _checksum(changed) + changed[26:], position)
        position += len(page.data)


def _checksum(page: bytes) -> bytes:
    """CRC-32 of polynomial 0x04C11DB7, most significant bit first, over the page with its checksum set to zero.

    zlib computes the same with all bits mirrored, and starts from and ends with a complement.
    """
    mirrored = (page[:22] + bytes(4) + page[26:]).translate(_MIRRORED)
    value = zlib.crc32(mirrored, 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{value:032b}"[::-1], 2).to_bytes(4, "little")
