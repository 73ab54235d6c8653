"""An open recording, whatever decodes it: blocks read forward once, with every way of being broken told apart.

A `Source` decodes and knows nothing of errors that people read; `Recording` compares what comes with what was promised,
looks for samples that are not numbers, and either refuses a damaged recording or salvages what is readable.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.metadata.tags import Tags
from hifisr_cli.errors import EmptyAudioError, FileError, NonFiniteError, TruncatedError
from hifisr_cli.results import AudioInfo

Block = npt.NDArray[np.float32]

BLOCK_FRAMES = 65_536


class BrokenOffError(Exception):
    """The sound cannot be decoded further; the message says why, as the end of a sentence."""


class Source(Protocol):
    """Decodes one recording."""

    @property
    def info(self) -> AudioInfo: ...

    @property
    def lost(self) -> str | None:
        """What was left out, once everything is read; None: nothing."""
        ...

    def read(self, frames: int) -> Block:
        """The next samples [C, T], T below `frames` at the end only.

        Raises:
            BrokenOffError: it cannot go on. What came before was good.
        """
        ...


@dataclass(frozen=True, slots=True)
class Damage:
    """What is known to be wrong before a sample is read.

    Attributes:
        detail: as the end of a sentence.
        have: share of the promised sound that is there, None where unknown.
    """

    detail: str
    have: float | None = None


class Recording:
    """An open recording, to be used in a `with` statement. See `decode.open_recording`.

    Attributes:
        path: of the file, or the name that a stream goes by.
        info: what it says of itself.
        notes: what the user should know about it; complete when its blocks have been read.
        chunks: names and bodies of what stood before the samples of a WAV stream; a file is asked for all of them.
        tags: of a stream, which came before its samples; a file is asked for its own.
        salvaged: something is missing or was replaced; only with `salvage`, known when its blocks have been read.
    """

    def __init__(
        self,
        path: Path,
        source: Source,
        close: Callable[[], None],
        *,
        salvage: bool = False,
        damage: Damage | None = None,
        notes: tuple[str, ...] = (),
        tags: Tags | None = None,
    ) -> None:
        self.tags = tags or Tags()
        self.path, self.info = path, source.info
        self.notes, self.salvaged = notes, False
        self.chunks: tuple[tuple[bytes, bytes], ...] = getattr(source, "chunks", ())
        self._source, self._close = source, close
        self._salvage, self._damage = salvage, damage
        self._used = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Never raises: what was read is read, and the output made of it stands already."""
        with contextlib.suppress(OSError):
            self._close()

    def blocks(self, frames: int = BLOCK_FRAMES) -> Iterator[Block]:
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
        if done == 0:
            raise truncated(self.path, f"nothing of it is readable: {broken}") if broken else empty(self.path)
        rate, promised = self.info.sample_rate, self.info.frames
        done -= getattr(self._source, "silent", 0)  # what stands for lost sound was not readable
        short = promised is not None and done < promised
        if short and not self._salvage:
            raise truncated(self.path, f"it breaks off after {done / rate:.3f} of {(promised or 0) / rate:.3f} s")
        notes = []
        broken = broken or self._source.lost
        if short or broken is not None or self._damage is not None:
            share = None if self._damage is None else self._damage.have
            whole = promised if short else round(done / share) if share else None
            of = "" if whole is None else f" of {whole / rate:.3f}"
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
