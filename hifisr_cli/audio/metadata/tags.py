"""Tags in one form for all containers: the names of Vorbis comments, with the text chunks of WAV and AIFF as dialects.

Nothing here needs more than the standard library; `read` and `write` know the other formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hifisr_cli.audio.containers.riff import join_chunks, parse_chunks

COMMENT = "COMMENT"
MAX_TAG = 1 << 26
"""Bytes of a tag that are read into memory."""

_CHAPTER = re.compile(r"CHAPTER\d{3}(NAME|URL)?")
_PICTURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)

# Names of LIST INFO (Microsoft RIFF, EXIF 2.3, FADGI) and of Vorbis comments.
_INFO = {
    b"INAM": "TITLE",
    b"IART": "ARTIST",
    b"IPRD": "ALBUM",
    b"ICRD": "DATE",
    b"ITRK": "TRACKNUMBER",
    b"IGNR": "GENRE",
    b"ICMT": COMMENT,
    b"ICOP": "COPYRIGHT",
    b"ISFT": "SOFTWARE",
    b"IENG": "ENGINEER",
    b"ITCH": "ENCODED-BY",
    b"ISBJ": "SUBJECT",
    b"IKEY": "KEYWORDS",
    b"ISRC": "SOURCE",
    b"ISRF": "SOURCEMEDIA",
    b"IMED": "MEDIUM",
    b"ILNG": "LANGUAGE",
    b"IARL": "ARCHIVAL_LOCATION",
    b"ICMS": "COMMISSIONED",
    b"IMUS": "COMPOSER",
    b"IWRI": "LYRICIST",
}
_INFO_OF = {name: info for info, name in _INFO.items()}
AIFF_TEXTS = {b"NAME": "TITLE", b"AUTH": "ARTIST", b"(c) ": "COPYRIGHT", b"ANNO": COMMENT}
"""Text chunks of AIFF."""

# What describes the old encoding says nothing about the output.
_ENCODER = frozenset(
    {"ENCODER", "ENCODER_OPTIONS", "ENCODERSETTINGS", "ENCODING", "ITUNSMPB", "ITUNNORM", "ITUNPGAP", "LENGTH"}
)
_GAINS = ("REPLAYGAIN_", "R128_", "MP3GAIN_")


@dataclass(frozen=True, slots=True)
class Picture:
    """An embedded picture.

    Attributes:
        mime: its type, such as image/jpeg.
        kind: ID3's number, 3 for the front cover.
        description: for people.
        data: the bytes of the picture file.
        width, height, depth, colours: as FLAC has them, 0 where not known.
    """

    mime: str
    kind: int
    description: str
    data: bytes
    width: int = 0
    height: int = 0
    depth: int = 0
    colours: int = 0


@dataclass(frozen=True, slots=True)
class Tags:
    """What a recording's tags say.

    Attributes:
        texts: names in capitals and values; a name may come more than once.
        pictures: embedded pictures.
        id3: the tag as it stood, for an output that has ID3 as well and so can keep what has no Vorbis name.
        frames: the names of what it has of that kind.
        cue_sheet: the block of a FLAC file, which no other has a place for.
    """

    texts: tuple[tuple[str, str], ...] = ()
    pictures: tuple[Picture, ...] = ()
    id3: bytes | None = None
    frames: tuple[str, ...] = ()
    cue_sheet: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.texts or self.pictures or self.id3 or self.cue_sheet)

    def values(self, name: str) -> list[str]:
        return [text for known, text in self.texts if known == name]

    def joined(self, texts: Iterable[tuple[str, str]]) -> Tags:
        """These tags and more texts, but for those whose name is there already (comments are never too many)."""
        names = {name for name, _ in self.texts}
        more = [
            pair for pair in cleaned(texts) if pair[0] not in names or (pair[0] == COMMENT and pair not in self.texts)
        ]
        return replace(self, texts=(*self.texts, *more))

    def inherited(self, *, same_samples: bool, notes: list[str]) -> Tags:
        """Without what described the input's encoding, and its loudness unless the samples are the same."""
        texts = [(name, text) for name, text in self.texts if name not in _ENCODER]
        kept = [pair for pair in texts if same_samples or not pair[0].startswith(_GAINS)]
        if len(kept) < len(texts):
            notes.append("replay gain belongs to the input and was not inherited")
        return replace(self, texts=tuple(kept))


def cleaned(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Texts with names that every container takes and characters that can be written, each once; no empty ones."""
    pairs = []
    for name, value in texts:
        key = "".join(c if " " <= c <= "}" and c != "=" else "_" for c in name.strip().upper())
        text = value.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()
        if key and text:
            pairs.append((key, text))
    return list(dict.fromkeys(pairs))


def listed(names: Iterable[str], pictures: Iterable[Picture] = ()) -> str:
    """What was left out, for a message: each name once, and all chapters as one thing."""
    said = ["its chapters" if _CHAPTER.fullmatch(name) else name for name in names]
    said += [f"a picture ({picture.mime})" for picture in pictures]
    return ", ".join(dict.fromkeys(said))


def picture_mime(data: bytes) -> str:
    """The MIME type of a picture, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for start, mime in _PICTURES if data.startswith(start)), "image/jpeg")


def parse_info(body: bytes) -> list[tuple[str, str]]:
    """Texts of a LIST INFO, whose body begins with its type. Raises ValueError where it is damaged."""
    pairs = []
    for name, data in parse_chunks(body, 4):
        text = data.split(b"\0", 1)[0]
        try:
            value = text.decode("utf-8")
        except UnicodeDecodeError:
            value = text.decode("cp1252", "replace")  # what Windows programs wrote
        pairs.append((_INFO.get(name, name.decode("ascii", "replace")), value))
    return cleaned(pairs)


def make_info(texts: Iterable[tuple[str, str]]) -> tuple[bytes, list[tuple[str, str]]]:
    """The body of a LIST INFO, and the texts that have no place in it. Several values of a name become one."""
    merged: dict[bytes, list[str]] = {}
    rest = []
    for name, text in texts:
        info = _INFO_OF.get(name) or _info_name(name)
        if info is None:
            rest.append((name, text))
        else:
            merged.setdefault(info, []).append(text)
    chunks = [(info, "; ".join(values).encode("utf-8", "replace") + b"\0") for info, values in merged.items()]
    return b"INFO" + join_chunks(chunks), rest


def add_comment(body: bytes, comment: str) -> bytes:
    """A LIST INFO with a comment after the one that it has; all else stays. Raises ValueError where it is damaged."""
    chunks = parse_chunks(body, 4)
    for index, (name, data) in enumerate(chunks):
        if name == b"ICMT":
            old = data.rstrip(b"\0")
            chunks[index] = (name, (old + b"; " if old else b"") + comment.encode() + b"\0")
            break
    else:
        chunks.append((b"ICMT", comment.encode() + b"\0"))
    return body[:4] + join_chunks(chunks)


def _info_name(name: str) -> bytes | None:
    """Names that `parse_info` left as they are."""
    return name.encode("ascii") if len(name) == 4 and name[0] == "I" and name.isascii() and name.isalnum() else None
