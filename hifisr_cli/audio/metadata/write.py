"""Tags into an output that libsndfile has finished, before anybody sees it.

With mutagen all that the container can hold; without it, what libsndfile writes while it encodes (`plain_texts`).
"""

from __future__ import annotations

import base64
import os
from typing import Any

from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.around import ADVICE, mutagen_is_here
from hifisr_cli.audio.metadata.tags import COMMENT, Picture, Tags, listed
from hifisr_cli.results import Container

_PLAIN: dict[Container, tuple[str, ...]] = {
    "flac": ("TITLE", "ARTIST", "ALBUM", "DATE", "TRACKNUMBER", "GENRE", "COMMENT", "COPYRIGHT", "LICENSE"),
    "ogg": ("TITLE", "ARTIST", "ALBUM", "DATE", "TRACKNUMBER", "GENRE", "COMMENT", "COPYRIGHT", "LICENSE"),
    "mp3": ("TITLE", "ARTIST", "ALBUM", "DATE", "TRACKNUMBER", "GENRE", "COMMENT"),
    "aiff": ("TITLE", "ARTIST", "COMMENT", "COPYRIGHT"),
}


def plain_texts(container: Container, tags: Tags, comment: str | None) -> dict[str, str]:
    """Attributes of a soundfile.SoundFile that is being written: what libsndfile can say in this container."""
    texts: dict[str, str] = {}
    with_id3 = mutagen_is_here()
    for name in _PLAIN.get(container, ()):
        values = tags.values(name) + ([comment] if name == COMMENT and comment is not None else [])
        text = "; ".join(values)
        # libsndfile garbles other letters in MP3; text chunks of AIFF are ASCII, and ID3 beside them says more.
        if text and (text.isascii() or container not in ("mp3", "aiff") or (container == "aiff" and not with_id3)):
            texts[name.lower()] = text
    return texts


def finish_tags(fd: int, chosen: OutputFormat, tags: Tags, comment: str | None, problems: list[str]) -> None:
    """Everything that the container can hold, where mutagen is there to write it.

    Tags that it refuses become a problem; what libsndfile wrote (`plain_texts`), the comment with it, stays then: that
    is why tags are written twice.

    Raises:
        OSError: disk full and the like.
    """
    if not mutagen_is_here():
        written = plain_texts(chosen.container, tags, comment)
        lost = [name for name, _ in tags.texts if name.lower() not in written]
        lost += ["its cue sheet"] if tags.cue_sheet is not None else []
        if lost or tags.pictures:
            problems.append(f"{listed(lost, tags.pictures)} were left out: {ADVICE}")
        return
    try:
        write_tags(fd, chosen, tags, comment)
    except OSError:
        raise
    except Exception as error:  # whatever odd tags provoke in mutagen
        problems.append(f"its tags cannot be written and were left out: {' '.join(str(error).split())[:200]}")


def write_tags(fd: int, chosen: OutputFormat, tags: Tags, comment: str | None) -> None:
    """Tags and a comment into the finished file behind a descriptor.

    Raises:
        OSError: disk full and the like; the file is of no use then.
        Exception: whatever else mutagen raises, before it changed anything.
    """
    from mutagen import MutagenError

    os.lseek(fd, 0, os.SEEK_SET)
    try:
        with os.fdopen(os.dup(fd), "r+b") as file:
            if chosen.container in ("mp3", "aiff"):
                _write_id3(file, chosen.container, tags, comment)
            elif chosen.container == "flac":
                _write_flac(file, tags, comment)
            elif chosen.container == "ogg":
                _write_ogg(file, chosen.codec, tags, comment)
    except MutagenError as error:  # wraps the operating system's errors
        cause = error.__cause__ or (error.args[0] if error.args else None)
        if isinstance(cause, OSError):
            raise cause from error
        raise


def _write_id3(file: Any, container: Container, tags: Tags, comment: str | None) -> None:
    from mutagen.aiff import AIFF

    from hifisr_cli.audio.metadata.id3 import render

    tag = render(tags, comment)
    if container == "mp3":
        file.seek(0)
        tag.save(file, v1=0, v2_version=4)
        return
    aiff = AIFF(file)
    if aiff.tags is None:
        aiff.add_tags()
    for frame in tag.values():
        aiff.tags.add(frame)
    file.seek(0)
    aiff.save(file)


def _write_flac(file: Any, tags: Tags, comment: str | None) -> None:
    from mutagen.flac import FLAC, CueSheet

    flac = FLAC(file)
    if tags.cue_sheet is not None:
        flac.cuesheet = CueSheet(tags.cue_sheet)
        flac.metadata_blocks.append(flac.cuesheet)
    if flac.tags is None:
        flac.add_tags()
    flac.tags.clear()
    flac.tags.extend(_pairs(tags, comment))
    flac.clear_pictures()
    for picture in tags.pictures:
        flac.add_picture(_block(picture))
    file.seek(0)
    flac.save(file)


def _write_ogg(file: Any, codec: str, tags: Tags, comment: str | None) -> None:
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    ogg: Any = OggOpus(file) if codec == "OPUS" else OggVorbis(file)
    ogg.tags.clear()
    ogg.tags.extend(_pairs(tags, comment))
    for picture in tags.pictures:
        ogg.tags.append(("METADATA_BLOCK_PICTURE", base64.b64encode(_block(picture).write()).decode("ascii")))
    file.seek(0)
    ogg.save(file)


def _pairs(tags: Tags, comment: str | None) -> list[tuple[str, str]]:
    return [*tags.texts, *([] if comment is None else [(COMMENT, comment)])]


def _block(picture: Picture) -> Any:
    from mutagen.flac import Picture as Block

    block = Block()
    block.mime, block.type, block.desc, block.data = picture.mime, picture.kind, picture.description, picture.data
    block.width, block.height, block.depth, block.colors = picture.width, picture.height, picture.depth, picture.colours
    return block
