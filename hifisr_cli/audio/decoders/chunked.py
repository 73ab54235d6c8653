"""Files of chunks (WAV, RF64, Wave64, AIFF, CAF) and AU through libsndfile, which is shown them as they should be."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from hifisr_cli.audio.completeness import Damage, Promise
from hifisr_cli.audio.containers.aifc import little_endian
from hifisr_cli.audio.containers.mpeg_frames import LONGEST_FRAME
from hifisr_cli.audio.containers.rebuild import rebuild
from hifisr_cli.audio.containers.riff import LAYOUTS, SOUND, ChunkPlace, Chunks, sort_chunks, walk_chunks
from hifisr_cli.audio.containers.sizes import Sizes, au_place, block_bytes, find_sizes
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError, SoundSource, open_sound
from hifisr_cli.audio.decoders.mpeg import mpeg_in, open_mpeg
from hifisr_cli.audio.decoders.raw import RawFormat, RawSource
from hifisr_cli.audio.recording import Block, RecordingFile, Source, check_limits, truncated
from hifisr_cli.results import AudioInfo

_WITH_METADATA = LAYOUTS.keys() - {"CAF"}
"""Kinds of files whose chunks are carried into outputs."""
_GSM_BLOCK = 320
"""Samples in a block of GSM 6.10 in WAV: two frames of 20 ms at 8 kHz."""


def open_chunked(
    path: Path, file: RecordingFile, kind: str, start: int, stack: ExitStack, *, step: int | None
) -> tuple[Source, Damage | None, tuple[str, ...], Chunks | None]:
    """The samples of a file, what is known to be missing of it, words about it, and the chunks that are metadata.

    Args:
        kind: a name in `LAYOUTS`, or "AU".
        start: where it begins.
        step: see `SoundSource`; None refuses what is incomplete.

    Raises:
        NotOpenedError: libsndfile makes nothing of it.
        TruncatedError: it has fewer bytes than its header promises. UnsupportedError: see `check_limits`.
    """
    sizes = _find_sizes(kind, start, file)
    mpeg, damage = mpeg_in(sizes.places, file.at), sizes.damage
    if mpeg is not None and mpeg.length - _bytes_of(mpeg, file) < LONGEST_FRAME:
        damage = None
    if damage is not None and step is None:  # whatever else is wrong with it
        raise truncated(path, damage.detail)
    chunks = sort_chunks(path, kind, sizes.places, file.at, file.size) if kind in LAYOUTS else Chunks()
    for place in sizes.places:
        if place.name == b"fmt ":  # libsndfile takes a rate above 2 GHz for a negative one
            rate = int.from_bytes(file.at(place.start + 4, 4), "little")
            check_limits(path, sample_rate=rate, channels=1)
    source: Source
    if mpeg is not None:  # whose own header tells better than the `fact` chunk how long it is
        source, missing = open_mpeg(file, mpeg.start, stack, step=step, end=mpeg.start + _bytes_of(mpeg, file))
        source.info, damage = replace(source.info, container=kind), damage or missing
    else:
        source = _open_sound(kind, start, sizes, file, step=step, stack=stack)
        encoding = little_endian(sizes.places, file.at) if kind == "AIFC" else None
        if encoding is not None:
            source = _Turned(source.info, encoding, file, next(place for place in sizes.places if place.name in SOUND))
    if source.info.codec == "GSM610":
        source = _WholeBlocks(source, _sound_bytes(sizes, file) // max(1, block_bytes(sizes.places, file.at)))
    for place in sizes.places:
        if place.name == b"pakt":  # CAF counts the samples in its packets; libsndfile does not notice where one is cut
            source.promise = Promise(int.from_bytes(file.at(place.start + 8, 8), "big"))
    if sizes.stated_share < 1.0 and source.info.frames is not None and source.promise is None:
        source.promise = Promise(int(source.info.frames * sizes.stated_share))
    notes = (*sizes.notes, *chunks.problems)
    return source, damage, notes, chunks if kind in _WITH_METADATA else None


def carried_chunks(path: Path, file: RecordingFile, kind: str, start: int) -> Chunks | None:
    """The chunks that are metadata, of a file whose samples something else decodes."""
    if kind not in _WITH_METADATA:
        return None
    return sort_chunks(path, kind, _find_sizes(kind, start, file).places, file.at, file.size)


def _find_sizes(kind: str, start: int, file: RecordingFile) -> Sizes:
    layout = LAYOUTS.get(kind)
    places = [au_place(file.at, start)] if layout is None else walk_chunks(file.at, layout, start + layout.first)
    return find_sizes(kind, tuple(places), file.at, file.size)


def _open_sound(
    kind: str, start: int, sizes: Sizes, file: RecordingFile, *, step: int | None, stack: ExitStack
) -> SoundSource:
    """As it is where that will do, which is faster."""
    if not sizes.odd and start == 0:
        try:
            return open_sound(file.fd, stack, step=step)
        except NotOpenedError:
            if not any(place.name in SOUND for place in sizes.places):
                raise
    places = [replace(place, length=_bytes_of(place, file)) for place in sizes.places]
    frames = (_sound_bytes(sizes, file) - 8) // max(1, block_bytes(places, file.at))
    return open_sound(file.joined(rebuild(kind, start, places, frames, file.at)), stack, step=step)


def _sound_bytes(sizes: Sizes, file: RecordingFile) -> int:
    return _bytes_of(next(place for place in sizes.places if place.name in SOUND), file)


def _bytes_of(place: ChunkPlace, file: RecordingFile) -> int:
    """What is there of a chunk; one that is open goes on to the end of the file."""
    left = max(0, file.size - place.start)
    return left if place.open else max(0, min(place.length, left))


class _WholeBlocks(Source):
    """GSM 6.10 up to its last whole block: libsndfile makes noise at full scale of the byte that pads a chunk."""

    def __init__(self, inner: Source, blocks: int) -> None:
        self._inner, self._left = inner, blocks * _GSM_BLOCK
        self.info = replace(inner.info, frames=self._left)

    def read(self, frames: int) -> Block:
        if not self._left:
            return np.zeros((self.info.channels, 0), np.float32)
        block = self._inner.read(min(frames, self._left))
        self._left -= block.shape[1]
        return block


class _Turned(RawSource):
    """The samples of an AIFF-C file whose bytes stand the other way round than libsndfile knows."""

    def __init__(self, info: AudioInfo, encoding: str, file: RecordingFile, place: ChunkPlace) -> None:
        first = place.start + 8 + int.from_bytes(file.at(place.start, 4), "big")  # behind the chunk's own header
        reader = file.joined([range(first, place.start + _bytes_of(place, file))])
        super().__init__(reader.read, RawFormat(info.sample_rate, info.channels, encoding), frames=info.frames)
        self.info = info
