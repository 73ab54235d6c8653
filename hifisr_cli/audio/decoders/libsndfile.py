"""What libsndfile decodes: WAV, RF64, Wave64, AIFF, AU, CAF, FLAC, Ogg Vorbis, Opus, MP3."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from hifisr_cli.audio.recording import Block, BrokenOffError, Source
from hifisr_cli.results import AudioInfo

if TYPE_CHECKING:
    from hifisr_cli.audio.decoders.bytestream import ByteStream, PiecedBytes
    from hifisr_cli.audio.decoders.no_seek import ForwardFile

_UNKNOWN_FRAMES = 1 << 40  # libsndfile says 2**63 - 1 where a header leaves the length open
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_BITS |= {f"ALAC_{bits}": bits for bits in (16, 20, 24, 32)}
_COMPANDED = ("ULAW", "ALAW")
_PREFIX = re.compile(r"(internal )?error\s*:\s*", re.IGNORECASE)
_TRUE_WORDS = {
    "file does not exist or is not a regular file (possibly a pipe?)": "nothing in it can be decoded",
    "system error": "it cannot be read",
    "unspecified internal error": "its header makes no sense",
    "sF_INFO struct incomplete": "its header makes no sense",
    "supported file format but file is malformed": "its header is damaged",
    "flac decoder lost sync": "its frames are damaged",
    "unknown error in flac decoder": "its frames are damaged",
}
"""What is true where libsndfile speaks of its own inside, or of the file system."""


class NotOpenedError(Exception):
    """libsndfile cannot open it; the message says why, as the end of a sentence."""


class NoSoundError(NotOpenedError):
    """There is no sound in it."""


class SoundSource(Source):
    """A sound file of libsndfile's.

    Args:
        file: open for reading.
        frames: its length where it is known better than libsndfile knows it.
        step: samples a channel that are decoded at once: an error costs all of them.

    Attributes:
        late: what was decoded at once with an error, known when that is raised: before or behind what is damaged.
    """

    def __init__(self, file: ForwardFile, frames: int | None = None, *, step: int | None = None) -> None:
        self._file, self._step = file, step
        self.late: Block | None = None
        self._broken: BrokenOffError | None = None
        codec = str(file.subtype)
        known = frames if frames is not None else int(file.frames)
        self.info = AudioInfo(
            container=str(file.format),
            codec=codec,
            sample_rate=int(file.samplerate),
            channels=int(file.channels),
            frames=known if known < _UNKNOWN_FRAMES else None,
            bits=_BITS.get(codec),
            is_float=codec in ("FLOAT", "DOUBLE"),
            lossy=codec not in _BITS and codec not in _COMPANDED,
        )

    def read(self, frames: int) -> Block:
        import soundfile

        if self._broken is not None:
            raise self._broken
        block = np.full((frames, self.info.channels), np.nan, np.float32)
        filled = 0
        try:
            while filled < frames:
                end = frames if self._step is None else filled + self._step
                count = len(self._file.read(out=block[filled:end]))
                if count == 0:
                    break
                filled += count
        except soundfile.LibsndfileError as error:
            # libsndfile tells of an error once and of an end after that
            self._broken = BrokenOffError(f"the sound cannot be decoded to its end: {reason(error)}")
            late = block[filled:, 0]
            count = int(np.argmax(np.isnan(late))) if np.isnan(late).any() else len(late)
            self.late = np.ascontiguousarray(block[filled : filled + count].T)
            if filled == 0:  # else what came before the break is good: the next call meets it
                raise self._broken from error
        return np.ascontiguousarray(block[:filled].T)


def open_sound(sound: int | BinaryIO, stack: ExitStack, *, step: int | None = None) -> SoundSource:
    """What libsndfile makes of a file; closed with `stack`.

    Args:
        sound: its descriptor, or the file as it should be (`RecordingFile.reader`).
        step: see `SoundSource`.

    Raises:
        NotOpenedError: libsndfile cannot make anything of it.
    """
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import ForwardFile

    if isinstance(sound, int):
        os.lseek(sound, 0, os.SEEK_SET)
    try:
        return SoundSource(stack.enter_context(ForwardFile(sound, closefd=False)), step=step)
    except soundfile.LibsndfileError as error:
        raise NotOpenedError(reason(error)) from error


def reason(error: Exception) -> str:
    """libsndfile's own words as part of a sentence, without its prefix, and others where they would mislead."""
    text = _PREFIX.sub("", str(getattr(error, "error_string", error)).strip()).rstrip(".")
    text = text[:1].lower() + text[1:]
    return _TRUE_WORDS.get(text, text)


class ForwardBytes:
    """A stream as a file that libsndfile opens: as long as can be, and only its beginning can be read twice."""

    _LENGTH = 1 << 62

    def __init__(self, stream: ByteStream | PiecedBytes) -> None:
        self._stream, self._position = stream, 0  # where libsndfile stands

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = (0, self._position, self._LENGTH)[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray) -> int:
        view = memoryview(buffer)
        count = 0
        try:
            while count < len(view):
                data = self._stream.read_at(self._position, len(view) - count)
                if not data:
                    break
                view[count : count + len(data)] = data
                count += len(data)
                self._position += len(data)
        except OSError:  # nothing may be raised through libsndfile; the stream ends here
            return count
        return count
