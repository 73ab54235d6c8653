"""Tags of a recording, by its content: with mutagen where it is installed, else the little that libsndfile tells."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hifisr_cli.audio.containers.riff import Chunk, Chunks
from hifisr_cli.audio.metadata.tags import AIFF_TEXTS, Picture, Tags, cleaned
from hifisr_cli.audio.metadata.told import tags_told
from hifisr_cli.system.files import open_file

if TYPE_CHECKING:
    from mutagen.id3 import ID3

    from hifisr_cli.audio.recording import Recording, RecordingFile

MAX_TAG = 1 << 26
"""Bytes of a tag that are read into memory."""

ADVICE = "pip install 'hifisr[tags]' keeps all tags and pictures"
_PLAIN = ("title", "artist", "album", "date", "tracknumber", "genre", "comment", "copyright", "license")
_MP4_NAMES = {
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
    "cprt": "COPYRIGHT",
    "desc": "DESCRIPTION",
    "ldes": "SYNOPSIS",
    "tmpo": "BPM",
}
_ASF_NAMES = {
    "Title": "TITLE",
    "Author": "ARTIST",
    "Copyright": "COPYRIGHT",
    "Description": "COMMENT",
    "WM/AlbumTitle": "ALBUM",
    "WM/AlbumArtist": "ALBUMARTIST",
    "WM/Year": "DATE",
    "WM/Genre": "GENRE",
    "WM/TrackNumber": "TRACKNUMBER",
    "WM/Composer": "COMPOSER",
    "WM/Lyrics": "LYRICS",
}


def mutagen_is_here() -> bool:
    """Whether the extra `tags` is installed."""
    try:
        import mutagen  # noqa: F401
    except ImportError:
        return False
    return True


def read_tags(recording: Recording, file: RecordingFile, notes: list[str]) -> Tags:
    """The tags of the open file of any recording but WAV. What goes wrong becomes a note."""
    if recording.chunks is not None:
        return _aiff(recording.chunks, notes)
    if mutagen_is_here():
        try:
            return _by_kind(recording, file, notes)
        except Exception as error:  # mutagen raises whatever a damaged tag provokes
            notes.append(f"its tags cannot be read and were left out: {_reason(error)}")
    elif recording.what.name in ("MP4", "ASF"):
        notes.append(f"its tags were not carried over: {ADVICE}")
        return Tags()
    tags = _plain(recording.path)
    if tags or (recording.what.start and not mutagen_is_here()):
        notes.append(f"of its tags only {', '.join(_PLAIN)} were carried over: {ADVICE}")
    return tags


def read_id3(raw: bytes, notes: list[str]) -> Tags:
    """The tags of an ID3 chunk."""
    if not mutagen_is_here():
        notes.append(f"its ID3 tag was not carried over: {ADVICE}")
        return Tags()
    from hifisr_cli.audio.metadata.id3 import tags_of

    try:
        tag = _id3(io.BytesIO(raw))
    except Exception as error:  # as above
        notes.append(f"its ID3 tag cannot be read and was left out: {_reason(error)}")
        return Tags()
    return Tags() if tag is None else tags_of(tag, raw)


def _by_kind(recording: Recording, file: RecordingFile, notes: list[str]) -> Tags:
    what = recording.what
    kind = what.kind.name if what.kind is not None else recording.info.container
    if kind == "FLAC":
        return _flac(file.reader(what.start), notes)
    if what.start or kind in ("MPEG", "MP3", "AAC"):
        return _mpeg(file.reader(), what.start, notes)
    read = {"OGG": _ogg, "MP4": _mp4, "ASF": _asf}.get(kind)
    return tags_told(recording.told(), notes) if read is None else read(file.reader())


def _flac(file: BinaryIO, notes: list[str]) -> Tags:
    from mutagen.flac import FLAC

    flac = FLAC(file)
    if flac.cuesheet is not None:
        notes.append("its FLAC cue sheet was left out")
    pictures = [
        Picture(p.mime, int(p.type), p.desc, bytes(p.data), p.width, p.height, p.depth, p.colors) for p in flac.pictures
    ]
    return Tags(tuple(cleaned(flac.tags or ())), tuple(pictures))


def _ogg(file: BinaryIO) -> Tags:
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    head = file.read(64)
    file.seek(0)
    kind: Any = OggOpus if b"OpusHead" in head else OggFLAC if b"FLAC" in head else OggVorbis
    texts, pictures = [], []
    for name, value in kind(file).tags or ():
        if name.upper() == "METADATA_BLOCK_PICTURE":
            pictures.extend(_block_picture(value))
        else:
            texts.append((name, value))
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _block_picture(text: str) -> list[Picture]:
    import base64
    import binascii

    from mutagen.flac import FLACNoHeaderError
    from mutagen.flac import Picture as Block

    try:
        p = Block(base64.b64decode(text))
    except (binascii.Error, ValueError, FLACNoHeaderError, OSError):
        return []
    return [Picture(p.mime, int(p.type), p.desc, bytes(p.data), p.width, p.height, p.depth, p.colors)]


def _mp4(file: BinaryIO) -> Tags:
    from mutagen.mp4 import MP4

    texts: list[tuple[str, str]] = []
    pictures = []
    for name, values in (MP4(file).tags or {}).items():
        if name in _MP4_NAMES:
            texts.extend((_MP4_NAMES[name], str(value)) for value in values)
        elif name in ("trkn", "disk"):
            keys = ("TRACKNUMBER", "TRACKTOTAL") if name == "trkn" else ("DISCNUMBER", "DISCTOTAL")
            texts.extend((key, str(n)) for pair in values for key, n in zip(keys, pair, strict=False) if n)
        elif name.startswith("----:"):
            texts.extend((name.rsplit(":", 1)[-1], bytes(value).decode("utf-8", "replace")) for value in values)
        elif name == "covr":
            pictures += [Picture("image/png" if c.imageformat == 14 else "image/jpeg", 3, "", bytes(c)) for c in values]
    return Tags(tuple(cleaned(texts)), tuple(pictures))


def _asf(file: BinaryIO) -> Tags:
    from mutagen.asf import ASF

    texts = [(_ASF_NAMES[name], str(value)) for name, value in ASF(file).tags or () if name in _ASF_NAMES]
    return Tags(tuple(cleaned(texts)))


def _mpeg(file: BinaryIO, size: int, notes: list[str]) -> Tags:
    """The tags of a file that has ID3v2 tags of `size` bytes in front."""
    from hifisr_cli.audio.metadata.id3 import tags_of, to_bytes

    if size > MAX_TAG:
        notes.append(f"its ID3 tag of {size >> 20} MB is too large and was left out")
        return Tags()
    tag = _id3(file)
    return Tags() if tag is None else tags_of(tag, to_bytes(tag))


def _id3(file: BinaryIO) -> ID3 | None:
    from mutagen.id3 import ID3, ID3NoHeaderError

    try:
        return ID3(file)
    except ID3NoHeaderError:
        return None


def _aiff(chunks: Chunks, notes: list[str]) -> Tags:
    texts = []
    tags = Tags()
    for chunk in (*chunks.before, *chunks.after):
        if chunk.name in AIFF_TEXTS and chunk.size <= MAX_TAG:
            texts.append((AIFF_TEXTS[chunk.name], _text(chunk)))
        elif chunk.name == b"ID3 " and chunk.size <= MAX_TAG:
            tags = read_id3(chunk.read(), notes)
        elif chunk.name in (b"MARK", b"INST", b"COMT", b"MIDI", b"APPL"):
            notes.append(f"its {chunk.label} chunk was left out")
    return tags.joined(texts)


def _text(chunk: Chunk) -> str:
    data = chunk.read().rstrip(b"\0")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("mac-roman")


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


def _reason(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]
