"""The item list of MP4 files (iTunes' metadata) in the common form. Imports mutagen, which parses it."""

from __future__ import annotations

import re
from typing import BinaryIO

from mutagen.mp4 import MP4

from hifisr_cli.audio.metadata.tags import Picture, Tags, cleaned, listed, picture_mime

_NAMES = {
    "\xa9nam": "TITLE",
    "\xa9ART": "ARTIST",
    "\xa9alb": "ALBUM",
    "aART": "ALBUMARTIST",
    "\xa9day": "DATE",
    "\xa9gen": "GENRE",
    "\xa9cmt": "COMMENT",
    "\xa9wrt": "COMPOSER",
    "\xa9grp": "GROUPING",
    "\xa9lyr": "LYRICS",
    "\xa9cpy": "COPYRIGHT",
    "cprt": "COPYRIGHT",
    "\xa9enc": "ENCODED-BY",
    "desc": "DESCRIPTION",
    "ldes": "SYNOPSIS",
    "tmpo": "BPM",
    "sonm": "TITLESORT",
    "soar": "ARTISTSORT",
    "soal": "ALBUMSORT",
    "soaa": "ALBUMARTISTSORT",
    "soco": "COMPOSERSORT",
    "sosn": "SHOWSORT",
    "\xa9wrk": "WORK",
    "\xa9mvn": "MOVEMENTNAME",
    "\xa9mvi": "MOVEMENT",
    "\xa9mvc": "MOVEMENTTOTAL",
    "\xa9nrt": "NARRATOR",
    "\xa9con": "CONDUCTOR",
    "\xa9dir": "DIRECTOR",
    "\xa9prd": "PRODUCER",
    "\xa9pub": "ORGANIZATION",
    "\xa9isr": "ISRC",
    "tvsh": "SHOW",
    "tvnn": "NETWORK",
    "tven": "EPISODE_ID",
    "tvsn": "SEASON",
    "tves": "EPISODE",
    "catg": "CATEGORY",
    "keyw": "KEYWORDS",
    "purl": "PODCASTURL",
    "egid": "EPISODEGUID",
    "purd": "PURCHASEDATE",
    "cpil": "COMPILATION",
    "pcst": "PODCAST",
    "stik": "MEDIATYPE",
}
_NUMBERED = {"trkn": ("TRACKNUMBER", "TRACKTOTAL"), "disk": ("DISCNUMBER", "DISCTOTAL")}
_STALE = ("pgap", "hdvd")
"""True of the file only: gapless playback, and the size of a video."""

_PERSON = re.compile(r"[^\W\d_][\w'.-]+( [\w'.&-]+)+")


def mp4_tags(file: BinaryIO, notes: list[str]) -> Tags:
    """The item list of a file. What cannot be carried becomes a note."""
    texts: list[tuple[str, str]] = []
    pictures = []
    tags = MP4(file).tags
    if tags is None:
        return Tags()
    for name, values in tags.items():
        if name == "covr":
            pictures += [Picture(picture_mime(bytes(cover)), 3, "", bytes(cover)) for cover in values]
        elif name in _NUMBERED:
            texts.extend((key, str(n)) for pair in values for key, n in zip(_NUMBERED[name], pair, strict=False) if n)
        elif name == "\xa9too":
            texts.extend((_encoder(str(value)), str(value)) for value in values)
        elif name not in _STALE:
            key = name.rsplit(":", 1)[-1] if name.startswith("----:") else _NAMES.get(name, name.lstrip("\xa9"))
            texts.extend((key, _text(value)) for value in (values if isinstance(values, list) else [values]))
    lost = [name.decode("latin-1") if isinstance(name, bytes) else str(name) for name in tags._failed_atoms]
    if lost:
        notes.append(f"items of its MP4 tags cannot be read and were left out: {listed(lost)}")
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _encoder(text: str) -> str:
    """Some write a person where the encoder belongs; programs have numbers in their names."""
    return "ENCODED-BY" if _PERSON.fullmatch(text) and not any(letter.isdigit() for letter in text) else "ENCODER"


def _text(value: object) -> str:
    """Numbers of 0 and what is not true are how programs leave a field empty."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int):
        return str(int(value)) if value else ""
    return str(value)
