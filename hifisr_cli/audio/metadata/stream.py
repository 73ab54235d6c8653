"""Tags at the head of a stream: read before its sound is decoded, replaced before its first frame leaves.

FLAC's blocks, ID3v2 and the comments of Ogg come before the first sample, so they cost no delay. What stands at the end
(ID3v1, APE) comes too late for an output whose own tags come first.

Vorbis comments and picture blocks are the same in FLAC, Ogg Vorbis and Opus.

Layouts: RFC 9639, sections 8.1 (FLAC), 8.6 (comments) and 8.8 (pictures); RFC 3533 (Ogg pages); RFC 7845, section 5.2
(Opus).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from hifisr_cli.audio.containers.flac import COMMENTS, CUE_SHEET, LAST, PICTURE, walk_blocks
from hifisr_cli.audio.containers.ogg import read_page
from hifisr_cli.audio.containers.signatures import id3_size
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.metadata.read import read_id3
from hifisr_cli.audio.metadata.tags import COMMENT, Picture, Tags, cleaned

_MOST = 1 << 25
"""Bytes of tags that are kept in memory while the sound waits."""

_MAX_BLOCK = (1 << 24) - 1
_MOST_PAGES = 1_000
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
    for block in walk_blocks(lambda position, count: _peek(stream, position + count)[position:]):
        if block.kind == CUE_SHEET:
            notes.append("its FLAC cue sheet was left out")
        if block.kind in (COMMENTS, PICTURE):
            body = _peek(stream, block.start + block.size)[block.start :]
            if block.kind == COMMENTS:
                texts += parse_comments(body)
            else:
                pictures.append(parse_picture(body))
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _ogg(stream: ByteStream) -> Tags:
    """The second packet of the first stream, which may go over several pages."""
    texts, pictures = [], []
    body = _second_packet(stream)
    mark = next((mark for mark in _MARKS if body.startswith(mark)), None)
    if mark is None:
        return Tags()
    start = len(mark) if mark != b"\x04" else 4  # in FLAC a block with its length in three bytes
    for name, text in parse_comments(body[start:]):
        if name.upper() == "METADATA_BLOCK_PICTURE":
            try:
                pictures.append(parse_picture(base64.b64decode(text)))
            except binascii.Error:
                continue
        else:
            texts.append((name, text))
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _second_packet(stream: ByteStream) -> bytes:
    position, packet, number, serial = 0, bytearray(), 0, b""
    for _ in range(_MOST_PAGES):
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


def with_tags(data: bytes, tags: Tags, comment: str | None) -> bytes:
    """The beginning of a FLAC stream with these tags instead of its own; as it is, where its header is not whole."""
    blocks = list(walk_blocks(lambda position, count: data[position : position + count]))
    end = blocks[-1].start + blocks[-1].size if blocks else 0
    if data[:4] != b"fLaC" or not blocks or not blocks[-1].is_last or end > len(data):
        return data
    kept = [(block.kind, data[block.start : block.start + block.size]) for block in blocks]
    vendor = next((body[4 : 4 + int.from_bytes(body[:4], "little")] for kind, body in kept if kind == COMMENTS), b"")
    pairs = [*tags.texts, *([] if comment is None else [(COMMENT, comment)])]
    new = [(kind, body) for kind, body in kept if kind != COMMENTS]
    new += [(COMMENTS, make_comments(vendor, pairs)), *((PICTURE, make_picture(picture)) for picture in tags.pictures)]
    new = [block for block in new if len(block[1]) <= _MAX_BLOCK]
    head = b"fLaC"
    for index, (kind, body) in enumerate(new):
        head += bytes([kind | (LAST if index == len(new) - 1 else 0)]) + len(body).to_bytes(3, "big") + body
    return head + data[end:]


def parse_comments(body: bytes) -> Iterator[tuple[str, str]]:
    """Names and texts of the body of a comment block, as far as they are whole."""
    position = 4 + int.from_bytes(body[:4], "little")
    count = int.from_bytes(body[position : position + 4], "little")
    position += 4
    while count > 0 and position + 4 <= len(body):
        size = int.from_bytes(body[position : position + 4], "little")
        name, mark, text = body[position + 4 : position + 4 + size].decode("utf-8", "replace").partition("=")
        if mark:
            yield name, text
        position += 4 + size
        count -= 1


def parse_picture(body: bytes) -> Picture:
    """The picture of the body of a picture block. Raises ValueError where it is damaged."""
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


def make_comments(vendor: bytes, pairs: list[tuple[str, str]]) -> bytes:
    """The reverse of `parse_comments`. `vendor` names the encoder."""
    fields = [f"{name}={text}".encode() for name, text in pairs]
    sized = b"".join(len(field).to_bytes(4, "little") + field for field in fields)
    return len(vendor).to_bytes(4, "little") + vendor + len(fields).to_bytes(4, "little") + sized


def make_picture(picture: Picture) -> bytes:
    """The reverse of `parse_picture`."""
    mime, description = picture.mime.encode("ascii", "replace"), picture.description.encode("utf-8", "replace")
    numbers = (picture.width, picture.height, picture.depth, picture.colours)
    parts = [picture.kind.to_bytes(4, "big")]
    for text in (mime, description):
        parts += [len(text).to_bytes(4, "big"), text]
    parts += [number.to_bytes(4, "big") for number in numbers]
    parts += [len(picture.data).to_bytes(4, "big"), picture.data]
    return b"".join(parts)
