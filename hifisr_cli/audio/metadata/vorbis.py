"""Vorbis comments and picture blocks: the same in FLAC, Ogg Vorbis, Opus, Speex and FLAC in Ogg.

Layouts: RFC 9639, sections 8.6 (comments) and 8.8 (pictures), and 10.1 (FLAC in Ogg); RFC 3533 (Ogg pages); RFC 7845,
section 5.2 (Opus); the Vorbis and Speex manuals.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from hifisr_cli.audio.containers.flac import APPLICATION, COMMENTS, CUE_SHEET, LAST, PICTURE, walk_blocks
from hifisr_cli.audio.containers.ogg import read_page
from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.audio.metadata.chunks import SILENT
from hifisr_cli.audio.metadata.tags import Picture, Tags, cleaned, listed

_MOST_PAGES = 1_000
_OGG_FLAC = b"\x7fFLAC"
_STARTS = {b"\x01vorbis": 7, b"OpusHead": 8, b"Speex   ": 0, _OGG_FLAC: 4}
"""How the streams of an Ogg file begin whose second packet has comments, and where in that they begin."""


def flac_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The tags of the FLAC stream that begins at 0. What cannot be carried becomes a note.

    Raises:
        ValueError: whatever `read` raises.
    """
    gathered, applications = _Gathered(notes), list[bytes]()
    for block in walk_blocks(read):
        if block.kind in (COMMENTS, PICTURE, CUE_SHEET):
            gathered.add_block(block.kind, read(block.start, block.size))
        elif block.kind == APPLICATION:
            applications.append(read(block.start, 8))
    if lost := [name for name in map(_application, applications) if name is not None]:
        notes.append(f"what programs keep in its FLAC application blocks was left out: {listed(lost)}")
    return gathered.tags()


def _application(head: bytes) -> str | None:
    """What a block is called; None for what describes the samples of the WAV or AIFF file that it was."""
    name = head[:4]
    if name in (b"riff", b"aiff", b"w64 "):  # each holds a chunk of that file (flac --keep-foreign-metadata)
        name = head[4:8]
        if name in (b"RIFF", b"RF64", b"riff", b"FORM", b"COMM", b"SSND", *SILENT):
            return None
    return name.decode("ascii", "replace").strip()


def ogg_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The tags of the Ogg file that begins at 0: those of its first stream of sound. As `flac_tags`."""
    gathered = _Gathered(notes)
    kind = b""
    for number, packet in enumerate(_sound_packets(read)):
        if number == 0:
            kind = next(start for start in _STARTS if packet.startswith(start))
        elif kind != _OGG_FLAC:
            gathered.add_comments(packet[_STARTS[kind] :])
            break
        else:  # a block of FLAC in each
            gathered.add_block(packet[0] & ~LAST if packet else -1, packet[4:])
            if not packet or packet[0] & LAST:
                break
    return gathered.tags()


def _sound_packets(read: ReadAt) -> Iterator[bytes]:
    """The packets of the first stream of sound in an Ogg file, each of which may go over several pages."""
    position, packet, serial, passed = 0, bytearray(), None, set[bytes]()
    for _ in range(_MOST_PAGES):
        page = read_page(read, position)
        if page is None:
            return
        position += len(page.data)
        if serial is None and page.serial not in passed:
            passed.add(page.serial)
            serial = page.serial if page.body.startswith(tuple(_STARTS)) else None
        if page.serial != serial:
            continue
        at = 0
        for size in page.sizes:
            packet += page.body[at : at + size]
            at += size
            if size < 255:  # the end of a packet
                yield bytes(packet)
                packet.clear()


class _Gathered:
    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._texts: list[tuple[str, str]] = []
        self._pictures: list[Picture] = []
        self._cue_sheet: bytes | None = None

    def add_block(self, kind: int, body: bytes) -> None:
        if kind == COMMENTS:
            self.add_comments(body)
        elif kind == PICTURE:
            self._add_picture(body)
        elif kind == CUE_SHEET:
            self._cue_sheet = body

    def add_comments(self, body: bytes) -> None:
        for name, text in parse_comments(body):
            if name.upper() != "METADATA_BLOCK_PICTURE":
                self._texts.append((name, text))
                continue
            try:
                self._add_picture(base64.b64decode(text))
            except binascii.Error:
                self._notes.append("a picture in its tags is damaged and was left out")

    def _add_picture(self, body: bytes) -> None:
        try:
            self._pictures.append(parse_picture(body))
        except ValueError:
            self._notes.append("a picture in its tags is damaged and was left out")

    def tags(self) -> Tags:
        return Tags(tuple(cleaned(self._texts)), tuple(self._pictures), cue_sheet=self._cue_sheet)


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
