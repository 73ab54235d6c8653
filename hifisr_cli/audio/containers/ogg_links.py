"""The links of a chained Ogg file or stream: complete ones stand one after the other, each with streams of its own.

Of each link the first stream of sound is taken, as libsndfile should see it: Opus at 48 kHz whatever its header says of
the input, and from position 0 on where what was cut out of a live stream begins later.

Links: RFC 3533, section 4. Opus: RFC 7845, sections 4 and 5.1, and RFC 6716, section 3.1. FLAC: RFC 9639, section 10.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from hifisr_cli.audio.containers.ogg import NO_POSITION, OggPage, OggPages

READABLE = ("Vorbis", "Opus", "FLAC")
"""Codecs that libsndfile decodes."""

_FLAC_IN_OGG = 9  # bytes before the stream's own first ones

_HEADS = {
    b"\x01vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
    b"PCM     ": "PCM",
}
_SKIPPED = slice(10, 12)
_RATE = slice(12, 16)

_SILK, _HYBRID = (480, 960, 1920, 2880), (480, 960)


class OggLink:
    """A link, its pages to be read once.

    Args:
        first: the pages that are marked as first, one for each of its streams; one at least is of sound.
        pages: where the others come from.
        strict: read no further than to where a page is missing.

    Attributes:
        begin: where it stands in the file.
        codec: of the stream that is taken.
        streams: how many are of sound.
        serial, others: the numbers of the stream that is taken, and of those that are not.
        promised: samples a channel that its positions count, None where they do not tell; complete at its end.
        missing: pages that are damaged or not there.
        ended: the page that is marked as the last was there.
        joined: its pages begin in the middle of a stream.
    """

    def __init__(self, first: list[OggPage], pages: OggPages, *, strict: bool) -> None:
        of_sound = [page for page in first if codec_of(page)]
        self._head, self._pages, self._strict = of_sound[0], pages, strict
        self.begin = first[0].position
        self.codec = codec_of(self._head) or ""
        self.streams = len(of_sound)
        self.serial = self._head.serial
        self.others = {page.serial for page in first if page is not self._head}
        self.promised: int | None = None
        self.missing = 0
        self.ended = self.joined = False
        self._place, self._gapless = first[-1].end, True
        self._started = False
        self._headers = 1  # packets of Opus behind the first that are not sound
        self._packet = b""
        self._start: int | None = None

    @property
    def damage(self) -> str | None:
        """What is missing, as the end of a sentence."""
        if self.missing:
            return "a page of it is missing" if self.missing == 1 else f"{self.missing} pages of it are missing"
        return None if self.ended else "it ends in the middle"

    def pages(self) -> Iterator[OggPage]:
        """The pages of its sound as they should be."""
        yield self._headed()
        number = self._head.number + 1
        while not self.ended and (page := self._pages.next()) is not None:
            if page.is_first:
                self._pages.put_back(page)
                return
            self._gapless = self._gapless and page.position == self._place
            self._place = page.end
            if page.serial != self.serial:
                continue
            if page.number != number:
                # Whoever joins a live stream gets its headers, and then what is on air.
                if self._gapless and not self._started and page.granule != 0:
                    self.joined = True
                else:
                    self.missing += max(1, page.number - number)
                    if self._strict:
                        return
            number = page.number + 1
            self._started = self._started or page.granule not in (0, NO_POSITION)
            self.ended = page.is_last
            yield self._placed(page) if self.codec == "Opus" else page

    def flac(self) -> Iterator[bytes]:
        """FLAC as it is outside of Ogg: its whole packets. In the first one something stands before."""
        before, packet = _FLAC_IN_OGG, b""
        for page in self.pages():
            for index, (fragment, ends) in enumerate(page.fragments):
                if index == 0 and page.continues != bool(packet):
                    packet = b""  # the page before is missing
                    if page.continues:
                        continue
                packet += fragment
                if ends:
                    yield packet[before:]
                    before, packet = 0, b""

    def _headed(self) -> OggPage:
        """Its first page."""
        body = bytearray(self._head.body)
        if self.codec == "Opus" and len(body) >= _RATE.stop:
            body[_RATE] = (48_000).to_bytes(4, "little")
        return self._head if body == self._head.body else self._head.changed(body=bytes(body))

    def _placed(self, page: OggPage) -> OggPage:
        """A later page of Opus, its position counted from the first sample that is there."""
        sound, lengths = self._headers == 0, 0
        for index, (fragment, ends) in enumerate(page.fragments):
            if index == 0 and page.continues != bool(self._packet):
                self._packet = b""  # the page before is missing
                if page.continues:
                    continue
            self._packet += fragment
            if ends:
                lengths += opus_samples(self._packet) if sound else 0
                self._headers = max(0, self._headers - 1)
                self._packet = b""
        if not sound or page.granule == NO_POSITION:
            return page
        if self._start is None:
            # A position that cuts off the end is that of a stream that begins at 0.
            self._start = 0 if page.is_last and page.granule < lengths else page.granule - lengths
        end = max(0, page.granule - self._start)
        self.promised = max(0, end - int.from_bytes(self._head.body[_SKIPPED], "little"))
        return page if self._start == 0 else page.changed(granule=end)


class OggChain:
    """The links of a file or stream.

    Args:
        pages: all its pages.
        strict: see `OggLink`.

    Attributes:
        strays: pages of streams whose first one is missing.
    """

    def __init__(self, pages: OggPages, *, strict: bool) -> None:
        self._pages, self._strict = pages, strict
        self._link: OggLink | None = None
        self._others = set[bytes]()
        self.strays = 0

    @property
    def left_out(self) -> int:
        """Bytes between and behind its pages, up to where it was read."""
        return self._pages.left_out

    @property
    def damage(self) -> str | None:
        """What is missing besides what its links know."""
        if self.strays:
            what = "a page of it belongs" if self.strays == 1 else f"{self.strays} pages of it belong"
            return f"{what} to no stream that begins in it"
        return "it ends in the middle" if self._pages.cut else None

    def next(self) -> OggLink | None:
        """The next link that has sound, when the one before was read; None at the end."""
        while True:
            page = self._pages.next()
            known = self._known()
            while page is not None and not page.is_first:
                self.strays += page.serial not in known
                page = self._pages.next()
            first = []
            while page is not None and page.is_first:
                first.append(page)
                page = self._pages.next()
            if page is not None:
                self._pages.put_back(page)
            if any(codec_of(page) for page in first):
                self._link = OggLink(first, self._pages, strict=self._strict)
                return self._link
            if page is None:
                return None
            self._link, self._others = None, {page.serial for page in first}

    def _known(self) -> set[bytes]:
        """Serial numbers of the streams that may go on: not that of sound that has ended."""
        if self._link is None:
            return self._others
        return self._link.others if self._link.ended else self._link.others | {self._link.serial}


def codec_of(page: OggPage) -> str | None:
    """The codec of the sound of a stream that begins with this page, None where it is another kind of stream."""
    return next((codec for head, codec in _HEADS.items() if page.body.startswith(head)), None)


def opus_samples(packet: bytes) -> int:
    """Samples of an Opus packet at 48 kHz, by its first bytes."""
    if not packet:
        return 0
    kind = packet[0] >> 3
    length = _SILK[kind & 3] if kind < 12 else _HYBRID[kind & 1] if kind < 16 else 120 << (kind & 3)
    count = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[packet[0] & 3]
    return length * count
