"""Vorbis comments and picture blocks as bytes: FLAC, Ogg Vorbis and Opus have the same ones.

Layout: RFC 9639, sections 8.6 (comments) and 8.8 (pictures).
"""

from __future__ import annotations

from collections.abc import Iterator

from hifisr_cli.audio.metadata.tags import Picture


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
