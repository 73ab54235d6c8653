"""The samples of a WAV stream, whatever its header says of their number."""

from __future__ import annotations

from collections.abc import Iterator

from hifisr_cli.audio.completeness import Promise
from hifisr_cli.audio.containers.riff import is_known, plausible
from hifisr_cli.audio.containers.sizes import FEW, are_samples, is_miscount, is_no_sound, miscounted
from hifisr_cli.audio.containers.wav_stream import WavStart
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.raw import RawSource
from hifisr_cli.audio.recording import Block

_PIECE = 1 << 16
_FLOATS = {"f32le": "<f", "f64le": "<d"}
ROUND = 1 << 32
"""Where a size of 32 bits begins anew."""

_LONGEST_CHUNK = 1 << 28
"""A chunk of unknown name that says it is longer is rather sound."""


class WavStreamSource(RawSource):
    """The samples of a stream that stands at the first of them.

    Behind the promised number of bytes stands nothing, or chunks, or what is known to be no sound; all else is sound.
    """

    def __init__(self, stream: ByteStream, start: WavStart) -> None:
        super().__init__(self._next, start.form, container=start.container)
        self.info = start.form.describe(start.container, start.frames)
        self._stream, self._start = stream, start
        self._ahead, self._pieces = b"", self._sound()
        self._received = self._done = 0

    def read(self, frames: int) -> Block:
        block = super().read(frames)
        self._done += block.shape[1]
        start, lacking = self._start, (self.info.frames or 0) - self._done
        missing = (start.length or 0) - self._received
        if block.shape[1] < frames and lacking > 0 and is_miscount(missing, start.form.frame_bytes, start.header):
            self.promise = Promise(self._done + lacking, lacking)
            self.notes = (miscounted(missing),)
        return block

    def _next(self, size: int) -> bytes:
        if not self._ahead:
            self._ahead = next(self._pieces, b"")
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def _sound(self) -> Iterator[bytes]:
        length = self._start.length
        while length is None or self._received < length:
            data = self._stream.read(_PIECE if length is None else min(_PIECE, length - self._received))
            if not data:
                return
            self._received += len(data)
            yield data
        while not self._leave_rest():
            zeros = 0
            while (data := self._stream.read(_PIECE)) and not any(data):
                zeros += len(data)
            if not data:  # filling
                return
            for start in range(0, zeros, _PIECE):
                yield bytes(min(_PIECE, zeros - start))
            yield data
            left = ROUND - zeros - len(data)
            while left > 0 and (data := self._stream.read(min(_PIECE, left))):
                left -= len(data)
                yield data

    def _leave_rest(self) -> bool:
        """Whether what follows is no sound. It is read, then, and told of."""
        if names := self._skip_chunks():
            self.notes += (
                f"chunks behind its samples come too late in a stream and were left out: {', '.join(names)}",
            )
            return True
        head = self._stream.peek(FEW)
        form = _FLOATS.get(self._start.form.encoding, "")
        if len(head) == FEW and not is_no_sound(head) and are_samples(head, form, self._start.length or 0):
            return False
        count = 0
        while data := self._stream.read(_PIECE):
            count += len(data)
        if head.strip(b"\0"):
            self.notes += (f"{count} bytes at its end are no chunks and were left out",)
        return True

    def _skip_chunks(self) -> list[str]:
        """The names of the chunks that follow, each once."""
        padding = (self._start.length or 0) % 2
        names = []
        while _is_chunk(head := self._stream.peek(8 + padding)[padding:]):
            size = int.from_bytes(head[4:], "little")
            self._stream.skip(padding + 8 + size)
            names.append(head[:4].decode("ascii").strip())
            padding = size % 2
        return list(dict.fromkeys(names))


def _is_chunk(head: bytes) -> bool:
    size = int.from_bytes(head[4:], "little")
    return len(head) == 8 and (is_known(head[:4]) or (plausible(head[:4]) and 0 < size < _LONGEST_CHUNK))
