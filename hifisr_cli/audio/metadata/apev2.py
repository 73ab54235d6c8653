"""APEv2 tags: behind WavPack, Monkey's Audio, Musepack and TTA, and behind MPEG audio.

Layout: the APEv2 specification of Musepack's and Monkey's Audio's authors (APEv1 is the same without a header).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hifisr_cli.audio.metadata.tags import Picture, Tags, cleaned, listed, picture_mime

APE_FOOTER = 32
"""Bytes at the end of a tag that say what it is."""

_MARK = b"APETAGEX"
_TEXT, _BINARY, _LINK = 0, 1, 2
_MOST_ITEMS = 10_000
_NAMES = {
    "TRACK": "TRACKNUMBER",
    "DISC": "DISCNUMBER",
    "YEAR": "DATE",
    "ALBUM ARTIST": "ALBUMARTIST",
    "PUBLISHER": "ORGANIZATION",
    "LABEL": "ORGANIZATION",
    "MIXARTIST": "REMIXER",
    "ENCODEDBY": "ENCODED-BY",
    "RECORD DATE": "DATE",
    "RECORD LOCATION": "LOCATION",
    "RELATED": "WEBSITE",
    "FILE": "WEBSITE",
}
_TOTALS = {"TRACKNUMBER": "TRACKTOTAL", "DISCNUMBER": "DISCTOTAL"}
_COVER = "COVER ART ("
_COVERS = {"OTHER": 0, "ICON": 1, "OTHER ICON": 2, "FRONT": 3, "BACK": 4, "LEAFLET": 5, "MEDIA": 6}


@dataclass(frozen=True, slots=True)
class ApeFooter:
    """What the end of a tag says: bytes of its items and of itself, and the number of its items."""

    size: int
    items: int


def parse_footer(data: bytes) -> ApeFooter | None:
    """The end of a tag, from its `APE_FOOTER` last bytes; None where they are those of none."""
    if len(data) < APE_FOOTER or data[:8] != _MARK:
        return None
    size, items = (int.from_bytes(data[at : at + 4], "little") for at in (12, 16))
    return ApeFooter(size, items) if size >= APE_FOOTER else None


def ape_tags(body: bytes, items: int, notes: list[str]) -> Tags:
    """The tags that so many items hold, as far as they are whole. What cannot be carried becomes a note."""
    texts: list[tuple[str, str]] = []
    pictures: list[Picture] = []
    lost = []
    for key, kind, value in _items(body, items):
        name = key.strip().upper()
        if kind in (_TEXT, _LINK):
            name = _NAMES.get(name, name)
            for text in value.decode("utf-8", "replace").split("\0"):
                number, _, total = text.partition("/")
                texts += [(name, number), (_TOTALS[name], total)] if name in _TOTALS else [(name, text)]
        elif name.startswith(_COVER):
            description, _, data = value.partition(b"\0")  # a file's name comes first
            cover = _COVERS.get(name[len(_COVER) :].rstrip(")"), 0)
            pictures.append(Picture(picture_mime(data), cover, description.decode("utf-8", "replace"), data))
        else:
            lost.append(name)
    if lost:
        notes.append(f"binary items of its APE tag were left out: {listed(lost)}")
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _items(body: bytes, count: int) -> Iterator[tuple[str, int, bytes]]:
    """Key, kind and value of each."""
    position = 0
    for _ in range(min(count, _MOST_ITEMS)):
        size, flags = (int.from_bytes(body[at : at + 4], "little") for at in (position, position + 4))
        end = body.find(b"\0", position + 8, position + 8 + 256)
        if end < 0 or end + 1 + size > len(body):
            return
        yield body[position + 8 : end].decode("ascii", "replace"), flags >> 1 & 3, body[end + 1 : end + 1 + size]
        position = end + 1 + size
