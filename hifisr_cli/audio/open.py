"""Opening recordings: the operating system first, then whichever decoder the content asks for.

The operating system opens the file (libsndfile reports a missing file, a forbidden one and a full disk alike), its
first bytes decide about the format, never the name, and the header's promise is compared with what is there (libsndfile
reads truncated files without a word).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from hifisr_cli.audio.containers.mpeg import MpegScan, scan_mpeg
from hifisr_cli.audio.containers.ogg import ends_properly
from hifisr_cli.audio.containers.riff import LAYOUTS, OPEN_LENGTH, SOUND, ChunkPlace, Chunks, sort_chunks, walk_chunks
from hifisr_cli.audio.containers.signatures import MPEG, FileIdentity, identify
from hifisr_cli.audio.containers.wav_stream import parse_wav
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.flac_salvage import open_damaged_flac
from hifisr_cli.audio.decoders.foreign import has_decoder, open_foreign
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError, open_sound
from hifisr_cli.audio.decoders.raw import RawFormat, RawSource
from hifisr_cli.audio.recording import Damage, Recording, RecordingFile, Source, truncated
from hifisr_cli.errors import EmptyAudioError, NotAudioError, UnreadableError, reason_of
from hifisr_cli.system.files import open_file

_CAREFULLY = 192
"""Samples that are decoded at once where the next ones may be damaged: a small part of any codec's frame."""

_CUT = Damage("it ends in the middle")
_MAX_HEADER = 1 << 15
_CONVERT = (
    "WAV, AIFF, FLAC, Ogg Vorbis, Opus, MP3 and, with PyAV or ffmpeg, M4A, WMA, AC-3, AMR and videos are read; "
    "describe samples without a header with --raw"
)


def open_recording(path: Path, *, salvage: bool = False, raw: RawFormat | None = None) -> Recording:
    """Open a recording; use the result in a `with` statement.

    The file is opened once and its header walked once, for its sound and for its metadata.

    Args:
        salvage: take what is readable of a damaged recording; `Recording.notes` tells what is missing.
        raw: the file has no header; this is what it would say.

    Raises:
        UnreadableError: missing, a folder, not a regular file, no permission.
        EmptyAudioError: no bytes, or no samples.
        NotAudioError: not a recording, or of a kind that is not read.
        TruncatedError: it has fewer bytes than its header promises.
        UnsupportedError: more than 8 channels, a sample rate below 1 or above 768 kHz, or no decoder for it here.
    """
    with ExitStack() as stack:
        fd, size = _open_regular(path, stack)
        file = RecordingFile(fd, size)
        what = identify(file.at)
        damage: Damage | None = None
        chunks: Chunks | None = None
        if raw is not None:
            check_headerless(path, what)
            source: Source = RawSource(lambda count: os.read(fd, count), raw, frames=None)
        elif what.name is not None and what.kind is not None and what.kind.foreign:
            source = open_foreign(path, fd, what.kind, stack, tolerant=salvage)
        else:
            places = tuple(walk_chunks(file.at, LAYOUTS[what.name])) if what.name in LAYOUTS else ()
            if what.name in _WITH_METADATA:
                chunks = sort_chunks(path, what.name, places, file.at, size)
            source, damage = _open_known(path, file, what, places, stack, salvage=salvage)
        file_of_tags = None if raw is not None else file
        return Recording(
            path, source, stack, salvage=salvage, damage=damage, what=what, file=file_of_tags, chunks=chunks
        )


_WITH_METADATA = LAYOUTS.keys() - {"CAF"}
"""Kinds of files whose chunks are carried into outputs."""


def check_headerless(path: Path, what: FileIdentity) -> None:
    """A header read as samples would be a loud click, and the wrong rate.

    Raises:
        NotAudioError: the first bytes are those of a recording with a header.
    """
    if what.start or (what.kind is not None and not what.kind.by_chance):
        raise NotAudioError("has a header of its own", path=path, hint="leave out --raw")


def _open_known(
    path: Path,
    file: RecordingFile,
    what: FileIdentity,
    places: tuple[ChunkPlace, ...],
    stack: ExitStack,
    *,
    salvage: bool,
) -> tuple[Source, Damage | None]:
    """A file that libsndfile should read, and what is known to be wrong with it."""
    damage = _find_shortfall(what.name, places, file)
    scan = scan_mpeg(file.fd, what.start) if what.kind is MPEG else None
    if scan is not None and (damaged := _find_missing_frames(scan)) is not None:
        damage = damaged
    if damage is not None and not salvage:
        raise truncated(path, damage.detail)
    is_flac = what.kind is not None and what.kind.name == "FLAC"
    mended = _find_open_header(places, file) if what.name == "WAV" else None
    try:
        sound = open_sound(file.fd, stack, scan=scan, mended=mended, step=_CAREFULLY if salvage else None)
        if salvage and is_flac:
            return open_damaged_flac(file.fd, what.start, sound) or sound, damage
        return sound, damage  # noqa: TRY300  it belongs to the opening
    except NotOpenedError as error:
        if salvage and is_flac and (frames := open_damaged_flac(file.fd, what.start, None)) is not None:
            return frames, damage
        own = _open_wav(file.fd, stack) if what.name in ("WAV", "RIFX") else None
        if own is not None:
            return own, damage
        if what.name is not None and what.kind is not None and what.kind.demuxer and has_decoder():
            return open_foreign(path, file.fd, what.kind, stack, tolerant=salvage), damage
        raise NotAudioError(f"cannot be decoded: {error}", path=path, hint=_CONVERT) from error


