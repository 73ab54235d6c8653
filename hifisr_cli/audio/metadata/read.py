"""Tags of a recording, by its content: what stands in it, around it, or what its decoder tells.

mutagen reads ID3, MP4 and ASF where it is installed; all else is read without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.audio.containers.riff import LAYOUTS, Chunks, sort_chunks, walk_chunks
from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.audio.metadata.around import ADVICE, both, has_id3, in_a_line, mutagen_is_here, read_id3, tags_around
from hifisr_cli.audio.metadata.headers import (
    au_tags,
    big_endian_tags,
    caf_tags,
    note_chunks,
    sphere_tags,
    svx_tags,
    text_of,
    voc_tags,
)
from hifisr_cli.audio.metadata.matroska import matroska_texts
from hifisr_cli.audio.metadata.tags import AIFF_TEXTS, COMMENT, MAX_TAG, Tags, cleaned
from hifisr_cli.audio.metadata.told import chapter_texts, in_vorbis_names, note_attached, tags_told
from hifisr_cli.audio.metadata.vorbis import flac_tags, ogg_tags
from hifisr_cli.system.files import open_file

if TYPE_CHECKING:
    from hifisr_cli.audio.recording import Recording, RecordingFile

_PLAIN = ("title", "artist", "album", "date", "tracknumber", "genre", "comment", "copyright", "license")


def read_tags(recording: Recording, file: RecordingFile, notes: list[str]) -> Tags:
    """The tags of the open file of any recording but WAV. What goes wrong or cannot be carried becomes a note."""
    known = recording.what.kind
    kind = known.name if known is not None else recording.info.container
    try:
        if kind in _MPEG and has_id3(file, recording.what.start) and not mutagen_is_here():
            return _plain_tags(recording, file, notes)
        tags = _of_kind(recording, kind, file, notes)
        tags = both(tags, tags_around(file, recording.what.start, notes), "the tag around it", notes)
        return _with_told(recording, kind, tags, file, notes)
    except OSError:
        raise
    except Exception as error:  # mutagen raises whatever a damaged tag provokes
        notes.append(f"its tags cannot be read and were left out: {in_a_line(error)}")
        return _plain(recording.path) if kind in _MPEG else Tags()


def chunks_of(recording: Recording) -> Chunks | None:
    """Those of a WAV-like or AIFF file, looked for where it was not libsndfile that opened it; None for others."""
    kind, file, start = recording.what.kind, recording.file, recording.what.start
    if recording.chunks is not None or file is None or kind is None or kind.name not in LAYOUTS.keys() - {"CAF"}:
        return recording.chunks
    layout = LAYOUTS[kind.name]
    places = walk_chunks(file.at, layout, start + layout.first)
    return sort_chunks(recording.path, kind.name, places, file.at, file.size)


_MPEG = ("MPEG", "MP3")
_PARSED = ("MP4", "ASF")
"""Kinds that mutagen reads."""

_READERS: dict[str, Callable[[ReadAt, list[str]], Tags]] = {
    "FLAC": flac_tags,
    "OGG": ogg_tags,
    "CAF": caf_tags,
    "AU": au_tags,
    "IFF": svx_tags,
    "SVX": svx_tags,
    "RIFX": big_endian_tags,
    "VOC": voc_tags,
    "NIST": sphere_tags,
    "SPHERE": sphere_tags,
}
"""Those that are read here, by the name of their kind, or by libsndfile's name of it."""


def _of_kind(recording: Recording, kind: str, file: RecordingFile, notes: list[str]) -> Tags:
    """What stands in the file itself, in a form that is read here."""
    start = recording.what.start
    if (chunks := chunks_of(recording)) is not None:
        return _aiff(chunks, notes)
    if kind in _READERS:
        return _READERS[kind](lambda position, count: file.at(start + position, count), notes)
    if kind == "DSF":  # an ID3 tag at its end, of which its head says where
        place = int.from_bytes(file.at(start + 20, 8), "little")
        return read_id3(file.at(start + place, MAX_TAG), notes) if place else Tags()
    if kind in _PARSED and mutagen_is_here():
        from hifisr_cli.audio.metadata.asf import asf_tags
        from hifisr_cli.audio.metadata.mp4 import mp4_tags

        return (mp4_tags if kind == "MP4" else asf_tags)(file.reader(start), notes)
    return Tags()


def _with_told(recording: Recording, kind: str, tags: Tags, file: RecordingFile, notes: list[str]) -> Tags:
    """These tags and what only the decoder tells: all of it where they say nothing, else the chapters."""
    told = recording.told()
    note_attached(told, tags, notes)
    if any(name != "ENCODER" for name, _ in tags.texts) or tags.pictures:
        return tags.joined(chapter_texts(told.chapters))
    found = tags_told(told)
    if kind == "MATROSKA":
        known = {text for _, text in found.texts}
        stated = in_vorbis_names(
            matroska_texts(lambda position, count: file.at(recording.what.start + position, count))
        )
        more = cleaned(pair for pair in stated if pair[1] not in known)
        found = replace(found, texts=(*found.texts, *more))
    if found and kind in _PARSED and not mutagen_is_here():
        notes.append(f"of its tags only what FFmpeg tells was read: {ADVICE}")
    return both(found, tags, "the tag around it", notes)


def _aiff(chunks: Chunks, notes: list[str]) -> Tags:
    texts = []
    tags = Tags()
    lost = []
    for chunk in (*chunks.before, *chunks.after):
        if chunk.size > MAX_TAG:
            lost.append(chunk.name)
        elif chunk.name in AIFF_TEXTS:
            texts.append((AIFF_TEXTS[chunk.name], text_of(chunk.read())))
        elif chunk.name == b"COMT":
            texts += [(COMMENT, text) for text in _comments(chunk.read())]
        elif chunk.name in (b"ID3 ", b"id3 "):
            tags = both(tags, read_id3(chunk.read(), notes), "its second ID3 tag", notes)
        else:
            lost.append(chunk.name)
    note_chunks(lost, notes)
    return tags.joined(texts)


def _comments(body: bytes) -> list[str]:
    """The texts of an AIFF's `COMT` chunk, each of which has a time and may belong to a marker."""
    texts, position = [], 2
    for _ in range(int.from_bytes(body[:2], "big")):
        size = int.from_bytes(body[position + 6 : position + 8], "big")
        texts.append(text_of(body[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    return texts


def _plain_tags(recording: Recording, file: RecordingFile, notes: list[str]) -> Tags:
    """Of MPEG audio, where mutagen is not there."""
    said: list[str] = []
    around = tags_around(file, recording.what.start, said)
    tags = both(_plain(recording.path), around, "its APE tag", notes)
    if said or tags:
        notes.append(f"of its tags only {', '.join(_PLAIN)} were carried over: {ADVICE}")
    return tags


def _plain(path: Path) -> Tags:
    """The tags that libsndfile tells of, which are not all."""
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import ForwardFile

    fd = open_file(path, os.O_RDONLY)
    try:
        with ForwardFile(fd, closefd=False) as file:
            texts = file.copy_metadata()
    except (soundfile.LibsndfileError, UnicodeDecodeError):
        return Tags()
    finally:
        os.close(fd)
    return Tags(tuple(cleaned((name, str(texts[name])) for name in _PLAIN if texts.get(name))))
