"""Ogg Vorbis, Opus and FLAC in Ogg through libsndfile, which is given one link of a chain after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hifisr_cli.audio.completeness import Damage, Promise
from hifisr_cli.audio.containers.flac_stream import FlacBytes, FlacPart
from hifisr_cli.audio.containers.ogg import HEADER, OggPages
from hifisr_cli.audio.containers.ogg_links import READABLE, OggChain, OggLink
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.chained import ChainedSource, OpenPart, widest
from hifisr_cli.audio.decoders.flac import open_part
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError, SoundSource, open_sound, reason
from hifisr_cli.audio.decoders.track import first_of
from hifisr_cli.audio.recording import Block, BrokenOffError, RecordingFile, Source
from hifisr_cli.results import AudioInfo

_PIECE = 1 << 16


def open_ogg(file: RecordingFile, start: int, stack: ExitStack, *, step: int | None) -> tuple[Source, Damage | None]:
    """The sound of an Ogg file that begins at `start`, and what is known to be missing of it.

    Raises:
        NotOpenedError: libsndfile makes nothing of it.
    """
    chain = OggChain(OggPages(_pieces(file, start), start), strict=False)
    links = [_survey(link) for link in iter(chain.next, None)]
    if not links:
        raise NotOpenedError("there is no stream of sound that begins in it")
    damage = _damage_of(chain, links)
    notes = _left_out(chain.left_out) if damage is None else ()
    if len(links) == 1:
        sound = _open_place(file, links[0], stack, step=step)
        sound.notes += notes
        return sound, damage
    infos = _describe(file, links, step)
    openers = [partial(_open_in, file, link, step) for link in links]
    source = ChainedSource(openers, widest(infos) if infos else None, tolerant=step is not None)
    stack.callback(source.close)
    source.notes += notes
    return source, damage


def stream_ogg(stream: ByteStream, *, tolerant: bool) -> Source:
    """The sound of an Ogg stream while it comes.

    Args:
        stream: its bytes.
        tolerant: read on behind what is damaged, and tell of it afterwards.

    Raises:
        NotOpenedError: libsndfile makes nothing of it.
    """
    chain = OggChain(OggPages(iter(lambda: stream.read(_PIECE), b"")), strict=not tolerant)
    return ChainedSource(_come(chain, tolerant=tolerant), tolerant=tolerant)


@dataclass(frozen=True, slots=True)
class _LinkPlace:
    """A link in a file.

    Attributes:
        begin, end: where its sound begins and ends.
        patches: see `RecordingFile.reader`.
    """

    link: OggLink
    begin: int
    end: int
    patches: tuple[tuple[int, bytes], ...]


def _survey(link: OggLink) -> _LinkPlace:
    """Where a link stands, all its pages read."""
    begin, end, patches = None, 0, []
    for page in link.pages():
        begin, end = page.position if begin is None else begin, page.end
        if page.rewritten:  # the body only of the first
            patches.append((page.position, page.data if page.is_first else page.data[:HEADER]))
    return _LinkPlace(link, begin or 0, end, tuple(patches))


def _open_place(file: RecordingFile, place: _LinkPlace, stack: ExitStack, *, step: int | None) -> Source:
    """The sound of a link of a file. Raises NotOpenedError."""
    link = place.link
    _check_codec(link)
    if link.codec == "FLAC":
        again = OggChain(OggPages(_pieces(file, link.begin), link.begin), strict=False).next()
        return _open_flac_link(again or link, stack, step=step, tolerant=True)  # its damage is known already
    as_it_is = place.begin == 0 and place.end == file.size and not place.patches
    view = file.fd if as_it_is else file.reader(place.begin, place.end, place.patches)
    sound = open_sound(view, stack, step=step)
    sound.notes = _notes_of(link)
    return sound


def _open_in(file: RecordingFile, place: _LinkPlace, step: int | None, stack: ExitStack) -> Source:
    """A part of a chain in a file. Raises NotOpenedError."""
    return _open_place(file, place, stack, step=step)


def _describe(file: RecordingFile, links: list[_LinkPlace], step: int | None) -> list[AudioInfo]:
    """What the links say of themselves, but for those that cannot be decoded."""
    infos = []
    for place in links:
        with ExitStack() as stack:
            try:
                infos.append(_open_place(file, place, stack, step=step).info)
            except NotOpenedError:
                continue
    return infos


def _damage_of(chain: OggChain, links: list[_LinkPlace]) -> Damage | None:
    for number, place in enumerate(links, 1):
        if (why := place.link.damage) is not None:
            return Damage(why if len(links) == 1 else f"in its part {number}: {why}")
    return None if chain.damage is None else Damage(chain.damage)


def _notes_of(link: OggLink) -> tuple[str, ...]:
    joined = ("it begins in the middle of a stream, all of which from there on was taken",) if link.joined else ()
    return (*first_of(link.streams), *joined)


def _left_out(count: int) -> tuple[str, ...]:
    return (f"{count} bytes between or behind its pages are no sound and were left out",) if count else ()


def _check_codec(link: OggLink) -> None:
    if link.codec not in READABLE:
        raise NotOpenedError(f"{link.codec} in Ogg is not known to libsndfile")


def _pieces(file: RecordingFile, start: int) -> Iterator[bytes]:
    while piece := file.at(start, _PIECE):
        yield piece
        start += len(piece)


class LinkSource(Source):
    """A link whose pages come while it is decoded.

    Args:
        sound: as libsndfile decodes it.
        link: as it is fed to it.
        tolerant: tell of damage afterwards instead of ending there.
    """

    def __init__(self, sound: Source, link: OggLink, *, tolerant: bool) -> None:
        self._sound, self._link, self._tolerant = sound, link, tolerant
        self.info = replace(sound.info, frames=None)
        if link.codec == "FLAC":
            self.info = replace(sound.info, container="OGG", codec="FLAC")

    def read(self, frames: int) -> Block:
        try:
            block = self._sound.read(frames)
        except BrokenOffError:
            if self._link.damage is None:
                raise
            block = np.zeros((self.info.channels, 0), np.float32)
        if block.shape[1] < frames:
            self.promise = None if self._link.promised is None else Promise(self._link.promised)
            self.notes = tuple(dict.fromkeys((*self.notes, *self._sound.notes, *_notes_of(self._link))))
        if not block.shape[1] and self._link.damage is not None:
            if not self._tolerant:
                raise BrokenOffError(self._link.damage)
            self.lost = self._link.damage
        return block


def _come(chain: OggChain, *, tolerant: bool) -> Iterator[OpenPart]:
    """The parts of a stream, each when the one before was read."""
    opened: list[Source] = []

    def open_link(link: OggLink, stack: ExitStack) -> Source:
        opened.append(_open_fed(link, stack, tolerant=tolerant))
        return opened[-1]

    whole = True
    for link in iter(chain.next, None):
        yield partial(open_link, link)
        whole = whole and link.damage is None
    if opened and whole:  # else it is told already that something is missing
        if chain.damage is not None:
            raise BrokenOffError(chain.damage)
        opened[-1].notes += _left_out(chain.left_out)


def _open_flac_link(link: OggLink, stack: ExitStack, *, step: int | None, tolerant: bool) -> Source:
    """FLAC in Ogg. Raises NotOpenedError."""
    flac = open_part(FlacPart(FlacBytes(link.flac()), alone=True), stack, step=step)
    return LinkSource(flac, link, tolerant=tolerant)


def _open_fed(link: OggLink, stack: ExitStack, *, tolerant: bool) -> Source:
    """The sound of a link of a stream. Raises NotOpenedError."""
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import FedPipe, PipedSound

    _check_codec(link)
    if link.codec == "FLAC":
        return _open_flac_link(link, stack, step=None, tolerant=tolerant)
    pipe = FedPipe(page.data for page in link.pages())
    try:
        sound = SoundSource(stack.enter_context(PipedSound(pipe)))
    except soundfile.LibsndfileError as error:
        pipe.close()
        raise NotOpenedError(reason(error)) from error
    stack.callback(pipe.close)
    return LinkSource(sound, link, tolerant=tolerant)
