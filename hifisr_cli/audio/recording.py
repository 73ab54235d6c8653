"""An open recording, whatever decodes it: blocks read forward once, with every way of being broken told apart.

A `Source` decodes and knows nothing of errors that people read; `Recording` compares what comes with what was promised,
looks for samples that are not numbers, and either refuses a damaged recording or salvages what is readable.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.completeness import Damage, Promise, broken_off, surplus
from hifisr_cli.audio.containers.riff import Chunks
from hifisr_cli.audio.containers.signatures import FileIdentity
from hifisr_cli.audio.metadata.tags import Tags
from hifisr_cli.audio.metadata.told import NOTHING_TOLD, Told
from hifisr_cli.audio.resample import MAX_RATE, MIN_RATE
from hifisr_cli.errors import EmptyAudioError, FileError, NonFiniteError, TruncatedError, UnsupportedError
from hifisr_cli.results import AudioInfo
from hifisr_cli.system.files import read_at

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Block = npt.NDArray[np.float32]

BLOCK_FRAMES = 65_536
"""Samples a channel in a block, of up to 8 channels. Those of more are shorter, so that they take no more memory."""
MAX_CHANNELS = 64
"""Field recorders and multitrack transfers write 32 channels into a file (polywav), a MADI line carries 64."""


class BrokenOffError(Exception):
    """The sound cannot be decoded further; the message says why, as the end of a sentence."""


class Source(ABC):
    """Decodes one recording, from its first sample to the end of what there is: it does not stop at a promise.

    Attributes:
        info: what the recording says of itself.
        promise: how long it says that it is, where that is not `info.frames` to the sample.
        lost: what was left out, once everything is read; None: nothing.
        silent: samples a channel that stand for lost ones.
        notes: what the user should know about it, complete once everything is read.
    """

    info: AudioInfo
    promise: Promise | None = None
    lost: str | None = None
    silent: int = 0
    notes: tuple[str, ...] = ()

    @abstractmethod
    def read(self, frames: int) -> Block:
        """The next samples [C, T], T below `frames` at the end only.

        Raises:
            BrokenOffError: it cannot go on. What came before was good.
        """
        ...

    def told(self) -> Told:
        """What its decoder tells of its tags, for recordings whose tags nothing else reads."""
        return NOTHING_TOLD


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """The open file of a recording, of `size` bytes, read at any place while its sound is read in order."""

    fd: int
    size: int

    def at(self, position: int, count: int) -> bytes:
        """Up to `count` bytes from a position on; none behind the end, wherever a damaged header leads."""
        return read_at(self.fd, count, position) if position < self.size else b""

    def reader(
        self, start: int = 0, end: int | None = None, patches: Sequence[tuple[int, bytes]] = ()
    ) -> io.BufferedReader:
        """The file from `start` to `end`, for those who seek in it: where its sound is read does not move.

        Args:
            patches: bytes that stand there instead of the file's, each with its place in the file.
        """
        end, pieces = self.size if end is None else end, list[bytes | range]()
        for at, new in sorted(patches):
            if at + len(new) > start and at < end:
                pieces += [range(start, at), new[max(0, start - at) : max(0, end - at)]]
                start = max(start, at + len(new))
        return self.joined([*pieces, range(start, end)])

    def joined(self, pieces: Sequence[bytes | range]) -> io.BufferedReader:
        """These bytes and stretches of the file, one after the other, for those who seek in them."""
        return io.BufferedReader(_Reader(self, [piece for piece in pieces if len(piece)]))


class _Reader(io.RawIOBase):
    def __init__(self, file: RecordingFile, pieces: Sequence[bytes | range]) -> None:
        self._file, self._pieces = file, pieces
        self._starts = [0, *accumulate(map(len, pieces))]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = (0, self._position, self._starts[-1])[whence] + offset
        if position < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer) -> int:
        index = bisect_right(self._starts, self._position) - 1
        if index >= len(self._pieces):
            return 0
        view = memoryview(buffer).cast("B")
        part = self._pieces[index][self._position - self._starts[index] :][: len(view)]
        data = part if isinstance(part, bytes) else self._file.at(part.start, len(part))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


class Recording:
    """An open recording, to be used in a `with` statement. See `open.open_recording`.

    Args:
        source: decodes it.
        stack: what is open for it, which it takes over.
        salvage: take what is readable, whatever is wrong.
        damage: what is known to be wrong.

    Attributes:
        path: of the file, or the name that a stream goes by.
        info: what it says of itself.
        notes: what the user should know about it; complete when its blocks have been read.
        what: its kind, by its first bytes.
        file: None for a stream, and for samples without a header.
        chunks: of a WAV-like or AIFF file, of which a stream has those before its samples; None for others.
        tags: of a stream, which came before its samples; those of a file are read when they are asked for.
        salvaged: something is missing or was replaced; only with `salvage`, known when its blocks have been read.

    Raises:
        UnsupportedError: see `check_limits`. EmptyAudioError: its header promises no samples.
    """

    def __init__(
        self,
        path: Path,
        source: Source,
        stack: ExitStack,
        *,
        salvage: bool = False,
        damage: Damage | None = None,
        notes: tuple[str, ...] = (),
        what: FileIdentity,
        file: RecordingFile | None = None,
        chunks: Chunks | None = None,
        tags: Tags | None = None,
    ) -> None:
        self.path, self.info = path, source.info
        check_limits(path, sample_rate=self.info.sample_rate, channels=self.info.channels)
        if self.info.frames == 0:
            raise empty(path)
        self.notes = notes
        self.salvaged = False
        self.what, self.file, self.chunks, self.tags = what, file, chunks, tags or Tags()
        self._source, self._open = source, stack.pop_all()
        self._salvage, self._damage = salvage, damage
        self._used = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Never raises: what was read is read, and the output made of it stands already."""
        with contextlib.suppress(OSError):
            self._open.close()

    def told(self) -> Told:
        """See `Source.told`."""
        return self._source.told()

    def blocks(self, frames: int | None = None) -> Iterator[Block]:
        """Blocks [C, T] of float32 with full scale 1, T equal to `frames` in all but the last. Can be used once.

        Args:
            frames: None for `BLOCK_FRAMES`.

        Raises:
            TruncatedError: the sound breaks off or cannot be decoded further.
            NonFiniteError: a sample is NaN or infinite.
            EmptyAudioError: there was no sample.
            ValueError: used a second time.
        """
        if self._used:
            raise ValueError("a recording is read forward once; open it again")
        self._used = True
        if frames is None:
            frames = BLOCK_FRAMES * 8 // max(self.info.channels, 8)
        done, replaced, broken = 0, 0, None
        while broken is None:
            try:
                block = self._source.read(frames)
            except BrokenOffError as error:
                if not self._salvage:
                    raise truncated(self.path, str(error)) from error
                broken = str(error)
                break
            if not block.shape[1]:
                break
            finite = np.isfinite(block)
            if not finite.all():
                if not self._salvage:
                    raise self._non_finite(done + int(np.argmin(finite.all(axis=0))))
                replaced += block.size - int(np.count_nonzero(finite))
                block = np.where(finite, block, np.float32(0.0))
            done += block.shape[1]
            yield block
        self._conclude(done, replaced, broken)

    def _conclude(self, done: int, replaced: int, broken: str | None) -> None:
        """After the last sample: is everything there?"""
        broken = broken or self._source.lost
        if done == 0:
            if broken or self.info.frames:
                raise truncated(self.path, f"nothing of it is readable: {broken or 'there is not a whole block of it'}")
            raise empty(self.path)
        rate, promise = self.info.sample_rate, self._source.promise
        if promise is None and self.info.frames is not None:
            promise = Promise(self.info.frames)
        promised = None if promise is None else promise.frames
        done -= self._source.silent  # what stands for lost sound was not readable
        short = promise is not None and done < promise.frames - promise.slack
        if short and not self._salvage:
            raise truncated(self.path, broken_off(promised or 0, done, rate))
        self.notes += self._source.notes
        if promised is not None and (more := surplus(promised, done, rate)) is not None:
            self.notes += (more,)
        notes = []
        if short or broken is not None or self._damage is not None:
            share = None if self._damage is None else self._damage.have
            whole = promised if short else round(done / share) if share else None
            of = "" if whole is None or whole < done else f" of {whole / rate:.3f}"
            why = broken or (self._damage.detail if self._damage is not None and self._damage.have is None else None)
            notes.append(f"salvaged: {done / rate:.3f}{of} s readable" + (f" ({why})" if why else ""))
        if replaced:
            what = "sample that is no number was" if replaced == 1 else "samples that are no numbers were"
            notes.append(f"salvaged: {replaced} {what} replaced by silence")
        self.salvaged = bool(notes)
        self.notes += tuple(notes)

    def _non_finite(self, frame: int) -> FileError:
        return NonFiniteError(
            f"a sample at {frame / self.info.sample_rate:.3f} s is not a number or infinite",
            path=self.path,
            hint="export the recording again from the program that made it, or restore the rest with --salvage",
        )


def truncated(path: Path, detail: str) -> FileError:
    """The recording is not whole."""
    return TruncatedError(
        f"the recording is incomplete: {detail}",
        path=path,
        hint="copy or export it again, or restore what is readable with --salvage",
    )


def empty(path: Path) -> FileError:
    """The recording has no samples."""
    return EmptyAudioError("the recording has no samples", path=path, hint="copy or export it again")


def check_limits(path: Path, *, sample_rate: int, channels: int) -> None:
    """Refuses what no recording has, and what would need too much memory.

    Raises:
        UnsupportedError: no or more than 64 channels, or a sample rate below 1 or above 768 kHz.
    """
    if channels < 1:
        raise UnsupportedError("says that it has no channels", path=path, hint="the header may be damaged")
    if channels > MAX_CHANNELS:
        raise UnsupportedError(
            f"says that it has {channels} channels; up to {MAX_CHANNELS} are supported",
            path=path,
            hint="split it first, or the header may be damaged",
        )
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise UnsupportedError(
            f"says that its sample rate is {sample_rate} Hz; {MIN_RATE} to {MAX_RATE} Hz are supported",
            path=path,
            hint="the header may be damaged",
        )
