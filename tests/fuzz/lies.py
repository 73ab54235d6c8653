"""Recordings whose headers lie, made by hand; `hostile_wavs` is a hypothesis strategy for them."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

CHANNELS = (0, 1, 2, 8, 9, 255, 1024, 65_535)
RATES = (0, 1, 999, 1_000, 4_000, 8_000, 11_025, 44_100, 48_000, 768_000, 768_001, 1 << 31, (1 << 32) - 1)
BITS = (0, 1, 7, 8, 12, 16, 24, 31, 32, 64, 255, 65_535)
TAGS = (0, 1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0x161, 0xFFFE, 0xFFFF)
SIZES = (0, 1, 3, 100, 0x7FFF_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFDB, 0xFFFF_FFFF)


def lying_wav(
    body: bytes, *, tag: int = 1, channels: int = 1, rate: int = 8_000, bits: int = 16, frame: int | None = None,
    size: int | None = None, riff: int | None = None, before: bytes = b"",
) -> bytes:  # fmt: skip
    """A WAV file that says what it is told to."""
    frame = channels * bits // 8 if frame is None else frame
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * frame & 0xFFFF_FFFF, frame & 0xFFFF, bits)
    data = b"data" + struct.pack("<I", len(body) if size is None else size) + body
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + before + data
    return b"RIFF" + struct.pack("<I", (len(chunks) + 4 if riff is None else riff) & 0xFFFF_FFFF) + b"WAVE" + chunks


def boasting(kind: str) -> bytes:
    """2 ** 31 samples and more, promised in about 100 bytes."""
    frames = 1 << 31
    match kind:
        case "wav":
            return lying_wav(bytes(56), size=0x7FFE_FFFF, bits=8)
        case "rf64":
            sizes = struct.pack("<QQQI", 2 * frames + 72, 2 * frames, frames, 0)
            plain = lying_wav(bytes(20), size=0xFFFF_FFFF)
            return b"RF64" + b"\xff" * 4 + b"WAVEds64" + struct.pack("<I", len(sizes)) + sizes + plain[12:]
        case "flac":
            stream = struct.pack(">HH", 4096, 4096) + bytes(6)
            stream += (48_000 << 44 | 0 << 41 | 15 << 36 | frames).to_bytes(8, "big") + bytes(16)
            return b"fLaC\x80\0\0\x22" + stream + b"\xff\xf8" + bytes(48)
        case "aiff":
            rate = struct.pack(">HQ", 16_398, 0xFA00 << 48)
            common = b"COMM" + struct.pack(">I", 18) + struct.pack(">hIh", 1, frames, 16) + rate
            sound = b"SSND" + struct.pack(">III", 0xFFFF_FFF0, 0, 0) + bytes(40)
            return b"FORM" + struct.pack(">I", 0xFFFF_FFFF) + b"AIFF" + common + sound
        case "au":
            return b".snd" + struct.pack(">IIIII", 24, 0xFFFF_FFF0, 3, 8_000, 1) + bytes(76)
        case "caf":
            fields = struct.pack(">dIIIIII", 8_000.0, 0x6C70_636D, 0, 2, 1, 1, 16)
            return (
                b"caff\0\1\0\0desc" + struct.pack(">Q", 32) + fields + b"data" + struct.pack(">q", 1 << 40) + bytes(40)
            )
    raise ValueError(kind)


BOASTS = ("wav", "rf64", "flac", "aiff", "au", "caf")


@st.composite
def hostile_wavs(draw: Any) -> bytes:
    """Anything that begins like a WAV file: sound of any bytes, fields from the edges of what is possible."""
    body = draw(st.binary(max_size=600)) * draw(st.sampled_from((1, 1, 20)))
    return lying_wav(
        body,
        tag=draw(st.sampled_from(TAGS)),
        channels=draw(st.sampled_from(CHANNELS)),
        rate=draw(st.sampled_from(RATES)),
        bits=draw(st.sampled_from(BITS)),
        frame=draw(st.none() | st.sampled_from((0, 1, 2, 3, 4, 65_535))),
        size=draw(st.none() | st.sampled_from(SIZES)),
        riff=draw(st.none() | st.sampled_from(SIZES)),
        before=draw(
            st.sampled_from((b"", b"junk\0\0\0\0", b"LIST\xff\xff\xff\xff", b"fact\4\0\0\0\0\0\0\0", b"fmt \0\0\0\0"))
        ),
    )