def _open_wav(fd: int, stack: ExitStack) -> Source | None:
    """A WAV or RF64 file read as a stream: libsndfile loses its way behind an RF64 file's chunks of an odd length."""
    os.lseek(fd, 0, os.SEEK_SET)
    stream = ByteStream(stack.enter_context(os.fdopen(os.dup(fd), "rb")))
    start = parse_wav(stream)
    if start is None:
        return None
    stream.commit()
    return RawSource(stream.read, start.form, frames=start.frames, container=start.container)


def _open_regular(path: Path, stack: ExitStack) -> tuple[int, int]:
    """Descriptor and size of a regular file that is not empty."""
    try:
        fd = open_file(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a FIFO must not block here
    except OSError as error:
        if path.is_dir():  # which Windows does not open at all
            raise _folder(path) from error
        raise UnreadableError(
            f"cannot be opened: {reason_of(error)}", path=path, hint="check the name and its rights"
        ) from error
    stack.callback(os.close, fd)
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        raise _folder(path)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("is not a regular file", path=path, hint="pass streams through standard input as '-'")
    if status.st_size == 0:
        raise EmptyAudioError("the file is empty", path=path, hint="copy or export the recording again")
    return fd, status.st_size


def _folder(path: Path) -> UnreadableError:
    return UnreadableError("is a folder", path=path, hint="name the recordings in it, or give it as an input")


def _find_shortfall(kind: str | None, places: Sequence[ChunkPlace], file: RecordingFile) -> Damage | None:
    """What is missing at the end of a file whose header promises more bytes, None where nothing is known to be.

    Sizes of 0 and near 2**32 are what programs write that did not know the length (a pipe, a recorder without power):
    they promise nothing. WAV, RF64, Wave64, AIFF, AU, CAF and Ogg are known; the decoder itself notices in FLAC, and
    `_find_missing_frames` in MP3.
    """
    if kind == "OGG":
        return None if ends_properly(file.at, file.size) else _CUT
    if kind == "AU":
        head = file.at(0, 12)
        start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
        return None if length == 0xFFFF_FFFF else _compare(length, file.size - start)
    if kind not in LAYOUTS:
        return None
    for place in places:
        if place.name in SOUND:
            have = file.size - place.start
            return None if place.open and have < OPEN_LENGTH else _compare(place.length, have)
        if kind in ("AIFF", "AIFC") and place.name == b"COMM" and file.at(place.start + 2, 4) == bytes(4):
            return None  # no samples, so no chunk of samples either
    return _CUT


def _find_open_header(places: Sequence[ChunkPlace], file: RecordingFile) -> tuple[bytes, int] | None:
    """The header of a WAV file whose length was never filled in, mended, and the number of frames after it.

    libsndfile takes a length of 0 at its word. The mended header says "until the end". None for all other files, and
    where only whole chunks follow, since such a file holds no sound.
    """
    frame = 0
    for place in places:
        if place.name == b"fmt ":
            frame = int.from_bytes(file.at(place.start + 12, 2), "little")
        if place.name == b"data":
            last = places[-1]
            end = last.start + last.length
            if place.length or not frame or place.start > _MAX_HEADER or end + end % 2 == file.size:
                return None
            head = file.at(0, place.start)
            if head[:4] != b"RIFF":
                return None
            return head[:4] + b"\xff" * 4 + head[8:-4] + b"\xff" * 4, (file.size - place.start) // frame
    return None


def _compare(promised: int, have: int) -> Damage | None:
    if promised <= have:
        return None
    have = max(0, have)
    percent = 100 * have / promised if promised else 0.0
    return Damage(
        f"it holds {percent:.1f} % of the sound that its header promises", have / promised if promised else None
    )


def _find_missing_frames(scan: MpegScan) -> Damage | None:
    """Some encoders count the frame of the header as well, so one frame less is no loss."""
    if not scan.cut and (scan.promised is None or scan.frames >= scan.promised - 1):
        return None
    if scan.promised is None or scan.frames >= scan.promised - 1:
        return Damage("its last frame is cut")
    detail = "its last frame is cut" if scan.cut else f"{scan.frames} of {scan.promised} frames are there"
    return Damage(detail, scan.frames / scan.promised)
