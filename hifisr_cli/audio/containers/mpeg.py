"""The frames of an MPEG audio file (MP3), counted without decoding.

libsndfile believes the length that it guesses: a file of variable bit rate without a Xing header, or several files in
one, would silently be read in part. The frame headers tell the truth. Header layout: ISO/IEC 11172-3, 2.4.1.3.
"""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hifisr_cli.audio.containers.signatures import MPEG_FRAME, id3_size

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
_HEADER = re.compile(MPEG_FRAME, re.DOTALL)  # searched for in C, since a file may be full of ones


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame header: all lengths in bytes, `samples` a channel. `kind` is what all frames of a stream share."""

    length: int
    samples: int
    kind: tuple[int, int, int]
    side_info: int


@dataclass(frozen=True, slots=True)
class MpegStart:
    """What the beginning of an MPEG file says.

    Attributes:
        skip_begin, skip_end: samples a channel that the encoder and the decoder have added at either end.
        length: samples a channel without them, None where the stream does not say.
    """

    skip_begin: int
    skip_end: int
    length: int | None


@dataclass(frozen=True, slots=True)
class MpegScan:
    """What a walk over the frame headers found.

    Attributes:
        start: where the first frame with sound begins (after tags and the Xing or VBRI frame).
        frames: number of frames with sound, whole or cut.
        samples: samples a channel in a frame.
        promised: frames that the Xing or VBRI header promises, None without one.
        cut: the last frame ends after the end of the file.
        padding: what its header says of the samples that coding has added.
    """

    start: int
    frames: int
    samples: int
    promised: int | None
    cut: bool
    padding: MpegStart


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


def scan_mpeg(fd: int, start: int) -> MpegScan | None:
    """Walk the frames of the MPEG audio file behind a descriptor; None if there is not one frame that a second follows.

    What stands between frames (tags, damage) is skipped.

    Args:
        start: where its tags in front end.
    """
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:
        first = _find(data, start, None)
        if first is None:
            return None
        position, head = first
        promised, padding, tagged = _promise(data[position : position + head.length], head)
        start = position = position + head.length if tagged else position
        frames, cut = 0, False
        while True:
            frame = parse_frame(data[position : position + 4])
            if frame is None or frame.kind != head.kind:
                following = _find(data, position, head.kind)
                if following is None:
                    cut = cut or (position < len(data) < position + 4 and data[position] == 0xFF)
                    break
                position, frame = following
            frames += 1
            position += frame.length
            cut = position > len(data)
        return MpegScan(start, frames, head.samples, promised, cut, padding)


def start_mpeg(stream: ByteStream) -> MpegStart | None:
    """Read a stream up to its first frame with sound; None where there is none within 64 kB (after tags)."""
    while size := id3_size(stream.peek(10)):
        if not stream.skip(size):
            return None
    window = stream.peek(_SEARCHED)
    first = _find(window, 0, None)
    if first is None:
        return None
    position, frame = first
    _, padding, tagged = _promise(window[position : position + frame.length], frame)
    stream.skip(position + (frame.length if tagged else 0))
    return padding


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


def _promise(head: bytes, frame: Frame) -> tuple[int | None, MpegStart, bool]:
    """Number of frames in the Xing, Info or VBRI header of the first frame, and whether it is such a header at all.

    Between them the samples that were added: an MPEG decoder is 529 samples late, and where the header of an encoder
    (Xing with LAME's fields) states how many it has added, they are taken off as all players do it.
    """
    at = 4 + frame.side_info
    begin = end = 0
    if head[at : at + 4] in (b"Xing", b"Info"):
        promised = int.from_bytes(head[at + 8 : at + 12], "big") if head[at + 7] & 1 else None
        lame = head[at + 120 :] if head[at + 7] & 15 == 15 else b""
        if len(lame) >= 24 and lame[0]:
            delay, padding = lame[21] << 4 | lame[22] >> 4, (lame[22] & 15) << 8 | lame[23]
            begin, end = delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)
    elif head[36:40] == b"VBRI":
        promised = int.from_bytes(head[50:54], "big")
    else:
        return None, MpegStart(0, 0, None), False
    length = None if promised is None else max(0, promised * frame.samples - begin - end)
    return promised, MpegStart(begin, end, length), True
