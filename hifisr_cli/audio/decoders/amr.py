"""AMR, narrow and wide, with its pauses: what phones and dictation machines record.

A phone that hears no speech sends nothing, or a description of the noise now and then. Decoders refuse such frames, or
leave them out, and what follows moves up. Here they are silence, 20 ms each, in their places: the decoder is given the
frames with speech alone. Frames and their lengths: RFC 4867, 5.3; 3GPP TS 26.101 and 26.201, annexes A.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from hifisr_cli.audio.containers.extent import WHOLE, ends_at
from hifisr_cli.audio.containers.signatures import FileKind
from hifisr_cli.audio.decoders.track import ForeignFile, Gathered, describe
from hifisr_cli.audio.recording import Block, BrokenOffError, RecordingFile, Source

_AMR = FileKind("AMR", "amr", foreign=True)


@dataclass(frozen=True, slots=True)
class _Form:
    """One of the two codecs: ffmpeg's name, samples a frame, bytes of a frame of each type, types that are speech."""

    codec: str
    magic: bytes
    frame: int
    sizes: tuple[int, ...]
    speech: int


_NARROW = _Form("amr_nb", b"#!AMR\n", 160, (13, 14, 16, 18, 20, 21, 27, 32, 6, 7, 6, 6, 1, 1, 1, 1), 8)
_WIDE = _Form("amr_wb", b"#!AMR-WB\n", 320, (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1), 9)
_IN_MP4 = {b"samr": _NARROW, b"sawb": _WIDE}


def open_speech(foreign: ForeignFile, stack: ExitStack, decode: Callable[[ForeignFile], Source]) -> Source | None:
    """AMR that has pauses, in a file of its own or in MP4; None for all else.

    Args:
        stack: closes it.
        decode: a file of frames with speech alone. What it raises is raised.
    """
    if foreign.kind.name == "AMR":
        data = foreign.file.at(foreign.start, foreign.end - foreign.start)
        form = next((form for form in (_WIDE, _NARROW) if data.startswith(form.magic)), None)
        data = data[len(form.magic) :] if form is not None else b""
    else:
        form = _IN_MP4.get(foreign.extent.codec)
        data = b"".join(foreign.file.at(*piece) for piece in foreign.extent.pieces) if form is not None else b""
    if form is None:
        return None
    kinds, speech, rest = _split(data, form)
    if not rest and all(kinds):
        return None
    decoded = decode(_copied(foreign, form.magic + speech, stack)) if speech else None
    source = AmrSource(foreign.container, form, kinds, decoded)
    source.notes = ends_at(foreign.end - rest, foreign.end).notes if rest else ()
    return source


def _split(data: bytes, form: _Form) -> tuple[bytes, bytes, int]:
    """Of each frame, whether it is speech; the frames that are; and the bytes of the last one where it is cut."""
    kinds, speech, position = bytearray(), bytearray(), 0
    while position < len(data):
        kind = data[position] >> 3 & 15
        end = position + form.sizes[kind]
        if end > len(data):
            break
        kinds.append(kind < form.speech)
        if kind < form.speech:
            speech += data[position:end]
        position = end
    return bytes(kinds), bytes(speech), len(data) - position


def _copied(foreign: ForeignFile, data: bytes, stack: ExitStack) -> ForeignFile:
    """A file of its own, as ffmpeg opens it by its name."""
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hifisr-"))) / "speech.amr"
    path.write_bytes(data)
    file = stack.enter_context(path.open("rb"))
    return replace(foreign, path=path, file=RecordingFile(file.fileno(), len(data)), start=0, kind=_AMR, extent=WHOLE)


class AmrSource(Source):
    """Speech and the pauses in it.

    Args:
        container: for the facts.
        speech: of each frame, whether it is speech: 1 or 0.
        decoded: the frames that are; None where there are none.
    """

    def __init__(self, container: str, form: _Form, speech: bytes, decoded: Source | None) -> None:
        self._form, self._decoded = form, decoded
        self._runs = deque((bool(kind), form.frame * sum(1 for _ in run)) for kind, run in groupby(speech))
        self._gathered = Gathered(1)
        self._ended: BrokenOffError | None = None
        self.info = describe(
            container, codec=form.codec, sample_rate=50 * form.frame, channels=1, stored_bits=0, sample_bits=16
        )
        self.info = replace(self.info, frames=form.frame * len(speech))

    def read(self, frames: int) -> Block:
        while self._gathered.frames < frames and self._runs and self._ended is None:
            is_speech, length = self._runs.popleft()
            part = min(length, frames)
            if part < length:
                self._runs.appendleft((is_speech, length - part))
            self._gathered.put(self._speech(part) if is_speech else np.zeros((1, part), np.float32))
        if not self._gathered.frames and self._ended is not None:
            raise self._ended
        return self._gathered.take(frames)

    def _speech(self, length: int) -> Block:
        """Speech that is decoded; what cannot be is the end of it."""
        found = Gathered(1)
        try:
            while found.frames < length and self._decoded is not None:
                block = self._decoded.read(length - found.frames)
                if not block.shape[1]:
                    self._ended = BrokenOffError("the sound cannot be decoded to its end")
                    break
                found.put(block)
        except BrokenOffError as error:
            self._ended = error
        if self._decoded is not None:
            self.lost = self._decoded.lost
        return found.take(length)
