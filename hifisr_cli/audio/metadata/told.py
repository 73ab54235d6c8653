"""What FFmpeg tells of a recording that it decodes, for containers whose tags nothing else here reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hifisr_cli.audio.metadata.tags import Picture, Tags, cleaned

_NAMES = {
    "TRACK": "TRACKNUMBER",
    "PART_NUMBER": "TRACKNUMBER",
    "TOTAL_PARTS": "TRACKTOTAL",
    "DISC": "DISCNUMBER",
    "ALBUM_ARTIST": "ALBUMARTIST",
    "AUTHOR": "ARTIST",
    "PUBLISHER": "ORGANIZATION",
    "ENCODED_BY": "ENCODED-BY",
    "SORT_NAME": "TITLESORT",
    "SORT_ARTIST": "ARTISTSORT",
    "SORT_ALBUM": "ALBUMSORT",
    "SORT_ALBUM_ARTIST": "ALBUMARTISTSORT",
    "SORT_COMPOSER": "COMPOSERSORT",
    "DATE_RECORDED": "DATE",
}
"""FFmpeg's own names, and Matroska's, as Vorbis comments have them."""

_NUMBERED = {"TRACKNUMBER": "TRACKTOTAL", "DISCNUMBER": "DISCTOTAL"}
# What describes the file's own bytes.
_TECHNICAL = frozenset(
    {
        "MAJOR_BRAND", "MINOR_VERSION", "COMPATIBLE_BRANDS", "HANDLER_NAME", "VENDOR_ID", "DURATION", "BPS", "FILENAME",
        "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES", "MIMETYPE", "ENCODER", "ENCODER-ENG", "WMFSDKVERSION", "WMFSDKNEEDED",
        "ISVBR", "DEVICECONFORMANCETEMPLATE", "WM/ENCODINGTIME", "WM/ENCODINGSETTINGS",
        "HASVIDEO", "HASAUDIO", "HASMETADATA", "HASKEYFRAMES", "HASCUEPOINTS", "CANSEEKTOEND", "DATASIZE", "VIDEOSIZE",
        "AUDIOSIZE", "FILESIZE", "LASTTIMESTAMP", "LASTKEYFRAMETIMESTAMP", "LASTKEYFRAMELOCATION", "TOTALFRAMES",
    }
)  # fmt: skip
_PICTURES = {"mjpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp"}
MOST_CHAPTERS = 999
"""What three digits count."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a decoder tells.

    Attributes:
        file, track: texts by name, of the container and of the sound track in it.
        chapters: where each begins, in seconds, and its title.
        pictures: attached to the sound.
        unread: the MIME types of pictures that are attached and cannot be had.
        left_out: what else is attached: its names, empty where it has none.
    """

    file: Mapping[str, str] = field(default_factory=dict)
    track: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[tuple[float, str], ...] = ()
    pictures: tuple[Picture, ...] = ()
    unread: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


NOTHING_TOLD = Told()


def attached_picture(codec: str, tags: Mapping[str, str], data: bytes) -> Picture:
    """A picture as FFmpeg has it: as the one frame of a track of video."""
    mime = tags.get("mimetype") or picture_type(codec)
    return Picture(mime, 3, tags.get("title") or tags.get("filename", ""), data)


def picture_type(codec: str) -> str:
    """The MIME type of a picture, by the name of the codec that decodes it."""
    return _PICTURES.get(codec, f"image/{codec}")


def tags_told(told: Told) -> Tags:
    """In the common form, but for what `note_attached` tells of."""
    texts = list(in_vorbis_names(told.file.items()))
    known = set(texts)
    names = {name for name, _ in texts}
    for name, text in in_vorbis_names(told.track.items()):
        if (name, text) not in known:
            texts.append((f"TRACK_{name}" if name in names else name, text))
    return Tags(tuple(cleaned([*texts, *chapter_texts(told.chapters)])), told.pictures)


def note_attached(told: Told, tags: Tags, notes: list[str]) -> None:
    """A note about what is attached to a recording and is not among its tags."""
    pictures = () if tags.pictures else (f"a picture ({mime})" for mime in told.unread)
    attached = dict.fromkeys((*pictures, *(name or "something without a name" for name in told.left_out)))
    if attached:
        notes.append(f"what is attached to it was left out: {', '.join(attached)}")


def chapter_texts(chapters: Iterable[tuple[float, str]]) -> list[tuple[str, str]]:
    """Chapters as the texts that stand for them among Vorbis comments (the Chapter Extension)."""
    texts = []
    for number, (start, title) in enumerate(chapters, 1):
        if number > MOST_CHAPTERS:
            break
        milliseconds = max(0, round(1000 * start))
        minutes, rest = divmod(milliseconds, 60_000)
        place = f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
        texts += [(f"CHAPTER{number:03d}", place), (f"CHAPTER{number:03d}NAME", title)]
    return texts


def in_vorbis_names(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Texts by FFmpeg's or Matroska's names, without those that describe the file's bytes."""
    for name, text in pairs:
        key = name.upper()
        if key in _TECHNICAL or key.startswith("_STATISTICS_") or (key, text) == ("LANGUAGE", "und"):
            continue
        key = _NAMES.get(key, key)
        if key in _NUMBERED and "/" in text:
            number, _, total = text.partition("/")
            yield from ((key, number), (_NUMBERED[key], total))
        else:
            yield key, text
