"""What a file is, by its first bytes: the one table of them. An ID3v2 tag in front is looked past.

A name says nothing: `identify` reads what is there. Whoever adds a kind of file adds a line to `_KINDS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hifisr_cli.audio.containers.frames_in_step import SEARCHED, find_frames
from hifisr_cli.audio.containers.mpeg_frames import MPEG_FRAME

ReadAt = Callable[[int, int], bytes]
"""Position, count: up to so many bytes from that position on, fewer at the end. A file or the beginning of a stream."""

HEAD = 512
"""Bytes that tell every kind."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: what it is called here.
        demuxer: ffmpeg's name of it; None where ffmpeg is not asked.
        foreign: libsndfile certainly does not read it. (What has a demuxer and is not foreign, it reads in part.)
        by_chance: so few bytes tell it that samples without a header may begin with them.
        container: what the facts about a recording call it where it is decoded by ffmpeg; None: by its name.
    """

    name: str
    demuxer: str | None = None
    foreign: bool = False
    by_chance: bool = False
    container: str | None = None


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What a file is.

    Attributes:
        kind: None where its first bytes are those of nothing in the table.
        start: where it begins; above 0 where ID3v2 tags, or bytes that are no frames, stand in front.
        skipped: how many bytes of it are not tags.
    """

    kind: FileKind | None
    start: int = 0
    skipped: int = 0

    @property
    def name(self) -> str | None:
        """The kind's name where no tag stands in front of the file; None where one does, or the kind is not known.

        Decoders other than that of MPEG audio, and FLAC's, do not look past a tag.
        """
        return self.kind.name if self.kind is not None and self.start == 0 else None


MPEG = FileKind("MPEG", by_chance=True)

_foreign = partial(FileKind, foreign=True)

_KINDS: tuple[tuple[bytes, FileKind], ...] = (
    (rb"(RIFF|RF64|BW64)....WAVE|RIFF....RMP3", FileKind("WAV", "wav")),
    (rb"........WAVE", FileKind("RIFX", "wav", container="WAV")),  # big-endian, and whatever else has such a form
    (rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", FileKind("WAVE64")),
    (rb"FORM....AIFF", FileKind("AIFF")),
    (rb"FORM....AIFC", FileKind("AIFC", "aiff")),
    (rb"fLaC", FileKind("FLAC")),
    (rb"OggS", FileKind("OGG", "ogg")),
    (rb"caff", FileKind("CAF", "caf")),
    (rb"\.snd", FileKind("AU")),
    (rb"....(ftyp|moov|mdat|wide)", _foreign("MP4", "mov")),
    (rb"\x1a\x45\xdf\xa3", _foreign("MATROSKA", "matroska")),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _foreign("ASF", "asf")),
    (rb"........AVI ", _foreign("AVI", "avi")),
    (rb"#!AMR", _foreign("AMR", "amr")),
    (rb"\x0b\x77...[\x58-\xff]", _foreign("EAC3", "eac3", by_chance=True, container="AC3")),  # bsid of 11 and above
    (rb"\x0b\x77", _foreign("AC3", "ac3", by_chance=True)),
    (rb"FLV\x01", _foreign("FLV", "flv")),
    (rb"wvpk", _foreign("WAVPACK", "wv")),
    (rb"MAC ", _foreign("APE", "ape")),
    (rb"TTA1", _foreign("TTA", "tta")),
    (rb"DSD ", _foreign("DSF", "dsf")),
    (rb"\x7f\xfe\x80\x01", _foreign("DTS", "dts")),
    (rb"\0\0\x01\xba", _foreign("MPEG-PS", "mpeg")),
    (rb"\xff[\xf0\xf1\xf8\xf9]", _foreign("AAC", "aac", by_chance=True)),
    (rb"G.{187}G.{187}G", _foreign("MPEG-TS", "mpegts")),
    (MPEG_FRAME + b".", MPEG),
    (rb"RIFF|RF64|FORM", FileKind("IFF")),  # of a form that nobody here knows by name
)
_FRAMED = {kind.name: kind for _, kind in _KINDS if kind.name in ("AAC", "AC3", "EAC3")}
_TABLE = tuple((re.compile(pattern, re.DOTALL), kind) for pattern, kind in _KINDS)


def identify(read: ReadAt) -> FileIdentity:
    """What a file is, and where it begins behind the ID3v2 tags in front of it.

    What begins like nothing that is known may be a stream of frames with padding or damage in front of the first one:
    what they are, or MPEG audio where it carries such a tag.
    """
    start = skip_id3(read, 0)
    kind = kind_of(read(start, HEAD))
    if kind is None and (found := find_frames(read(start, SEARCHED))) is not None:
        name, first = found
        return FileIdentity(MPEG, start) if name == MPEG.name else FileIdentity(_FRAMED[name], start + first, first)
    return FileIdentity(MPEG if kind is None and start else kind, start)


def kind_of(head: bytes) -> FileKind | None:
    """The kind of file that begins with these bytes (`HEAD` of them tell every kind); None where it is not known."""
    return next((kind for pattern, kind in _TABLE if pattern.match(head)), None)


def skip_id3(read: ReadAt, position: int) -> int:
    """Where what follows the ID3v2 tags at a position begins; the position itself where there are none."""
    while size := id3_size(read(position, 10)):
        position += size
    return position


def id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that begins with these ten, footer and all; 0 where there is none. (ID3v2.4, 3.1.)

    Its length has seven bits a byte.
    """
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = (head[6] & 0x7F) << 21 | (head[7] & 0x7F) << 14 | (head[8] & 0x7F) << 7 | head[9] & 0x7F
    return 10 + size + (10 if head[5] & 0x10 else 0)
