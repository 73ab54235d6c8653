"""Opening recordings: the operating system first, then whichever decoder the content asks for.

The operating system opens the file (libsndfile reports a missing file, a forbidden one and a full disk alike), its
first bytes decide about the format, never the name, and the header's promise is compared with what is there (libsndfile
reads truncated files without a word).
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.audio.completeness import Damage
from hifisr_cli.audio.containers.mpeg_frames import LONGEST_FRAME
from hifisr_cli.audio.containers.riff import LAYOUTS, Chunks
from hifisr_cli.audio.containers.signatures import MPEG, FileIdentity, FileKind, identify
from hifisr_cli.audio.decoders.chunked import carried_chunks, open_chunked
from hifisr_cli.audio.decoders.flac import open_flac
from hifisr_cli.audio.decoders.foreign import has_decoder, open_foreign
from hifisr_cli.audio.decoders.libsndfile import NoSoundError, NotOpenedError, open_sound
from hifisr_cli.audio.decoders.mpeg import open_mpeg
from hifisr_cli.audio.decoders.ogg import open_ogg
from hifisr_cli.audio.decoders.raw import RawFormat
from hifisr_cli.audio.decoders.raw_coded import open_raw
from hifisr_cli.audio.decoders.track import CURE
from hifisr_cli.audio.recording import BrokenOffError, Recording, RecordingFile, Source, truncated
from hifisr_cli.errors import EmptyAudioError, NotAudioError, UnreadableError, reason_of
from hifisr_cli.system.files import open_file

_CAREFULLY = 192
"""Samples that are decoded at once where the next ones may be damaged: a small part of any codec's frame."""

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
        UnsupportedError: more than 64 channels, a sample rate below 1 or above 768 kHz, or no decoder for it here.
    """
    with ExitStack() as stack:
        fd, size = _open_regular(path, stack)
        file = RecordingFile(fd, size)
        what = identify(file.at)
        if raw is not None:
            check_headerless(path, what)
            source = open_raw(lambda count: os.read(fd, count), raw)
            if source is None:
                source, *_ = open_foreign(path, file, FileIdentity(_G722), stack, tolerant=salvage)
            return Recording(path, source, stack, salvage=salvage, what=what)
        found = _FileOpener(path, file, what, stack, salvage).open()
        return Recording(
            path,
            found.source,
            stack,
            salvage=salvage,
            damage=found.damage,
            notes=found.notes,
            what=what,
            file=file,
            chunks=found.chunks,
        )


_G722 = FileKind("G722", "g722", foreign=True, container="RAW")


def check_headerless(path: Path, what: FileIdentity) -> None:
    """A header read as samples would be a loud click, and the wrong rate.

    Raises:
        NotAudioError: the first bytes are those of a recording with a header.
    """
    if what.start or (what.kind is not None and not what.kind.by_chance):
        raise NotAudioError("has a header of its own", path=path, hint="leave out --raw")


@dataclass(slots=True)
class _Found:
    """A file that is decoded.

    Attributes:
        damage: what is known to be wrong with it.
        notes: what the user should know about it.
        chunks: see `Recording`.
    """

    source: Source
    damage: Damage | None = None
    notes: tuple[str, ...] = ()
    chunks: Chunks | None = None


@dataclass(frozen=True, slots=True)
class _FileOpener:
    """Opens a file by what it is."""

    path: Path
    file: RecordingFile
    what: FileIdentity
    stack: ExitStack
    salvage: bool

    def open(self) -> _Found:
        kind = self.what.kind
        if kind is not None and kind.foreign:
            skipped = self.what.skipped
            found = self._foreign()
            if skipped > LONGEST_FRAME:
                found.notes += (f"{skipped} bytes in front of its first frame were left out",)
            return found
        try:
            found = self._known()
        except NoSoundError as error:
            raise EmptyAudioError(f"has no sound: {error}", path=self.path, hint="copy or export it again") from error
        except BrokenOffError as error:
            raise truncated(self.path, str(error)) from error
        except NotOpenedError as error:
            if kind is not None and kind.demuxer and has_decoder():
                return self._foreign()
            hint = CURE if kind is not None and kind.demuxer else _CONVERT
            raise NotAudioError(f"cannot be decoded: {error}", path=self.path, hint=hint) from error
        if found.damage is not None and not self.salvage:
            raise truncated(self.path, found.damage.detail)
        return found

    def _foreign(self) -> _Found:
        found = _Found(*open_foreign(self.path, self.file, self.what, self.stack, tolerant=self.salvage))
        if self.what.kind is not None and self.what.kind.name in LAYOUTS:
            found.chunks = carried_chunks(self.path, self.file, self.what.kind.name, self.what.start)
        return found

    def _known(self) -> _Found:
        """What libsndfile should read. Raises NotOpenedError."""
        file, start, step = self.file, self.what.start, _CAREFULLY if self.salvage else None
        match self.what.kind:
            case kind if kind is MPEG:
                return _Found(*open_mpeg(file, start, self.stack, step=step))
            case FileKind(name="OGG"):
                return _Found(*open_ogg(file, start, self.stack, step=step))
            case FileKind(name="FLAC"):
                return _Found(open_flac(file, start, self.stack, step=step))
            case FileKind(name=name) if name in LAYOUTS or name == "AU":
                return _Found(*open_chunked(self.path, file, name, start, self.stack, step=step))
        return _Found(open_sound(file.fd if start == 0 else file.reader(start), self.stack, step=step))


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
