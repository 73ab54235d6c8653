"""Recordings as float32 blocks, read forward once, with every way of being broken told apart.

The operating system opens the file (libsndfile reports a missing file, a forbidden one and a full disk alike), the
header's promise is compared with what is there (libsndfile reads truncated files without a word), and the content
decides about the format, never the name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.integrity import find_open_header, find_shortfall
from hifisr_cli.audio.mpeg import MpegScan, looks_like_mpeg, scan_mpeg
from hifisr_cli.audio.resample import MAX_RATE, MIN_RATE
from hifisr_cli.errors import (
    EmptyAudioError,
    FileError,
    NonFiniteError,
    NotAudioError,
    TruncatedError,
    UnreadableError,
    UnsupportedError,
)
from hifisr_cli.results import AudioInfo

if TYPE_CHECKING:
    from hifisr_cli.audio.forward import ForwardFile

BLOCK_FRAMES = 65_536
MAX_CHANNELS = 8

_UNKNOWN_FRAMES = 1 << 40  # libsndfile says 2**63 - 1 where a header leaves the length open
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_BITS |= {f"ALAC_{bits}": bits for bits in (16, 20, 24, 32)}
_COMPANDED = ("ULAW", "ALAW")
_CONVERT = "WAV, AIFF, FLAC, Ogg Vorbis, Opus and MP3 are read; convert other recordings first, for example with ffmpeg"


def open_recording(path: Path) -> Recording:
    """Open a recording; use the result in a `with` statement.

    Raises:
        UnreadableError: missing, a folder, not a regular file, no permission.
        EmptyAudioError: no bytes, or no samples.
        NotAudioError: not a recording, or of a kind that is not read.
        TruncatedError: it has fewer bytes than its header promises.
        UnsupportedError: more than 8 channels, or a sample rate below 1 or above 768 kHz.
    """
    return Recording(path)


class Recording:
    """An open recording. See `open_recording`.

    Attributes:
        path: of the file.
        info: what it says of itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._used = False
        with ExitStack() as stack:
            fd, size = _open_regular(path, stack)
            shortfall = find_shortfall(fd, size)
            if shortfall is not None:
                raise _truncated(path, str(shortfall))
            self._file, frames = _open_sound(path, fd, size, stack)
            self.info = _describe(self._file, frames)
            _check_info(path, self.info)
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._resources.close()

    def blocks(self, frames: int = BLOCK_FRAMES) -> Iterator[npt.NDArray[np.float32]]:
        """Blocks [C, T] of float32 with full scale 1, T equal to `frames` in all but the last. Can be used once.

        Raises:
            TruncatedError: the sound breaks off or cannot be decoded further.
            NonFiniteError: a sample is NaN or infinite.
            EmptyAudioError: there was no sample.
            ValueError: used a second time.
        """
        if self._used:
            raise ValueError("a recording is read forward once; open it again")
        self._used = True
        done = 0
        while True:
            block = self._read(frames)
            if not block.shape[1]:
                break
            if not np.isfinite(block).all():
                at = (done + int(np.argmin(np.isfinite(block).all(axis=0)))) / self.info.sample_rate
                raise NonFiniteError(
                    f"a sample at {at:.3f} s is not a number or infinite",
                    path=self.path,
                    hint="export the recording again from the program that made it",
                )
            done += block.shape[1]
            yield block
        if done == 0:
            raise _empty(self.path)
        if self.info.frames is not None and done < self.info.frames:
            rate = self.info.sample_rate
            raise _truncated(self.path, f"it breaks off after {done / rate:.3f} of {self.info.frames / rate:.3f} s")

    def _read(self, frames: int) -> npt.NDArray[np.float32]:
        """The next [C, T] samples, fewer than `frames` at the end only."""
        import soundfile

        block = np.empty((frames, self.info.channels), np.float32)
        filled = 0
        try:
            while filled < frames:
                count = len(self._file.read(out=block[filled:]))
                if count == 0:
                    break
                filled += count
        except soundfile.LibsndfileError as error:
            raise _truncated(self.path, f"the sound cannot be decoded to its end: {_reason(error)}") from error
        return np.ascontiguousarray(block[:filled].T)


