"""The header of an MPEG audio frame, and that of a whole recording, which some encoders hide in the first frame.

Layouts: ISO/IEC 11172-3, 2.4.1.3 (frames); the Xing, LAME and VBRI headers are those of their encoders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_BITRATES = {  # kbit/s by (MPEG 1?, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)  # MPEG 1; half of it in MPEG 2, a quarter in MPEG 2.5
_RATE_BYTES = bytes(byte for byte in range(0x10, 0xF0) if byte & 0x0C != 0x0C)
MPEG_FRAME = rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][" + re.escape(_RATE_BYTES) + b"]"
"""Eleven ones, a version and a layer that exist, a bit rate and a sample rate (ISO/IEC 11172-3, 2.4.1.3)."""

RUN = 8
"""So many frames of one kind in step are a recording, whatever stands before them: 0.2 s."""

LONGEST_FRAME = 2881
"""Bytes of one: MPEG 2.5, layer II, 8 kHz at 160 kbit/s, with padding."""

_DECODER_DELAY = 529


@dataclass(frozen=True, slots=True)
class FrameKind:
    """What all frames of a recording share: where it changes, another one begins.

    Attributes:
        version: 1, 2, or 3 for MPEG 2.5.
        rate: in Hz.
    """

    version: int
    layer: int
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class MpegFrame:
    """A frame by its header.

    Attributes:
        length: in bytes, header and all.
        samples: a channel.
        marks: where "Xing" may stand in it.
    """

    length: int
    samples: int
    kind: FrameKind
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MpegStart:
    """What a recording says of itself in its first frame.

    Attributes:
        skip_begin, skip_end: samples a channel that the encoder and the decoder have added at either end.
        length: samples a channel without them, None where the recording does not say.
    """

    skip_begin: int = 0
    skip_end: int = 0
    length: int | None = None

    def left_of(self, decoded: int) -> int:
        """Samples a channel that remain of all that were decoded.

        What was added at the end is only taken off where the end is there, and where nothing comes behind it.
        """
        sound = max(0, decoded - self.skip_begin)
        if self.length is None or not self.length < sound <= self.length + self.skip_end:
            return sound
        return self.length


@lru_cache(4096)
def parse_frame(data: bytes) -> MpegFrame | None:
    """The frame header in four bytes, or None if they are none (or of the rare free format)."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return None
    version, layer = {3: 1, 2: 2, 0: 3}.get(data[1] >> 3 & 3), 4 - (data[1] >> 1 & 3)
    bitrate_index, rate_index = data[2] >> 4, data[2] >> 2 & 3
    if version is None or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return None
    first = version == 1
    rate = _RATES[rate_index] >> version - 1
    bitrate = _BITRATES[first, layer][bitrate_index] * 1000
    padding = data[2] >> 1 & 1
    if layer == 1:
        length, samples = (12 * bitrate // rate + padding) * 4, 384
    else:
        samples = 1152 if layer == 2 or first else 576
        length = samples // 8 * bitrate // rate + padding
    channels = 1 if data[3] >> 6 == 3 else 2
    mark = 4 + ((17, 32) if first else (9, 17))[channels - 1]
    # Not all encoders leave room for the checksum that the header announces.
    marks = () if layer < 3 else (mark,) if data[1] & 1 else (mark, mark + 2)
    return MpegFrame(length, samples, FrameKind(version, layer, rate, channels), marks)


def has_start(data: bytes, at: int, frame: MpegFrame) -> bool:
    """Whether a frame is such a header, and no sound."""
    for mark in frame.marks:
        name = data[at + mark : at + mark + 4]
        if name in (b"Xing", b"Info"):
            return data[at + mark + 4 : at + mark + 7] == b"\0\0\0" and data[at + mark + 7] < 16
    return data[at + 36 : at + 42] == b"VBRI\0\1" and bool(frame.marks)


def parse_start(data: bytes, frame: MpegFrame) -> MpegStart:
    """The header in the first frame of a recording.

    An MPEG decoder is 529 samples late, and where the header of an encoder (Xing with LAME's fields) states how many it
    has added, they are taken off as all players do it. What VBRI says of a delay no player believes.
    """
    mark = next((mark for mark in frame.marks if data[mark : mark + 4] in (b"Xing", b"Info")), None)
    if mark is None:
        count = int.from_bytes(data[50:54], "big") if has_start(data, 0, frame) else 0
        return MpegStart(length=count * frame.samples or None)
    flags, at = data[mark + 7], mark + 8
    count = int.from_bytes(data[at : at + 4], "big") if flags & 1 else 0
    if not count:
        return MpegStart()
    lame = data[at + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit) :]
    begin = end = 0
    if len(lame) >= 24 and lame[0]:
        delay, padding = lame[21] << 4 | lame[22] >> 4, (lame[22] & 15) << 8 | lame[23]
        begin, end = delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)
    return MpegStart(begin, end, max(0, count * frame.samples - begin - end))
