"""Pages of Ogg files: read, checked for the last one, and given a serial number that does not depend on chance.

Page layout and checksum: RFC 3533, section 6.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.system.files import read_at, write_at

_HEADER = 27
_MAX_PAGE = _HEADER + 255 + 255 * 255
_LAST_PAGE = 4  # bit of the flags
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class OggPage:
    """A page.

    Attributes:
        position: in the file.
        data: all of it, header and body; less where the file ends before.
        whole: the file does not end before it does.
        sizes: bytes of each segment of its body; one below 255 ends a packet.
    """

    position: int
    data: bytes
    whole: bool
    sizes: bytes

    @property
    def body(self) -> bytes:
        return self.data[_HEADER + len(self.sizes) :]

    @property
    def serial(self) -> bytes:
        """The number of the stream that it belongs to."""
        return self.data[14:18]

    @property
    def is_last(self) -> bool:
        """It is marked as the last of its stream."""
        return bool(self.data[5] & _LAST_PAGE)

    @property
    def is_sound(self) -> bool:
        """It is of the one version that there is, and its checksum is right."""
        return self.data[4] == 0 and self.data[22:26] == _checksum(self.data)


def read_page(read: ReadAt, position: int) -> OggPage | None:
    """The page at a position, of which not a byte more is asked for; None where its header is not whole."""
    head = read(position, _HEADER)
    if len(head) < _HEADER or head[:4] != b"OggS":
        return None
    sizes = read(position + _HEADER, head[26])
    if len(sizes) < head[26]:
        return None
    body = read(position + _HEADER + len(sizes), sum(sizes))
    return OggPage(position, head + sizes + body, len(body) == sum(sizes), sizes)


def ends_properly(read: ReadAt, size: int) -> bool:
    """Whether the last page in a file of `size` bytes is whole and marked as the last of its stream."""
    tail = read(max(0, size - 2 * _MAX_PAGE), 2 * _MAX_PAGE)
    position = len(tail)
    while (position := tail.rfind(b"OggS", 0, position)) >= 0:
        page = read_page(lambda place, count: tail[place : place + count], position)
        if page is None or not page.whole:
            return False  # the last page is cut
        if page.is_sound:
            return page.is_last
    return False


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