def _open_regular(path: Path, stack: ExitStack) -> tuple[int, int]:
    """Descriptor and size of a regular file that is not empty."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a FIFO must not block here
    try:
        fd = os.open(path, flags)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableError(f"cannot be opened: {reason}", path=path, hint="check the name and its rights") from error
    stack.callback(os.close, fd)
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableError("is a folder", path=path, hint="name the recordings in it, or give it as an input")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("is not a regular file", path=path, hint="pass streams through standard input as '-'")
    if status.st_size == 0:
        raise EmptyAudioError("the file is empty", path=path, hint="copy or export the recording again")
    return fd, status.st_size


def _open_sound(path: Path, fd: int, size: int, stack: ExitStack) -> tuple[ForwardFile, int | None]:
    """The sound behind a descriptor, and its length in frames where we know better than libsndfile."""
    import soundfile

    from hifisr_cli.audio.forward import ForwardFile, PipedFile

    scan = scan_mpeg(fd) if looks_like_mpeg(os.pread(fd, 4, 0)) else None
    if scan is not None:
        _check_frames(path, scan)
    unfinished = find_open_header(fd, size)
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        if unfinished is not None:
            header, frames = unfinished
            pipe = PipedFile(fd, len(header), header)
        elif scan is not None and scan.frames != scan.promised:
            pipe, frames = PipedFile(fd, scan.start), scan.frames * scan.samples
        else:
            return stack.enter_context(ForwardFile(fd, closefd=False)), None
        stack.callback(pipe.close)
        return stack.enter_context(ForwardFile(pipe.fd, closefd=False)), frames
    except soundfile.LibsndfileError as error:
        raise NotAudioError(f"cannot be decoded: {_reason(error)}", path=path, hint=_CONVERT) from error


def _check_frames(path: Path, scan: MpegScan) -> None:
    """Some encoders count the frame of the header as well, so one frame less is no loss."""
    if scan.cut or (scan.promised is not None and scan.frames < scan.promised - 1):
        detail = "its last frame is cut" if scan.cut else f"{scan.frames} of {scan.promised} frames are there"
        raise _truncated(path, detail)


def _describe(file: ForwardFile, frames: int | None) -> AudioInfo:
    codec = str(file.subtype)
    bits = _BITS.get(codec)
    known = frames if frames is not None else int(file.frames)
    return AudioInfo(
        container=str(file.format),
        codec=codec,
        sample_rate=int(file.samplerate),
        channels=int(file.channels),
        frames=known if known < _UNKNOWN_FRAMES else None,
        bits=bits,
        is_float=codec in ("FLOAT", "DOUBLE"),
        lossy=bits is None and codec not in _COMPANDED,
    )


def _check_info(path: Path, info: AudioInfo) -> None:
    if info.frames == 0:
        raise _empty(path)
    if info.channels > MAX_CHANNELS:
        raise UnsupportedError(
            f"has {info.channels} channels; up to {MAX_CHANNELS} are supported", path=path, hint="split it first"
        )
    if not MIN_RATE <= info.sample_rate <= MAX_RATE:
        raise UnsupportedError(
            f"says that its sample rate is {info.sample_rate} Hz; {MIN_RATE} to {MAX_RATE} Hz are supported",
            path=path,
            hint="the header may be damaged",
        )


def _truncated(path: Path, detail: str) -> FileError:
    return TruncatedError(f"the recording is incomplete: {detail}", path=path, hint="copy or export it again")


def _empty(path: Path) -> FileError:
    return EmptyAudioError("the recording has no samples", path=path, hint="copy or export it again")


def _reason(error: Exception) -> str:
    """libsndfile's own words, without its prefix, as part of a sentence."""
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return text[:1].lower() + text[1:]
