"""Speech codecs without a header, as telephone systems and dictation keep them: units of bytes, one channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.decoders.adpcm import AdpcmDecoder
from hifisr_cli.audio.decoders.raw import CODED, RawFormat, RawSource
from hifisr_cli.audio.recording import Block, Source

_AT_ONCE = 1 << 14
"""Bytes that are decoded at once."""

_MOST_FRAMES = 13_000_000
"""GSM frames, of 20 ms, that libsndfile can count: after three days it begins anew, as after a lost frame."""


class _Decoder(Protocol):
    def decode(self, data: bytes) -> npt.NDArray[np.float32]:
        """The samples of whole units, which follow those before."""
        ...


def open_raw(pull: Callable[[int], bytes], form: RawFormat) -> Source | None:
    """The samples that `pull` gives the bytes of: up to so many, none at the end. None: PyAV or ffmpeg decode them."""
    if form.encoding == "g722":
        return None
    return CodedSource(pull, form) if form.encoding in CODED else RawSource(pull, form)


class CodedSource(Source):
    """Samples from the bytes of a codec.

    Args:
        pull: gives up to that many bytes, none at the end.
        form: of a kind in `CODED` that is decoded here.
    """

    def __init__(self, pull: Callable[[int], bytes], form: RawFormat) -> None:
        self._pull, self._unit = pull, CODED[form.encoding]
        self.info = form.describe("RAW", None)
        self._decoder: _Decoder = GsmDecoder(form) if form.encoding == "gsm" else AdpcmDecoder(form.encoding)
        self._rest, self._samples, self._ended = b"", np.zeros(0, np.float32), False

    def read(self, frames: int) -> Block:
        parts, count = [self._samples], len(self._samples)
        while count < frames and not self._ended:
            samples = self._next()
            parts.append(samples)
            count += len(samples)
        joined = np.concatenate(parts)
        self._samples = joined[frames:]
        return np.ascontiguousarray(joined[:frames])[None]

    def _next(self) -> npt.NDArray[np.float32]:
        data = self._pull(_AT_ONCE)
        whole = self._rest + data
        size = len(whole) // self._unit.bytes * self._unit.bytes
        self._rest = whole[size:]
        if not data:
            self._ended = True
            if self._rest:
                count = "byte is" if len(self._rest) == 1 else f"{len(self._rest)} bytes are"
                self.notes = (f"its last {count} no whole frame and left out",)
        return self._decoder.decode(whole[:size])


class GsmDecoder:
    """GSM 06.10 full rate, frames of 33 bytes, through libsndfile."""

    def __init__(self, form: RawFormat) -> None:
        self._form, self._unit = form, CODED["gsm"]
        self._fed = _Fed()
        self._file: Any = None
        self._left = 0

    def decode(self, data: bytes) -> npt.NDArray[np.float32]:
        """160 samples a frame, with full scale 1."""
        if not data:
            return np.zeros(0, np.float32)
        self._fed.ahead += data
        units = len(data) // self._unit.bytes
        if self._file is None or self._left < units:
            from hifisr_cli.audio.decoders.no_seek import ForwardFile

            self._fed.rewind()
            rate, channels = self._form.sample_rate, self._form.channels
            self._file = ForwardFile(self._fed, "r", rate, channels, "GSM610", format="RAW")
            self._left = _MOST_FRAMES
        self._left -= units
        frames = units * self._unit.samples
        return np.asarray(self._file.read(frames, dtype="float32"))


class _Fed:
    """A long file that holds as much as it was given. It is never asked for more."""

    _LENGTH = _MOST_FRAMES * 33

    def __init__(self) -> None:
        self.ahead, self._position = bytearray(), 0

    def rewind(self) -> None:
        self._position = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = (0, self._position, self._LENGTH)[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray) -> int:
        count = min(len(buffer), len(self.ahead))
        buffer[:count] = self.ahead[:count]
        del self.ahead[:count]
        self._position += count
        return count
