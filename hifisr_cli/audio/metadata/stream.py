"""Tags at the head of a stream: read before its sound is decoded, replaced before its first frame leaves.

FLAC's blocks, ID3v2 and the comments of Ogg come before the first sample, so they cost no delay. What stands at the end
(ID3v1, APE) comes too late for an output whose own tags come first.
"""

from __future__ import annotations

from hifisr_cli.audio.containers.flac import COMMENTS, CUE_SHEET, LAST, PICTURE, walk_blocks
from hifisr_cli.audio.containers.signatures import id3_size
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.metadata.around import read_id3
from hifisr_cli.audio.metadata.tags import COMMENT, Tags
from hifisr_cli.audio.metadata.vorbis import flac_tags, make_comments, make_picture, ogg_tags

_MOST = 1 << 25
"""Bytes of tags that are kept in memory while the sound waits."""

_MAX_BLOCK = (1 << 24) - 1


def tags_ahead(stream: ByteStream, notes: list[str]) -> Tags:
    """The tags that come next in a stream, which does not move. What goes wrong becomes a note."""

    def read(position: int, count: int) -> bytes:
        return _peek(stream, position + count)[position:]

    head = stream.peek(10)
    try:
        if head[:4] == b"fLaC":
            return flac_tags(read, notes)
        if head[:4] == b"OggS":
            return ogg_tags(read, notes)
        if size := id3_size(head):
            return read_id3(_peek(stream, size), notes)
    except ValueError as error:
        notes.append(f"its tags cannot be read and were left out: {error}")
    return Tags()


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
    new += [] if tags.cue_sheet is None else [(CUE_SHEET, tags.cue_sheet)]
    new += [(COMMENTS, make_comments(vendor, pairs)), *((PICTURE, make_picture(picture)) for picture in tags.pictures)]
    new = [block for block in new if len(block[1]) <= _MAX_BLOCK]
    head = b"fLaC"
    for index, (kind, body) in enumerate(new):
        head += bytes([kind | (LAST if index == len(new) - 1 else 0)]) + len(body).to_bytes(3, "big") + body
    return head + data[end:]
