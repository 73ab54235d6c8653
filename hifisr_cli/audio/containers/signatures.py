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

TAGS = (b"TAG", b"APETAGEX", b"ID3", b"LYRICSBEGIN")
"""Begin the tags that programs write behind whatever a file is."""

HEAD = 512
"""Bytes that tell every kind."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: what it is called here.
        demuxer: ffmpeg's name of it; None where ffmpeg is not asked, or, of a foreign kind, does not read it either.
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
    (rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", FileKind("WAVE64", "w64")),
    (rb"FORM....AIFF", FileKind("AIFF", "aiff")),
    (rb"FORM....AIFC", FileKind("AIFC", "aiff")),
    (rb"fLaC", FileKind("FLAC", "flac")),
    (rb"OggS", FileKind("OGG", "ogg")),
    (rb"caff", FileKind("CAF", "caf")),
    (rb"\.snd", FileKind("AU", "au")),
    (rb"Creative Voice File\x1a", FileKind("VOC", "voc")),
    (rb"NIST_1A", FileKind("NIST", "nistsphere")),
    (rb"\x64\xa3[\x01-\x04]\0|\0[\x01-\x04]\xa3\x64", FileKind("IRCAM", "ircam")),
    (rb"FORM....(8SVX|16SV)", FileKind("SVX", "iff")),
    (rb"2BIT", FileKind("AVR", "avr")),
    (rb" paf|fap ", FileKind("PAF", "epaf")),
    (rb"PVF1\n", FileKind("PVF", "pvf")),
    (rb"ALawSoundFile\*\*", FileKind("WVE", "wve")),
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
    (rb"MPCK", _foreign("MUSEPACK", "mpc8")),
    (rb"MP\+", _foreign("MUSEPACK", "mpc", by_chance=True)),
    (rb"tBaK", _foreign("TAK", "tak")),
    (rb"ajkg", _foreign("SHORTEN", "shn")),
    (rb"DSD ", _foreign("DSF", "dsf")),
    (rb"FRM8........DSD ", _foreign("DSDIFF", "iff")),
    (rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80", _foreign("DTS", "dts")),
    (rb"\x1f\xff\xe8\0|\xff\x1f\0\xe8", _foreign("DTS", "dts")),  # in words of 14 bits
    (rb"DTSHDHDR", _foreign("DTS", "dtshd")),
    (rb"....\xf8\x72\x6f\xba", _foreign("TRUEHD", "truehd")),
    (rb"....\xf8\x72\x6f\xbb", _foreign("MLP", "mlp")),
    (rb"[\x02\x03]dss", _foreign("DSS", "dss")),
    (rb".ds2", _foreign("DS2")),
    (rb"RIFF....XWMA", _foreign("XWMA", "xwma")),
    (rb"RIFF....QLCM", _foreign("QCP", "qcp")),
    (rb"ea3\x03|EA3", _foreign("OMA", "oma")),
    (rb"\.RMF|\.ra\xfd", _foreign("REALMEDIA", "rm")),
    (rb"\.SoX|XoS\.", _foreign("SOX", "sox")),
    (rb"\xb7\xd8\x00\x20\x37\x49\xda\x11", _foreign("WTV", "wtv")),
    (rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01", _foreign("MXF", "mxf")),
    (rb"\x1f\x07\0[\x3f\xbf]", _foreign("DV", "dv", by_chance=True)),
    (rb"\0\0\x01\xba", _foreign("MPEG-PS", "mpeg")),
    (rb"\xff[\xf0\xf1\xf8\xf9]", _foreign("AAC", "aac", by_chance=True)),
    (rb"G.{187}G.{187}G|....G.{191}G.{191}G", _foreign("MPEG-TS", "mpegts")),
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
