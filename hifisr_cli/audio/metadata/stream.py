"""Tags at the head of a stream, read before its sound is decoded: FLAC's blocks, ID3v2, the comments of Ogg.

They come before the first sample, so they cost no delay. What stands at the end (ID3v1, APE) comes too late for an
output whose own tags come first.

Layouts: RFC 9639, sections 8.6 and 8.8 (FLAC), RFC 3533 (Ogg pages), RFC 7845, section 5.2 (Opus).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from hifisr_cli.audio.containers.ogg import read_page
from hifisr_cli.audio.containers.signatures import id3_size
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.metadata.read import read_id3
from hifisr_cli.audio.metadata.tags import Picture, Tags, cleaned

_MOST = 1 << 25
"""Bytes of tags that are kept in memory while the sound waits."""

_COMMENTS, _CUE_SHEET, _PICTURE, _LAST = 4, 5, 6, 0x80
_MOST_BLOCKS = 1_000
_MARKS = (b"\x03vorbis", b"OpusTags", b"\x04")


def tags_ahead(stream: ByteStream, notes: list[str]) -> Tags:
    """The tags that come next in a stream, which does not move. What goes wrong becomes a note."""
    head = stream.peek(10)
    try:
        if head[:4] == b"fLaC":
            return _flac(stream, notes)
        if head[:4] == b"OggS":
            return _ogg(stream)
        if size := id3_size(head):
            return read_id3(_peek(stream, size), notes)
    except ValueError as error:
        notes.append(f"its tags cannot be read and were left out: {error}")
    return Tags()


def _flac(stream: ByteStream, notes: list[str]) -> Tags:
    texts: list[tuple[str, str]] = []
    pictures = []
    position = 4
    for _ in range(_MOST_BLOCKS):
        head = _peek(stream, position + 4)[position:]
        if len(head) < 4:
            break
        kind, size = head[0] & ~_LAST, int.from_bytes(head[1:], "big")
        if kind in (_COMMENTS, _PICTURE):
            body = _peek(stream, position + 4 + size)[position + 4 :]
            if kind == _COMMENTS:
                texts += _comments(body)
            else:
                pictures.append(_picture(body))
        elif kind == _CUE_SHEET:
            notes.append("its FLAC cue sheet was left out")
        position += 4 + size
        if head[0] & _LAST:
            break
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _ogg(stream: ByteStream) -> Tags:
    """The second packet of the first stream, which may go over several pages."""
    texts, pictures = [], []
    body = _second_packet(stream)
    mark = next((mark for mark in _MARKS if body.startswith(mark)), None)
    if mark is None:
        return Tags()
    start = len(mark) if mark != b"\x04" else 4  # in FLAC a block with its length in three bytes
    for name, text in _comments(body[start:]):
        if name.upper() == "METADATA_BLOCK_PICTURE":
            try:
                pictures.append(_picture(base64.b64decode(text)))
            except binascii.Error:
                continue
        else:
            texts.append((name, text))
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _second_packet(stream: ByteStream) -> bytes:
    position, packet, number, serial = 0, bytearray(), 0, b""
    for _ in range(_MOST_BLOCKS):
        page = read_page(lambda place, count: _peek(stream, place + count)[place:], position)
        if page is None:
            break
        position += len(page.data)
        serial = serial or page.serial
        if page.serial != serial:
            continue
        at = 0
        for size in page.sizes:
            packet += page.body[at : at + size]
            at += size
            if size < 255:  # the end of a packet
                number += 1
                if number == 2:
                    return bytes(packet)
                packet.clear()
    return b""


def _peek(stream: ByteStream, size: int) -> bytes:
    """The next bytes. Raises ValueError where they are too many."""
    if size > _MOST:
        raise ValueError(f"they are longer than {_MOST >> 20} MB")
    return stream.peek(size)


def _comments(body: bytes) -> Iterator[tuple[str, str]]:
    """The comments of Vorbis, FLAC and Opus, as far as they are whole."""
    position = 4 + int.from_bytes(body[:4], "little")
    count = int.from_bytes(body[position : position + 4], "little")
    position += 4
    while count > 0 and position + 4 <= len(body):
        size = int.from_bytes(body[position : position + 4], "little")
        name, found, text = body[position + 4 : position + 4 + size].decode("utf-8", "replace").partition("=")
        if found:
            yield name, text
        position += 4 + size
        count -= 1


def _picture(body: bytes) -> Picture:
    """A picture block. Raises ValueError where it is damaged."""
    position = 4
    parts = []
    for _ in range(2):
        size = int.from_bytes(body[position : position + 4], "big")
        parts.append(body[position + 4 : position + 4 + size])
        position += 4 + size
    numbers = [int.from_bytes(body[position + at : position + at + 4], "big") for at in range(0, 20, 4)]
    data = body[position + 20 : position + 20 + numbers[4]]
    if len(body) < position + 20 + numbers[4]:
        raise ValueError("a picture is cut")
    mime, description = parts[0].decode("ascii", "replace"), parts[1].decode("utf-8", "replace")
    return Picture(mime, int.from_bytes(body[:4], "big"), description, data, *numbers[:4])
