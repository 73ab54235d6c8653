"""The attributes of WMA and other ASF files in the common form. Imports mutagen, which parses them."""

from __future__ import annotations

from typing import BinaryIO

from mutagen.asf import ASF, ASFByteArrayAttribute, ASFGUIDAttribute

from hifisr_cli.audio.metadata.tags import Picture, Tags, cleaned, listed

_NAMES = {
    "AUTHOR": "ARTIST",
    "DESCRIPTION": "COMMENT",
    "WM/ALBUMTITLE": "ALBUM",
    "WM/ALBUMARTIST": "ALBUMARTIST",
    "WM/YEAR": "DATE",
    "WM/GENRE": "GENRE",
    "WM/TRACKNUMBER": "TRACKNUMBER",
    "WM/PARTOFSET": "DISCNUMBER",
    "WM/COMPOSER": "COMPOSER",
    "WM/CONDUCTOR": "CONDUCTOR",
    "WM/WRITER": "LYRICIST",
    "WM/LYRICS": "LYRICS",
    "WM/PUBLISHER": "ORGANIZATION",
    "WM/PRODUCER": "PRODUCER",
    "WM/MODIFIEDBY": "REMIXER",
    "WM/ISRC": "ISRC",
    "WM/BARCODE": "BARCODE",
    "WM/CATALOGNO": "CATALOGNUMBER",
    "WM/LANGUAGE": "LANGUAGE",
    "WM/MOOD": "MOOD",
    "WM/BEATSPERMINUTE": "BPM",
    "WM/INITIALKEY": "KEY",
    "WM/ENCODEDBY": "ENCODED-BY",
    "WM/SUBTITLE": "SUBTITLE",
    "WM/CONTENTGROUPDESCRIPTION": "GROUPING",
    "WM/ORIGINALARTIST": "ORIGINALARTIST",
    "WM/ORIGINALALBUMTITLE": "ORIGINALALBUM",
    "WM/ORIGINALRELEASEYEAR": "ORIGINALDATE",
    "WM/TITLESORTORDER": "TITLESORT",
    "WM/ARTISTSORTORDER": "ARTISTSORT",
    "WM/ALBUMSORTORDER": "ALBUMSORT",
    "WM/AUTHORURL": "WEBSITE",
}
_STALE = frozenset(
    {
        "ISVBR", "WMFSDKVERSION", "WMFSDKNEEDED", "DEVICECONFORMANCETEMPLATE", "WM/ENCODINGSETTINGS", "WM/ENCODINGTIME",
        "PEAKVALUE", "AVERAGELEVEL", "CURRENTBITRATE", "OPTIMALBITRATE", "DURATION", "FILESIZE", "ISCBR", "NSC_NAME",
        "WM/TRACK", "WM/TOOLNAME", "WM/TOOLVERSION", "ASFLEAKYBUCKETPAIRS", "ASPECTRATIOX", "ASPECTRATIOY",
    }
)  # fmt: skip
"""What describes the file's own bytes, a second number of the track that counts from 0, and what made the file."""


def asf_tags(file: BinaryIO, notes: list[str]) -> Tags:
    """The attributes of a file. What cannot be carried becomes a note."""
    texts: list[tuple[str, str]] = []
    pictures = []
    lost = []
    for name, value in ASF(file).tags or ():
        key = name.upper()
        if key in _STALE or isinstance(value, ASFGUIDAttribute):  # a class of media, an identity of the file
            continue
        if isinstance(value, ASFByteArrayAttribute):
            picture = _picture(bytes(value)) if key == "WM/PICTURE" else None
            pictures += [picture] if picture is not None else []
            lost += [name] if picture is None else []
        else:
            texts.append((_NAMES.get(key, key), str(value)))
    if lost:
        notes.append(f"attributes that are no text were left out: {listed(lost)}")
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _picture(data: bytes) -> Picture | None:
    """Kind, size, two texts of UTF-16 that end in zeros, and the picture (WM/Picture of the Windows Media SDK)."""
    size = int.from_bytes(data[1:5], "little")
    texts = []
    position = 5
    for _ in range(2):
        end = next((at for at in range(position, len(data) - 1, 2) if data[at : at + 2] == b"\0\0"), -1)
        if end < 0:
            return None
        texts.append(data[position:end].decode("utf-16-le", "replace"))
        position = end + 2
    picture = data[position : position + size]
    return Picture(texts[0], data[0], texts[1], picture) if len(picture) == size else None
