"""ID3 tags to and from the names of Vorbis comments. Imports mutagen, so it is imported where a tag is there."""

from __future__ import annotations

import io
from collections.abc import Iterator

from mutagen import id3

from hifisr_cli.audio.metadata.tags import COMMENT, Picture, Tags, cleaned
from hifisr_cli.audio.metadata.told import chapter_texts

_NAMES = {
    "TIT2": "TITLE",
    "TPE1": "ARTIST",
    "TALB": "ALBUM",
    "TPE2": "ALBUMARTIST",
    "TDRC": "DATE",
    "TDOR": "ORIGINALDATE",
    "TCON": "GENRE",
    "TCOM": "COMPOSER",
    "TPE3": "CONDUCTOR",
    "TPE4": "REMIXER",
    "TEXT": "LYRICIST",
    "TCOP": "COPYRIGHT",
    "TPUB": "ORGANIZATION",
    "TSRC": "ISRC",
    "TENC": "ENCODED-BY",
    "TLAN": "LANGUAGE",
    "TIT1": "GROUPING",
    "TIT3": "SUBTITLE",
    "TBPM": "BPM",
    "TKEY": "KEY",
    "TMOO": "MOOD",
    "TMED": "MEDIUM",
    "TOPE": "ORIGINALARTIST",
    "TOAL": "ORIGINALALBUM",
    "TSOA": "ALBUMSORT",
    "TSOP": "ARTISTSORT",
    "TSOT": "TITLESORT",
}
_FRAMES = {name: frame for frame, name in _NAMES.items()}
_NUMBERED = {"TRCK": ("TRACKNUMBER", "TRACKTOTAL"), "TPOS": ("DISCNUMBER", "DISCTOTAL")}
# Frames that describe the old bytes: encoder, length, tables of positions, gains.
_STALE = ("TSSE", "TLEN", "TSIZ", "TDLY", "MLLT", "ASPI", "SEEK", "ETCO", "SYTC", "RVA2", "RVAD", "EQU2", "RBUF")

_WITHOUT_TEXT = frozenset(
    {
        "AENC", "COMR", "ENCR", "GEOB", "GRID", "LINK", "MCDI", "OWNE", "PCNT", "POPM", "POSS", "PRIV", "RVRB",
        "SIGN", "SYLT", "UFID", "USER",
    }
)  # fmt: skip
"""Frames that no other kind of tag can hold."""


def tags_of(tag: id3.ID3, raw: bytes) -> Tags:
    """A tag in the common form, with its bytes."""
    texts: list[tuple[str, str]] = []
    pictures = []
    frames = []
    for frame in tag.values():
        if isinstance(frame, id3.APIC):
            pictures.append(Picture(frame.mime, int(frame.type), str(frame.desc), bytes(frame.data)))
        elif frame.FrameID in _WITHOUT_TEXT:
            frames.append(frame.FrameID)
        else:
            texts.extend(_texts(frame))
    texts += _chapters(tag)
    return Tags(tuple(cleaned(texts)), tuple(pictures), raw, tuple(dict.fromkeys(frames)))


def render(tags: Tags, comment: str | None) -> id3.ID3:
    """A tag for an output: the input's own frames where it had ID3, else frames made of the texts."""
    tag = _parse(tags.id3) if tags.id3 is not None else None
    if tag is None:
        tag = id3.ID3()
        _fill(tag, tags)
    else:  # what came from elsewhere, or was changed since, goes into texts with a description
        old = tags_of(tag, b"").texts
        new = [pair for pair in tags.texts if pair not in old]
        changed = {name for name, _ in new if name != COMMENT}
        texts = [pair for pair in tags.texts if pair[0] in changed or (pair[0] == COMMENT and pair in new)]
        known = {bytes(frame.data) for frame in tag.getall("APIC")}
        pictures = tuple(picture for picture in tags.pictures if picture.data not in known)
        _fill(tag, Tags(tuple(texts), pictures))
    for name in _STALE:
        tag.delall(name)
    for frame in tag.getall("CHAP"):  # which count milliseconds, and may count bytes of the old file
        frame.start_offset = frame.end_offset = 0xFFFF_FFFF
    for frame in tag.getall("TXXX"):
        if str(frame.desc).upper().startswith(("REPLAYGAIN_", "MP3GAIN_", "ITUNSMPB", "ITUNNORM")):
            tag.delall(frame.HashKey)
    if comment is not None:
        _add_comment(tag, comment)
    return tag


