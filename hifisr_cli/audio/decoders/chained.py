"""Recordings one after the other in one file or stream, read as one: chained Ogg, FLAC and MP3 files put together.

Parts of one form are joined bit for bit. Others are brought to the widest: resampled, and mono put into all channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from hifisr_cli.audio.completeness import Promise, broken_off
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError
from hifisr_cli.audio.decoders.track import Gathered
from hifisr_cli.audio.recording import Block, BrokenOffError, Source
from hifisr_cli.audio.resample import Resampler, output_length
from hifisr_cli.results import AudioInfo

OpenPart = Callable[[ExitStack], Source]
"""Opens a part for a stack that is closed before the next one is opened. Raises NotOpenedError or BrokenOffError."""


def widest(parts: Sequence[AudioInfo]) -> AudioInfo:
    """What is to be said of a chain of these: the highest rate, the most channels and bits, all samples."""
    rate = max(part.sample_rate for part in parts)
    lengths = [None if part.frames is None else output_length(part.frames, part.sample_rate, rate) for part in parts]
    known = [length for length in lengths if length is not None]
    return replace(
        parts[0],
        sample_rate=rate,
        channels=max(part.channels for part in parts),
        frames=sum(known) if len(known) == len(parts) else None,
        bits=max((part.bits for part in parts if part.bits is not None), default=None),
        is_float=any(part.is_float for part in parts),
        lossy=any(part.lossy for part in parts),
    )


class ChainedSource(Source):
    """Parts one after the other. Each is opened when the one before it was read to its end, the first one at once.

    Args:
        parts: opens them, in their order.
        whole: what is to be said of all of them, where they are known beforehand; None: what the first one says. What
            is wider then cannot be joined.
        tolerant: where a part breaks off, go on with the next, and tell of it afterwards.

    Raises:
        NotOpenedError, or whatever else its opener raises: the first part cannot be opened.
    """

    def __init__(self, parts: Iterable[OpenPart], whole: AudioInfo | None = None, *, tolerant: bool = False) -> None:
        self._parts, self._tolerant = iter(parts), tolerant
        self._stack = ExitStack()
        self._number = self._joined = self._promised = self._slack = 0
        self._converted = False
        self._losses: list[str] = []
        self._broken: BrokenOffError | None = None
        self._part: _JoinedPart | None = None
        opener = next(self._parts, None)
        if opener is None:
            raise NotOpenedError("there is no sound in it")
        first = opener(self._stack)
        # An empty first part is not the end of a stream.
        self.info = replace(first.info, frames=first.info.frames or None) if whole is None else whole
        self._gathered = Gathered(self.info.channels)
        self._begin(first)

    def close(self) -> None:
        """Close the part that is open."""
        self._stack.close()

    def read(self, frames: int) -> Block:
        while self._gathered.frames < frames and self._broken is None and self._part is not None:
            try:
                block = self._part.read(frames - self._gathered.frames)
                if block.shape[1]:
                    self._gathered.put(block)
                else:
                    self._end(self._part)
            except BrokenOffError as error:  # told when what came before it is used up
                self._broken = error
        block = self._gathered.take(frames)
        if self._broken is not None and not block.shape[1]:
            raise self._broken
        return block

    def _begin(self, source: Source) -> None:
        self._number += 1
        rate, channels = source.info.sample_rate, source.info.channels
        for has, allowed, unit in ((rate, self.info.sample_rate, "Hz"), (channels, self.info.channels, "channels")):
            if has > allowed:
                what = f"its part {self._number} has {has} {unit}, the first {allowed}: save it to a file first"
                raise BrokenOffError(what)
        self._converted = self._converted or (rate, channels) != (self.info.sample_rate, self.info.channels)
        self._joined += 1
        self._part = _JoinedPart(source, self.info, tolerant=self._tolerant)

    def _end(self, part: _JoinedPart) -> None:
        """After the last sample of a part: count it, and open the next one."""
        self._part = None
        done, promise = part.done - part.source.silent, part.promise
        self._promised += self._at_whole_rate(done if promise is None else promise.frames, part)
        self._slack += 0 if promise is None else self._at_whole_rate(promise.slack, part)
        self.promise = None if promise is None and self._number == 1 else Promise(self._promised, self._slack)
        self.silent += self._at_whole_rate(part.source.silent, part)
        self._stack.close()  # before the next one is looked for where this one was read
        opener, late = self._next_opener()
        self.notes = tuple(dict.fromkeys((*self.notes, *part.source.notes)))
        self._tell_losses(part, is_chain=self._number > 1 or opener is not None)
        if late is not None:
            raise late
        self._open_next(opener)
        if self._part is None and self._number > 1:
            self.notes = (self._describe_chain(), *self.notes)

    def _describe_chain(self) -> str:
        rate, channels = self.info.sample_rate, self.info.channels
        form = f", at {rate} Hz in {channels} channel{'s' if channels > 1 else ''}" if self._converted else ""
        how_many = "all" if self._joined == self._number else f"{self._joined} of them"
        return f"it is a chain of {self._number} recordings: {how_many} were joined{form}, with the tags of the first"

    def _next_opener(self) -> tuple[OpenPart | None, BrokenOffError | None]:
        """The opener of the next part, and why there is none that should be."""
        try:
            return next(self._parts, None), None
        except BrokenOffError as error:
            return None, error

    def _tell_losses(self, part: _JoinedPart, *, is_chain: bool) -> None:
        done, promise, why = part.done - part.source.silent, part.promise, part.broken or part.source.lost
        if why is not None:
            self._lose(f"in its part {self._number}: {why}" if is_chain else why)
        elif is_chain and promise is not None and done < promise.frames - promise.slack:
            rate = part.source.info.sample_rate
            self._lose(f"in its part {self._number}: {broken_off(promise.frames, done, rate)}")

    def _open_next(self, opener: OpenPart | None) -> None:
        """The next part that can be opened."""
        while opener is not None and self._part is None:
            try:
                self._begin(opener(self._stack))
            except NotOpenedError as error:
                self._number += 1
                self._lose(f"its part {self._number} cannot be decoded: {error}")
                self._stack.close()
                opener = next(self._parts, None)

    def _lose(self, what: str) -> None:
        if not self._tolerant:
            raise BrokenOffError(what)
        self._losses.append(what)
        self.lost = "; ".join(self._losses)

    def _at_whole_rate(self, frames: int, part: _JoinedPart) -> int:
        return output_length(frames, part.source.info.sample_rate, self.info.sample_rate)


class _JoinedPart:
    """A part in the form of the whole.

    Attributes:
        done: its samples a channel that were read, at its own rate.
        broken: why it could not be read to its end.
    """

    def __init__(self, source: Source, whole: AudioInfo, *, tolerant: bool) -> None:
        self.source, self._whole, self._tolerant = source, whole, tolerant
        self.done = 0
        self.broken: str | None = None
        self._resampler: Resampler | None = None
        if source.info.sample_rate != whole.sample_rate:
            self._resampler = Resampler(source.info.sample_rate, whole.sample_rate, source.info.channels)
        self._over = False

    @property
    def promise(self) -> Promise | None:
        """How long it says that it is."""
        frames = self.source.info.frames
        return self.source.promise or (None if frames is None else Promise(frames))

    def read(self, frames: int) -> Block:
        """Its next samples, none at its end. Raises BrokenOffError."""
        block = np.zeros((self.source.info.channels, 0), np.float32)
        while not self._over and not block.shape[1]:
            try:
                block = self.source.read(frames)
            except BrokenOffError as error:
                if not self._tolerant:
                    raise
                self.broken = str(error)
            self._over = not block.shape[1]
            self.done += block.shape[1]
            if self._resampler is not None:
                block = self._resampler.finish() if self._over else self._resampler.push(block)
        return self._spread(block)

    def _spread(self, block: Block) -> Block:
        """In the channels of the whole: mono in all of them, others in the first ones."""
        missing = self._whole.channels - len(block)
        if len(block) == 1:
            return np.repeat(block, self._whole.channels, axis=0)
        return np.pad(block, ((0, missing), (0, 0))) if missing else block
