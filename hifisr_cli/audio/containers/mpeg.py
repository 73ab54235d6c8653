"""The frames of an MPEG audio file (MP3), counted without decoding.

libsndfile believes the length that it guesses: a file of variable bit rate without a Xing header, or several files in
one, would silently be read in part. The frame headers tell the truth. Header layout: ISO/IEC 11172-3, 2.4.1.3.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hifisr_cli.audio.decoders.bytestream import ByteStream

_BITRATES = {  # kbit/s by (MPEG 1?, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SEARCHED = 1 << 16
_MOST_TRIES = 200_000
"""Places that look like a header and are none, in a row: more than in 100 MB of anything but malice."""
_DECODER_DELAY = 529
_RATES = (44_100, 48_000, 32_000)  # MPEG 1; half of it in MPEG 2, a quarter in MPEG 2.5


# Eleven ones, a version and a layer that exist, a bit rate: searched for in C, since a file may be full of ones.
_HEADER = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xeb]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame header: all lengths in bytes, `samples` a channel. `kind` is what all frames of a stream share."""

    length: int
    samples: int
    kind: tuple[int, int, int]
    side_info: int


@dataclass(frozen=True, slots=True)
class MpegScan:
    """What a walk over the frame headers found.

    Attributes:
        start: where the first frame with sound begins (after tags and the Xing or VBRI frame).
        frames: number of frames with sound, whole or cut.
        samples: samples a channel in a frame.
        promised: frames that the Xing or VBRI header promises, None without one.
        cut: the last frame ends after the end of the file.
    """

    start: int
    frames: int
    samples: int
    promised: int | None
    cut: bool


def parse_frame(data: bytes) -> Frame | None:
    """The frame header in four bytes, or None if they are none (or of the rare free format)."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)  # version: 3 MPEG 1, 2 MPEG 2, 0 MPEG 2.5
    bitrate_index, rate_index = data[2] >> 4, data[2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    first = version == 3
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    bitrate = _BITRATES[first, layer][bitrate_index] * 1000
    padding = data[2] >> 1 & 1
    if layer == 1:
        length, samples = (12 * bitrate // rate + padding) * 4, 384
    else:
        samples = 1152 if layer == 2 or first else 576
        length = samples // 8 * bitrate // rate + padding
    mono = data[3] >> 6 == 3
    side_info = (17 if mono else 32) if first else (9 if mono else 17)
    return Frame(length, samples, (version, layer, rate), side_info)


def looks_like_mpeg(head: bytes) -> bool:
    """Whether the first four bytes of a file are those of a tag or a frame."""
    return head[:3] == b"ID3" or parse_frame(head) is not None


def scan_mpeg(fd: int) -> MpegScan | None:
    """Walk the frames of the MPEG audio file behind a descriptor; None if there is not one frame that a second follows.

    What stands between frames (tags, damage) is skipped.
    """
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:
        position = _skip_tags(data)
        found = None if data[position : position + 4] == b"fLaC" else _find(data, position, None)
        if found is None:
            return None
        position, head = found
        promised, tagged = _promise(data[position : position + head.length], head)
        start = position = position + head.length if tagged else position
        frames, cut = 0, False
        while True:
            frame = parse_frame(data[position : position + 4])
            if frame is None or frame.kind != head.kind:
                found = _find(data, position, head.kind)
                if found is None:
                    cut = cut or (position < len(data) < position + 4 and data[position] == 0xFF)
                    break
                position, frame = found
            frames += 1
            position += frame.length
            cut = position > len(data)
        return MpegScan(start, frames, head.samples, promised, cut)


@dataclass(frozen=True, slots=True)
class MpegStart:
    """What the beginning of a stream says.

    Attributes:
        skip_begin, skip_end: samples a channel that the encoder and the decoder have added at either end.
        length: samples a channel without them, None where the stream does not say.
    """

    skip_begin: int
    skip_end: int
    length: int | None


def start_mpeg(stream: ByteStream) -> MpegStart | None:
    """Read a stream up to its first frame with sound; None where there is none within 64 kB (after tags).

    An MPEG decoder is 529 samples late. Where the header of an encoder (Xing with LAME's fields) states how many it
    has added, they are taken off as all players do it.
    """
    while (tag := stream.peek(10))[:3] == b"ID3" and len(tag) == 10:
        size = (tag[6] & 0x7F) << 21 | (tag[7] & 0x7F) << 14 | (tag[8] & 0x7F) << 7 | tag[9] & 0x7F
        if not stream.skip(10 + size + (10 if tag[5] & 0x10 else 0)):
            return None
    window = stream.peek(_SEARCHED)
    found = None if window[:4] == b"fLaC" else _find(window, 0, None)
    if found is None:
        return None
    position, frame = found
    head = window[position : position + frame.length]
    promised, tagged = _promise(head, frame)
    stream.skip(position + (frame.length if tagged else 0))
    if not tagged:
        return MpegStart(0, 0, None)
    at = 4 + frame.side_info
    begin = end = 0
    lame = head[at + 120 :] if head[at : at + 4] in (b"Xing", b"Info") and head[at + 7] & 15 == 15 else b""
    if len(lame) >= 24 and lame[0]:
        delay, padding = lame[21] << 4 | lame[22] >> 4, (lame[22] & 15) << 8 | lame[23]
        begin, end = delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)
    length = None if promised is None else max(0, promised * frame.samples - begin - end)
    return MpegStart(begin, end, length)


def _skip_tags(data: mmap.mmap) -> int:
    """Where the ID3v2 tags at the start end (their sizes are of seven bits a byte)."""
    position = 0
    while data[position : position + 3] == b"ID3" and position + 10 <= len(data):
        size = 0
        for byte in data[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        footer = 10 if data[position + 5] & 0x10 else 0
        position += 10 + size + footer
    return position


def _find(data: mmap.mmap | bytes, position: int, kind: tuple[int, int, int] | None) -> tuple[int, Frame] | None:
    """The next frame that is followed by another of its kind; two headers in step are no accident."""
    for _ in range(_MOST_TRIES):
        match = _HEADER.search(data, position)
        if match is None:
            return None
        position = match.start()
        frame = parse_frame(data[position : position + 4])
        if frame is not None and kind in (None, frame.kind):
            following = parse_frame(data[position + frame.length : position + frame.length + 4])
            if following is not None and following.kind == frame.kind:
                return position, frame
        position += 1
    return None


def _promise(head: bytes, frame: Frame) -> tuple[int | None, bool]:
    """Number of frames in the Xing, Info or VBRI header of the first frame, and whether it is such a header at all."""
    at = 4 + frame.side_info
    if head[at : at + 4] in (b"Xing", b"Info"):
        counted = head[at + 7] & 1
        return (int.from_bytes(head[at + 8 : at + 12], "big") if counted else None), True
    if head[36:40] == b"VBRI":
        return int.from_bytes(head[50:54], "big"), True
    return None, False
