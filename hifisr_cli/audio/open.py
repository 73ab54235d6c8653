"""Opening recordings: the operating system first, then whichever decoder the content asks for.

The operating system opens the file (libsndfile reports a missing file, a forbidden one and a full disk alike), the
header's promise is compared with what is there (libsndfile reads truncated files without a word), and the content
decides about the format, never the name.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path

from hifisr_cli.audio.containers.completeness import find_shortfall
from hifisr_cli.audio.containers.mpeg import MpegScan, looks_like_mpeg, scan_mpeg
from hifisr_cli.audio.containers.wav_stream import parse_wav
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.flac_salvage import open_damaged_flac
from hifisr_cli.audio.decoders.foreign import foreign_kind, has_decoder, open_foreign, partly_foreign_kind
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError, open_sound
from hifisr_cli.audio.decoders.raw import RawFormat, RawSource
from hifisr_cli.audio.limits import MAX_CHANNELS, check_limits
from hifisr_cli.audio.recording import BLOCK_FRAMES, Damage, Recording, Source, empty, truncated
from hifisr_cli.errors import EmptyAudioError, NotAudioError, UnreadableError, reason_of
from hifisr_cli.system.files import open_file, read_at

__all__ = ["BLOCK_FRAMES", "MAX_CHANNELS", "Recording", "check_headerless", "open_recording"]

_HEAD = 512
_CAREFULLY = 192
"""Samples that are decoded at once where the next ones may be damaged: a small part of any codec's frame."""

_CONVERT = (
    "WAV, AIFF, FLAC, Ogg Vorbis, Opus, MP3 and, with PyAV or ffmpeg, M4A, WMA, AC-3, AMR and videos are read; "
    "describe samples without a header with --raw"
)
_HEADERS = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"FORM", b"ID3\x03", b"ID3\x04")


def open_recording(path: Path, *, salvage: bool = False, raw: RawFormat | None = None) -> Recording:
    """Open a recording; use the result in a `with` statement.

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
        head = read_at(fd, _HEAD, 0)
        damage: Damage | None = None
        notes: tuple[str, ...] = ()
        if raw is not None:
            check_limits(path, sample_rate=raw.sample_rate, channels=raw.channels)
            check_headerless(path, head)
            source: Source = RawSource(lambda count: os.read(fd, count), raw, frames=None)
        elif (kind := foreign_kind(head)) is not None:
            source = open_foreign(path, fd, kind, stack, tolerant=salvage)
            notes = _tracks(source)
        else:
            source, damage = _open_known(path, fd, size, head, stack, salvage=salvage)
        check_limits(path, sample_rate=source.info.sample_rate, channels=source.info.channels)
        if source.info.frames == 0:
            raise empty(path)
        return Recording(path, source, stack.pop_all().close, salvage=salvage, damage=damage, notes=notes)


def check_headerless(path: Path, head: bytes) -> None:
    """A header read as samples would be a loud click, and the wrong rate.

    Raises:
        NotAudioError: the first bytes are those of a recording with a header.
    """
    if head[:4] in _HEADERS or foreign_kind(head) not in (None, ("ac3", "AC3"), ("eac3", "AC3"), ("aac", "AAC")):
        raise NotAudioError("has a header of its own", path=path, hint="leave out --raw")


def _open_known(
    path: Path, fd: int, size: int, head: bytes, stack: ExitStack, *, salvage: bool
) -> tuple[Source, Damage | None]:
    """A file that libsndfile should read, and what is known to be wrong with it."""
    damage = None
    shortfall = find_shortfall(fd, size)
    if shortfall is not None:
        promised, have = shortfall.promised, shortfall.have
        damage = Damage(str(shortfall), have / promised if promised and have is not None else None)
    scan = scan_mpeg(fd) if looks_like_mpeg(head[:4]) else None
    if scan is not None and (damaged := _find_missing_frames(scan)) is not None:
        damage = damaged
    if damage is not None and not salvage:
        raise truncated(path, damage.detail)
    try:
        sound = open_sound(fd, size, scan, stack, step=_CAREFULLY if salvage else None)
        if salvage and sound.info.container == "FLAC":
            return open_damaged_flac(fd, sound) or sound, damage
        return sound, damage  # noqa: TRY300  it belongs to the opening
    except NotOpenedError as error:
        if salvage and (frames := open_damaged_flac(fd, None)) is not None:
            return frames, damage
        own = _open_wav(path, stack) if head[8:12] == b"WAVE" else None
        if own is not None:
            return own, damage
        kind = partly_foreign_kind(head)
        if kind is not None and has_decoder():
            return open_foreign(path, fd, kind, stack, tolerant=salvage), damage
        raise NotAudioError(f"cannot be decoded: {error}", path=path, hint=_CONVERT) from error


def _open_wav(path: Path, stack: ExitStack) -> Source | None:
    """A WAV or RF64 file read as a stream: libsndfile loses its way behind an RF64 file's chunks of an odd length."""
    stream = ByteStream(stack.enter_context(path.open("rb")))
    found = parse_wav(stream)
    if found is None:
        return None
    stream.commit()
    return RawSource(stream.read, found.form, frames=found.frames, container=found.container)


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


def _find_missing_frames(scan: MpegScan) -> Damage | None:
    """Some encoders count the frame of the header as well, so one frame less is no loss."""
    if not scan.cut and (scan.promised is None or scan.frames >= scan.promised - 1):
        return None
    if scan.promised is None or scan.frames >= scan.promised - 1:
        return Damage("its last frame is cut")
    detail = "its last frame is cut" if scan.cut else f"{scan.frames} of {scan.promised} frames are there"
    return Damage(detail, scan.frames / scan.promised)


def _tracks(source: Source) -> tuple[str, ...]:
    count = getattr(source, "tracks", 1)
    return (f"the first of {count} sound tracks was taken",) if count > 1 else ()
