"""Tags of a FLAC stream that is heard while it is made: its comments are replaced in the header before that leaves.

Layout: RFC 9639, sections 8.1 (blocks), 8.6 (Vorbis comments) and 8.8 (pictures).
"""

from __future__ import annotations

from hifisr_cli.audio.metadata.tags import COMMENT, Picture, Tags

_COMMENTS, _PICTURE, _LAST = 4, 6, 0x80
_MAX_BLOCK = (1 << 24) - 1


def with_tags(data: bytes, tags: Tags, comment: str | None) -> bytes:
    """The beginning of a FLAC stream with these tags instead of its own; as it is, where its header is not whole."""
    blocks = _blocks(data)
    if blocks is None:
        return data
    kept, end = blocks
    vendor = next((body[4 : 4 + int.from_bytes(body[:4], "little")] for kind, body in kept if kind == _COMMENTS), b"")
    pairs = [*tags.texts, *([] if comment is None else [(COMMENT, comment)])]
    new = [(kind, body) for kind, body in kept if kind != _COMMENTS]
    new += [(_COMMENTS, _comments(vendor, pairs)), *((_PICTURE, _picture(picture)) for picture in tags.pictures)]
    new = [block for block in new if len(block[1]) <= _MAX_BLOCK]
    head = b"fLaC"
    for index, (kind, body) in enumerate(new):
        head += bytes([kind | (_LAST if index == len(new) - 1 else 0)]) + len(body).to_bytes(3, "big") + body
    return head + data[end:]


def _blocks(data: bytes) -> tuple[list[tuple[int, bytes]], int] | None:
    """Kinds and bodies of the metadata blocks, and where they end."""
    if data[:4] != b"fLaC":
        return None
    found, position = [], 4
    while position + 4 <= len(data):
        kind, length = data[position], int.from_bytes(data[position + 1 : position + 4], "big")
        end = position + 4 + length
        if end > len(data):
            return None
        found.append((kind & ~_LAST, data[position + 4 : end]))
        if kind & _LAST:
            return found, end
        position = end
    return None


def _comments(vendor: bytes, pairs: list[tuple[str, str]]) -> bytes:
    fields = [f"{name}={text}".encode() for name, text in pairs]
    sized = b"".join(len(field).to_bytes(4, "little") + field for field in fields)
    return len(vendor).to_bytes(4, "little") + vendor + len(fields).to_bytes(4, "little") + sized


def _picture(picture: Picture) -> bytes:
    mime, description = picture.mime.encode("ascii", "replace"), picture.description.encode("utf-8", "replace")
    numbers = (picture.width, picture.height, picture.depth, picture.colours)
    parts = [picture.kind.to_bytes(4, "big")]
    for text in (mime, description):
        parts += [len(text).to_bytes(4, "big"), text]
    parts += [number.to_bytes(4, "big") for number in numbers]
    parts += [len(picture.data).to_bytes(4, "big"), picture.data]
    return b"".join(parts)