def to_bytes(tag: id3.ID3) -> bytes:
    """The tag as the body of a chunk."""
    data = io.BytesIO()
    tag.save(data, v1=0, v2_version=4, padding=lambda _: 0)
    return data.getvalue()


def _parse(raw: bytes) -> id3.ID3 | None:
    try:
        return id3.ID3(io.BytesIO(raw))
    except id3.error:
        return None


def _texts(frame: id3.Frame) -> Iterator[tuple[str, str]]:
    name = frame.FrameID
    if name in _NAMES:
        values = frame.genres if name == "TCON" else frame.text
        yield from ((_NAMES[name], str(value)) for value in values)
    elif name in _NUMBERED:
        for value in frame.text:
            for key, part in zip(_NUMBERED[name], str(value).split("/", 1), strict=False):
                yield key, part
    elif name == "COMM":
        # What iTunes keeps in comments with a description is not meant for people.
        key = COMMENT if not frame.desc else f"COMMENT:{frame.desc}"
        yield from ((key if not str(frame.desc).startswith("iTun") else str(frame.desc), str(v)) for v in frame.text)
    elif name == "TXXX":
        yield from ((str(frame.desc) or "TXXX", str(value)) for value in frame.text)
    elif name in ("TIPL", "TMCL", "IPLS"):  # pairs of a part and a person
        yield from (
            ("PERFORMER" if name == "TMCL" else "INVOLVEDPEOPLE", f"{who} ({what})") for what, who in frame.people
        )
    elif name == "USLT":
        yield "LYRICS", str(frame.text)
    elif name.startswith("T") and name not in _STALE and hasattr(frame, "text"):
        yield from ((name, str(value)) for value in frame.text)
    elif name.startswith("W") and hasattr(frame, "url"):
        yield "WEBSITE", str(frame.url)


def _chapters(tag: id3.ID3) -> list[tuple[str, str]]:
    found = sorted(tag.getall("CHAP"), key=lambda chapter: int(chapter.start_time))
    return chapter_texts((c.start_time / 1000, str(c.sub_frames.get("TIT2", c.element_id))) for c in found)


def _fill(tag: id3.ID3, tags: Tags) -> None:
    texts: dict[str, list[str]] = {}
    for name, text in tags.texts:
        texts.setdefault(name, []).append(text)
    for frame, (number, total) in _NUMBERED.items():
        if number in texts:
            parts = [texts.pop(number)[0], *texts.pop(total, [])[:1]]
            tag.add(getattr(id3, frame)(encoding=3, text=["/".join(parts)]))
    for name, values in texts.items():
        if name in _FRAMES:
            tag.add(getattr(id3, _FRAMES[name])(encoding=3, text=values))
        elif name == COMMENT:
            tag.add(id3.COMM(encoding=3, lang="XXX", desc="", text=["; ".join(values)]))
        elif name == "LYRICS":
            tag.add(id3.USLT(encoding=3, lang="XXX", desc="", text="\n".join(values)))
        else:
            tag.add(id3.TXXX(encoding=3, desc=name, text=values))
    for picture in tags.pictures:
        description = picture.description
        while f"APIC:{description}" in tag:  # a tag holds one picture for each description
            description += " "
        tag.add(id3.APIC(encoding=3, mime=picture.mime, type=picture.kind, desc=description, data=picture.data))


def _add_comment(tag: id3.ID3, comment: str) -> None:
    for frame in tag.getall("COMM"):
        if not frame.desc:
            frame.text = ["; ".join([*map(str, frame.text), comment])]
            return
    tag.add(id3.COMM(encoding=3, lang="eng", desc="", text=[comment]))
