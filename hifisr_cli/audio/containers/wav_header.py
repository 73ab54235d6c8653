"""WAV and RF64 written directly: exact header, the same bytes every time, and the operating system's own errors.

(libsndfile writes a time stamp into floating-point files, unreadable files over 4 GB, and corrupt ones into pipes.)
Layout: Microsoft RIFF WAVE; RF64 after EBU Tech 3306.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from hifisr_cli.results import SAMPLE_RATE

DATA_HEADER = 8
"""Bytes of name and length in front of the samples."""

_MAX_SIZE = 0xFFFF_FFFF
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of the GUIDs whose first field is a format tag


def wav_header(
    frames: int, *, channels: int, bits: int, is_float: bool, seekable: bool = True, before: int = 0, after: int = 0
) -> bytes:
    """Header of a file of `frames` samples a channel, up to where the samples begin.

    Over 4 GB it is that of an RF64 file; for a stream that cannot be one (`seekable` false) the sizes are 0xFFFFFFFF
    then, which readers take for "until the end".

    `before` and `after` are the lengths of other chunks on either side of the samples. Those before belong in front of
    the last DATA_HEADER bytes of what this returns.
    """
    size = frames * channels * bits // 8
    fmt = _format_chunk(channels, bits, is_float)
    fact = struct.pack("<4sII", b"fact", 4, min(frames, _MAX_SIZE)) if is_float else b""
    riff = 4 + len(fmt) + len(fact) + before + DATA_HEADER + size + size % 2 + after
    if riff <= _MAX_SIZE:
        return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + fmt + fact + struct.pack("<4sI", b"data", size)
    data = struct.pack("<4sI", b"data", _MAX_SIZE)
    if not seekable:
        return struct.pack("<4sI4s", b"RIFF", _MAX_SIZE, b"WAVE") + fmt + fact + data  # nothing can follow
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, riff + 36, size, frames, 0)
    return struct.pack("<4sI4s", b"RF64", _MAX_SIZE, b"WAVE") + ds64 + fmt + fact + data


def wav_padding(frames: int, *, channels: int, bits: int) -> bytes:
    """What follows the samples: chunks have an even length."""
    return bytes(frames * channels * bits // 8 % 2)


def pack_samples(samples: npt.NDArray[np.int32] | npt.NDArray[np.float32], bits: int) -> bytes:
    """Interleaved little-endian bytes of samples [C, T]: float32, or integers of 16, 24 or 32 bits."""
    interleaved = np.ascontiguousarray(samples.T)
    if interleaved.dtype == np.float32:
        return interleaved.astype("<f4").tobytes()
    if bits == 24:
        return interleaved.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return interleaved.astype(f"<i{bits // 8}").tobytes()


def _format_chunk(channels: int, bits: int, is_float: bool) -> bytes:
    tag = _FLOAT if is_float else _PCM
    frame = channels * bits // 8
    body = struct.pack("<HIIHH", channels, SAMPLE_RATE, SAMPLE_RATE * frame, frame, bits)
    if channels > 2:  # which speaker each channel belongs to is not known: mask 0
        body = struct.pack("<H", _EXTENSIBLE) + body + struct.pack("<HHIH", 22, bits, 0, tag) + _SUBFORMAT_TAIL
    else:
        body = struct.pack("<H", tag) + body + (struct.pack("<H", 0) if is_float else b"")
    return struct.pack("<4sI", b"fmt ", len(body)) + body
