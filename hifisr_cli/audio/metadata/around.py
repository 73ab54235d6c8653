"""Tags of other kinds in front of and behind a file, whatever it is: ID3v2 before it, APEv2 and ID3v1 after it.

Layouts: ID3v2.4, ID3v1.1, Lyrics3 2.00; `apev2` for the third.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from hifisr_cli.audio.containers.signatures import id3_size
from hifisr_cli.audio.metadata.apev2 import APE_FOOTER, ApeFooter, ape_tags, parse_footer
from hifisr_cli.audio.metadata.tags import COMMENT, MAX_TAG, Tags, listed

if TYPE_CHECKING:
    from mutagen.id3 import ID3

    from hifisr_cli.audio.recording import RecordingFile

ADVICE = "pip install 'hifisr[tags]' keeps all tags and pictures"
_ID3V1 = 128
_LYRICS = 15
"""Bytes at the end of a Lyrics3 tag: its length in six digits, and its name."""


def mutagen_is_here() -> bool:
    """Whether the extra `tags` is installed."""
    try:
        import mutagen  # noqa: F401
    except ImportError:
        return False
    return True


def tags_around(file: RecordingFile, start: int, notes: list[str]) -> Tags:
    """The tags of a file that begins at `start`, ID3 first. What goes wrong becomes a note."""
    footer, end = _look_behind(file, notes)
    tags = _id3_tags(file, start, notes) if has_id3(file, start) else Tags()
    if footer is not None and footer.size <= min(end, MAX_TAG):
        body = file.at(end - footer.size, footer.size - APE_FOOTER)
        tags = both(tags, ape_tags(body, footer.items, notes), "its APE tag", notes)
    elif footer is not None:
        notes.append("its APE tag is longer than can be and was left out")
    return tags


def has_id3(file: RecordingFile, start: int) -> bool:
    """Whether there is an ID3 tag in front of a file that begins at `start`, or behind it."""
    return start > 0 or file.at(max(0, file.size - _ID3V1), 3) == b"TAG"


def both(first: Tags, second: Tags, name: str, notes: list[str]) -> Tags:
    """The tags of two kinds that a file has. Where they differ the first is right, and a note tells of the second.

    Args:
        name: what the second is called.
    """
    if not first:
        return second
    other = [
        key
        for key, text in second.texts
        if key != COMMENT and (old := first.values(key)) and not any(known.startswith(text) for known in old)
    ]
    other += second.frames if first.id3 is not None else ()
    if other:
        notes.append(f"{name} says something else, which was left out: {listed(other)}")
    new = [picture for picture in second.pictures if picture.data not in {known.data for known in first.pictures}]
    return replace(
        first.joined(second.texts),
        pictures=(*first.pictures, *new),
        id3=first.id3 or second.id3,
        frames=first.frames if first.id3 is not None else second.frames,
    )


def read_id3(raw: bytes, notes: list[str]) -> Tags:
    """The tags of an ID3 chunk."""
    if not mutagen_is_here():
        notes.append(f"its ID3 tag was not carried over: {ADVICE}")
        return Tags()
    from hifisr_cli.audio.metadata.id3 import tags_of

    try:
        tag = _parsed(io.BytesIO(raw))
    except Exception as error:  # mutagen raises whatever a damaged tag provokes
        notes.append(f"its ID3 tag cannot be read and was left out: {in_a_line(error)}")
        return Tags()
    return Tags() if tag is None else tags_of(tag, raw)


def in_a_line(error: Exception) -> str:
    """What another library says."""
    return " ".join((str(error) or type(error).__name__).split())[:200]


def _id3_tags(file: RecordingFile, start: int, notes: list[str]) -> Tags:
    """The ID3v2 tags of `start` bytes in front of a file, and what only an ID3v1 tag behind it says."""
    if start > MAX_TAG:
        notes.append(f"its ID3 tag of {start >> 20} MB is too large and was left out")
        return Tags()
    if not mutagen_is_here():
        notes.append(f"its ID3 tag was not carried over: {ADVICE}")
        return Tags()
    from hifisr_cli.audio.metadata.id3 import tags_of, to_bytes

    tags, position = Tags(), 0
    while position == 0 or position < start:
        tag = _parsed(file.reader(position))
        if tag is not None:
            tags = both(tags, tags_of(tag, to_bytes(tag)), "its second ID3 tag", notes)
        size = id3_size(file.at(position, 10))
        if not size:
            break
        position += size
    return tags


def _parsed(file: io.BufferedIOBase) -> ID3 | None:
    from mutagen.id3 import ID3, ID3NoHeaderError

    try:
        return ID3(file)
    except ID3NoHeaderError:
        return None


def _look_behind(file: RecordingFile, notes: list[str]) -> tuple[ApeFooter | None, int]:
    """The end of an APE tag, if there is one, and where that is."""
    end = file.size - (_ID3V1 if has_id3(file, 0) else 0)
    tail = file.at(max(0, end - APE_FOOTER), min(end, APE_FOOTER))
    if tail.endswith((b"LYRICS200", b"LYRICSEND")):
        notes.append("its Lyrics3 tag was left out")
        size = tail[-_LYRICS:-9]
        end -= _LYRICS + int(size) if size.isdigit() else 0
        tail = file.at(max(0, end - APE_FOOTER), min(max(0, end), APE_FOOTER))
    return parse_footer(tail), end
