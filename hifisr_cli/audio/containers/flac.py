"""FLAC files: their metadata blocks, and their frames, found by their headers for files whose decoder gave up.

Each frame says which samples it holds and carries checksums of its own, so what lies behind damage is found again, in
its place. Layout: RFC 9639, sections 8.1 (blocks), 8.2 (STREAMINFO) and 9.1 (frame headers).
"""

from __future__ import annotations

import mmap
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from hifisr_cli.audio.containers.signatures import ReadAt

APPLICATION, COMMENTS, CUE_SHEET, PICTURE = 2, 4, 5, 6
"""Kinds of metadata blocks."""

LAST = 0x80
"""Set in the kind of the last block before the frames."""

_MOST_BLOCKS = 1_000
SYNC = re.compile(rb"\xff[\xf8\xf9][\x10-\xff][\x00-\xaf]", re.DOTALL)
"""How frame headers begin, and other things."""

_RATES = (0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_BITS = (0, 8, 12, -1, 16, 20, 24, 32)
LONGEST_HEADER = 16
"""Bytes of a frame header at most."""
_MOST_TRIES = 200_000
"""Places that look like a header and are none, in a row: more than in 10 GB of anything but malice."""

MAGIC = b"fLaC"
STREAM_INFO_HEADS = (b"\0\0\0\x22", b"\x80\0\0\x22")
"""Heads of the block that is the first: of 34 bytes, others following or not."""


@cache
def _crc_table() -> bytes:
    """CRC-8 with the polynomial x^8 + x^2 + x + 1, byte by byte."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1  # noqa: PLW2901  the register
        table.append(value)
    return bytes(table)


@dataclass(frozen=True, slots=True)
class FlacForm:
    """What all frames of a stream share: Hz, channels, bits a sample."""

    sample_rate: int
    channels: int
    bits: int


@dataclass(frozen=True, slots=True)
class FlacFrame:
    """A frame that may be whole: where it begins in the file, its first sample and the number of its samples."""

    offset: int
    first: int
    samples: int


@dataclass(frozen=True, slots=True)
class FlacMap:
    """A stream as its frame headers tell it.

    Attributes:
        form: of all frames.
        believed: the stream's own header says of it what its frames say.
        promised: samples that this header speaks of, None where it does not or cannot be believed.
        frames: in the order of the file; chance may have put a few among them that are none.
    """

    form: FlacForm
    believed: bool
    promised: int | None
    frames: tuple[FlacFrame, ...]


@dataclass(frozen=True, slots=True)
class FlacHeader:
    """A frame header.

    Attributes:
        offset: where it stands.
        number: of the frame, or of its first sample where frames have different lengths.
        samples: in the frame.
        varies: frames have different lengths.
        form: zeros where it refers to the stream's header.
    """

    offset: int
    number: int
    samples: int
    varies: bool
    form: FlacForm


@dataclass(frozen=True, slots=True)
class FlacBlock:
    """Where a metadata block stands: its kind, and start and size of its body in bytes."""

    kind: int
    start: int
    size: int
    is_last: bool


def walk_blocks(read: ReadAt) -> Iterator[FlacBlock]:
    """The metadata blocks of the FLAC stream that begins at 0, as far as their headers are there."""
    position = len(MAGIC)
    for _ in range(_MOST_BLOCKS):
        head = read(position, 4)
        if len(head) < 4:
            return
        block = FlacBlock(head[0] & ~LAST, position + 4, int.from_bytes(head[1:], "big"), bool(head[0] & LAST))
        yield block
        if block.is_last:
            return
        position = block.start + block.size


def map_flac(fd: int, start: int, end: int) -> FlacMap | None:
    """Every frame header of a FLAC stream of the file behind a descriptor, from `start` to `end`; None without one."""
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:
        told, promised = parse_stream_info(data[start + 8 : start + 8 + 34])
        headers, misses = [], 0
        for match in SYNC.finditer(data, start + 4, end):
            header = parse_header(data[match.start() : match.start() + LONGEST_HEADER], match.start())
            misses = misses + 1 if header is None else 0
            if header is not None:
                headers.append(header)
            elif misses > _MOST_TRIES:
                break
    forms = [completed(header.form, told) for header in headers]
    believed = told is not None and told in forms
    if told is not None and believed:
        form = told
    else:  # the stream's own header is damaged: its frames outvote it
        votes = Counter(form for form in forms if form.sample_rate and form.bits)
        if not votes:
            return None
        form, promised = votes.most_common(1)[0][0], None
    headers = [header for header, own in zip(headers, forms, strict=True) if own == form]
    fixed = Counter(header.samples for header in headers if not header.varies)
    step = fixed.most_common(1)[0][0] if fixed else 0
    frames = tuple(
        FlacFrame(header.offset, header.number if header.varies else header.number * step, header.samples)
        for header in headers
    )
    return FlacMap(form, believed, promised, frames)


def stream_header(form: FlacForm, samples: int) -> bytes:
    """The beginning of a FLAC stream of this form and length, up to its first frame."""
    packed = form.sample_rate << 44 | (form.channels - 1) << 41 | (form.bits - 1) << 36 | samples
    sizes = (16).to_bytes(2, "big") + (65_535).to_bytes(2, "big") + bytes(6)
    return MAGIC + b"\x80\0\0\x22" + sizes + packed.to_bytes(8, "big") + bytes(16)


def parse_stream_info(body: bytes) -> tuple[FlacForm | None, int | None]:
    """The form and the number of samples that the stream's header states."""
    if len(body) < 18:
        return None, None
    packed = int.from_bytes(body[10:18], "big")
    form = FlacForm(packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1)
    return (form if form.sample_rate else None), (packed & (1 << 36) - 1) or None


def completed(form: FlacForm, told: FlacForm | None) -> FlacForm:
    """The form of a frame, what it does not say taken from the stream's header."""
    if told is None or (form.sample_rate and form.bits):
        return form
    return FlacForm(form.sample_rate or told.sample_rate, form.channels, form.bits or told.bits)


def parse_header(head: bytes, offset: int) -> FlacHeader | None:  # noqa: PLR0911  as many ways of not being one
    """The frame header at the beginning of some bytes; None where there is none or its checksum is wrong."""
    if len(head) < 6:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    channel_code, bits = head[3] >> 4, _BITS[head[3] >> 1 & 7]
    if rate_code == 15 or bits < 0 or head[3] & 1:
        return None
    ones = (~head[4] & 0xFF).bit_length()  # leading ones of the number are 8 less this
    extra = max(0, 7 - ones)
    if 8 - ones in (1, 8):
        return None
    number = head[4] & (0x7F >> (8 - ones)) if extra else head[4]
    position = 5
    for byte in head[5 : 5 + extra]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    position += extra
    samples, position = _samples(size_code, head, position)
    rate, position = _rate(rate_code, head, position)
    if position >= len(head) or samples == 0:
        return None
    crc, table = 0, _crc_table()
    for byte in head[:position]:
        crc = table[crc ^ byte]
    if crc != head[position]:
        return None
    form = FlacForm(rate, channel_code + 1 if channel_code < 8 else 2, bits)
    return FlacHeader(offset, number, samples, bool(head[1] & 1), form)


def _samples(code: int, head: bytes, position: int) -> tuple[int, int]:
    """Samples in the frame, and where the header goes on."""
    match code:
        case 1:
            return 192, position
        case 2 | 3 | 4 | 5:
            return 144 << code, position
        case 6:
            return int.from_bytes(head[position : position + 1], "big") + 1, position + 1
        case 7:
            return int.from_bytes(head[position : position + 2], "big") + 1, position + 2
    return 1 << code, position


def _rate(code: int, head: bytes, position: int) -> tuple[int, int]:
    if code < len(_RATES):
        return _RATES[code], position
    if code == 12:
        return 1_000 * int.from_bytes(head[position : position + 1], "big"), position + 1
    return int.from_bytes(head[position : position + 2], "big") * (1 if code == 13 else 10), position + 2
