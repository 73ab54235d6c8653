"""Pages of Ogg files: is the last one there, and a serial number that does not depend on chance.

Page layout and checksum: RFC 3533, section 6.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from hifisr_cli.system.files import read_at, write_at

_HEADER = 27
_MAX_PAGE = _HEADER + 255 + 255 * 255
_LAST_PAGE = 4  # bit of the flags
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ends_properly(fd: int, size: int) -> bool:
    """Whether the last page in the file is whole and marked as the last of its stream."""
    start = max(0, size - 2 * _MAX_PAGE)
    tail = read_at(fd, size - start, start)
    position = len(tail)
    while (position := tail.rfind(b"OggS", 0, position)) >= 0:
        length = _page_length(tail, position)
        if length is None or position + length > len(tail):
            return False  # the last page is cut
        if tail[position + 4] == 0 and tail[position + 22 : position + 26] == _checksum(
            tail[position : position + length]
        ):
            return bool(tail[position + 5] & _LAST_PAGE)
    return False


def set_serial(fd: int, serial: int) -> None:
    """Give all pages of a file with one stream this serial number; libsndfile takes a random one."""
    for position, page in _pages(fd):
        changed = page[:14] + serial.to_bytes(4, "little") + page[18:]
        write_at(fd, changed[:22] + _checksum(changed) + changed[26:], position)


def _pages(fd: int) -> Iterator[tuple[int, bytes]]:
    position = 0
    while len(page := read_at(fd, _MAX_PAGE, position)) >= _HEADER and page[:4] == b"OggS":
        length = _page_length(page, 0)
        if length is None:
            return
        yield position, page[:length]
        position += length


def _page_length(data: bytes, position: int) -> int | None:
    """Bytes of the page at a position, None if its header is cut."""
    if position + _HEADER > len(data):
        return None
    segments = data[position + 26]
    table = data[position + _HEADER : position + _HEADER + segments]
    return _HEADER + segments + sum(table) if len(table) == segments else None


def _checksum(page: bytes) -> bytes:
    """CRC-32 of polynomial 0x04C11DB7, most significant bit first, over the page with its checksum set to zero.

    zlib computes the same with all bits mirrored, and starts from and ends with a complement.
    """
    mirrored = (page[:22] + bytes(4) + page[26:]).translate(_MIRRORED)
    value = zlib.crc32(mirrored, 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{value:032b}"[::-1], 2).to_bytes(4, "little")
