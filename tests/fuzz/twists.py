"""Recordings that the world makes: chained, cut at the front, tagged, with sizes and counts that are not true.

Their sound is whole, and how much it is is known: whatever is done with them, less or more than that is told.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hifisr_cli.audio.containers.ogg import set_serial

Rng = np.random.Generator

PADDING = 0.13  # seconds, two frames of AAC at 16 kHz: what lossy codecs add where their container does not say it
_ID3 = b"ID3\x03\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0"
_APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0x8000_0000) + bytes(8)
_ENCODER_DELAY = 0.3  # seconds, four frames of MP3 at 8 kHz: what stays where LAME's header is not there, or not true


@dataclass(frozen=True, slots=True)
class Seed:
    """A good recording.

    Attributes:
        name: its format.
        seconds: of its sound.
        slack: seconds by which a decoder's count may differ.
        by_ffmpeg: it is in a container that FFmpeg decodes for us.
    """

    name: str
    data: bytes
    seconds: float
    slack: float
    by_ffmpeg: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """Seconds that are in a recording, whatever its header says.

    Attributes:
        seconds, slack: as a seed's.
        any_word: words about bytes will do, since what is left out need not be sound.
    """

    seconds: float
    slack: float
    any_word: bool = False


Twisted = tuple[bytes, Content | None]
Twist = Callable[[Rng, Seed, list[Seed]], Twisted | None]


def twist(rng: Rng, seeds: list[Seed]) -> tuple[str, bytes, Content | None]:
    """A seed and a twist that fits it: what was done, the bytes, the sound that they hold (None: not defined)."""
    while True:
        seed = seeds[int(rng.integers(len(seeds)))]
        change = _TWISTS[int(rng.integers(len(_TWISTS)))]
        changed = change(rng, seed, seeds)
        if changed is not None and changed[0] != seed.data:
            return f"{seed.name}: {change.__name__.strip('_').replace('_', ' ')}", *changed


def _all(seed: Seed) -> Content:
    return Content(seed.seconds, seed.slack)


def _chain(rng: Rng, seed: Seed, seeds: list[Seed]) -> Twisted:
    """One after the other. Players of Ogg and of bare frames play both; FFmpeg's demuxers look no further than one."""
    alike = [other for other in seeds if other.data[:4] == seed.data[:4]]
    other = alike[int(rng.integers(len(alike)))] if rng.random() < 0.7 else seeds[int(rng.integers(len(seeds)))]
    if seed.by_ffmpeg:
        return seed.data + other.data, None
    streams = _is_stream(seed) and _is_stream(other) and seed.data[:2] == other.data[:2]
    sound = Content(seed.seconds + other.seconds, seed.slack + other.slack, any_word=not streams)
    return seed.data + other.data, sound


def _is_stream(seed: Seed) -> bool:
    return seed.data[:4] == b"OggS" or seed.data[:1] == b"\xff"


def _front_cut(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted | None:
    """The beginning is missing: only bare frames can be read from anywhere."""
    if seed.data[:1] != b"\xff" and seed.data[:2] != b"\x0b\x77":
        return seed.data[int(rng.integers(1, 2_000)) :], None
    count = int(rng.integers(1, max(2, len(seed.data) // 4)))
    left = seed.seconds * (1 - count / len(seed.data))
    return seed.data[count:], Content(left, seed.slack + 0.15 * seed.seconds)  # the bit rate is not quite constant


def _behind(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted:
    """Padding, a tag, or garbage follows."""
    tags = (b"TAG".ljust(128, b"\0"), _APE, _ID3)
    more = (bytes(int(rng.integers(1, 5_000))), rng.bytes(int(rng.integers(1, 5_000))), *tags)
    return seed.data + more[int(rng.integers(len(more)))], replace(_all(seed), any_word=True)


def _id3_in_front(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted:
    return _ID3 * int(rng.integers(1, 3)) + seed.data, _all(seed)


def _bytes_before_the_first_frame(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted | None:
    if seed.data[:1] != b"\xff":
        return None
    count = int(rng.choice([1, 10, 417, 2_000]))
    filling = bytes(count) if rng.random() < 0.5 else rng.bytes(count).replace(b"\xff", b"\0")
    return (_ID3 if rng.random() < 0.5 else b"") + filling + seed.data, _all(seed)


def _odd_chunk(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted | None:
    """A chunk of an odd length, and no byte to make it even."""
    if seed.data[:4] not in (b"RIFF", b"FORM") or b"AVI " in seed.data[:12]:
        return None
    order = "<" if seed.data[:4] == b"RIFF" else ">"
    chunk = b"odd " + struct.pack(f"{order}I", 3) + b"odd"
    return seed.data[:12] + chunk + seed.data[12:], _all(seed)


@dataclass(frozen=True, slots=True)
class _Field:
    """A number in a header: where, how it is packed, and what one more or less is."""

    position: int
    form: str
    unit: int = 1

    def read(self, data: bytes) -> int:
        return int(struct.unpack_from(self.form, data, self.position)[0])

    def written(self, data: bytes, value: int) -> bytes:
        size = struct.calcsize(self.form)
        number = (value % (1 << 8 * size)).to_bytes(size, "little" if self.form[0] == "<" else "big")
        return data[: self.position] + number + data[self.position + size :]


def _size_of_sound(data: bytes) -> _Field | None:
    """Where the container states how many bytes of sound there are."""
    head = data[:4]
    if head == b"RIFF" and data[8:12] == b"WAVE":
        return _Field(data.index(b"data") + 4, "<I", _word(data, b"fmt ", 20))
    if head == b"RF64":
        return _Field(data.index(b"ds64") + 16, "<Q", _word(data, b"fmt ", 20))
    if head == b"riff":
        return _Field(data.index(b"data\xf3\xac") + 16, "<Q", 4)
    if head == b"FORM":
        return _Field(data.index(b"SSND") + 4, ">I", 4)
    if head == b".snd":
        return _Field(8, ">I", 4)
    return _Field(data.index(b"data") + 4, ">Q", 4) if head == b"caff" else None


def _word(data: bytes, name: bytes, offset: int) -> int:
    return int.from_bytes(data[data.index(name) + offset :][:2], "little")


def _wrong_size(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted | None:
    """Wrong by a header or a block, gone round, never filled in."""
    field = _size_of_sound(seed.data)
    if field is None:
        return None
    size = field.read(seed.data)
    wrong = (8, 44, -1, field.unit, -field.unit, -size, -size - 1, -size // 3, -size // 2, -(9 * size) // 10, size)
    return field.written(seed.data, size + wrong[int(rng.integers(len(wrong)))]), _all(seed)


def _count_of_sound(data: bytes) -> _Field | None:
    """Where a header states how many samples or frames there are, besides their bytes."""
    for name, offset, form in (
        (b"fact", 8, "<I"),
        (b"ds64", 24, "<Q"),
        (b"COMM", 10, ">I"),
        (b"fLaC\x00", 22, ">I"),  # the lower 32 of the 36 bits
        (b"Xing\0\0\0", 8, ">I"),
        (b"Info\0\0\0", 8, ">I"),
        (b"pakt", 12, ">Q"),
    ):
        if (found := data[:4_096].find(name)) >= 0:
            return _Field(found + offset, form)
    return None


def _wrong_count(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted | None:
    """Of samples or frames: a few too many or too few, a third, twice as many, none, all ones."""
    field = _count_of_sound(seed.data)
    if field is None:
        return None
    data = _miscounted(rng, seed.data, field)
    sound = replace(_all(seed), slack=_ENCODER_DELAY) if data[:1] == b"\xff" else _all(seed)
    return _with_checksums(data) if data[:4] == b"OggS" else data, sound


def _miscounted(rng: Rng, data: bytes, field: _Field) -> bytes:
    count = field.read(data)
    wrong = (1, -1, -count, -count - 1, -2 * count // 3, count)
    return field.written(data, count + wrong[int(rng.integers(len(wrong)))])


def _vbri(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted | None:
    """The Xing frame becomes what Fraunhofer's encoder writes; the count in it is right, or not."""
    found = max(seed.data[:200].find(b"Xing"), seed.data[:200].find(b"Info"))
    if seed.data[:1] != b"\xff" or found < 0:
        return None
    frames = int.from_bytes(seed.data[found + 8 : found + 12], "big")
    vbri = b"VBRI" + struct.pack(">HHHIIHHHH", 1, 0, 0, len(seed.data), frames, 0, 1, 2, 1)
    data = seed.data[:4] + bytes(32) + vbri.ljust(164, b"\0") + seed.data[200:]
    if rng.random() < 0.5:
        data = _miscounted(rng, data, _Field(36 + 14, ">I"))
    return data, replace(_all(seed), slack=_ENCODER_DELAY)


def _wrong_granule(rng: Rng, seed: Seed, _: list[Seed]) -> Twisted | None:
    """The last Ogg page promises more than there is. (Less would be an end that is trimmed, as it may be.)"""
    last = seed.data.rfind(b"OggS")
    if seed.data[:4] != b"OggS":
        return None
    field = _Field(last + 6, "<Q")
    more = int(rng.choice([1, field.read(seed.data), 1 << 40]))
    sound = Content(seed.seconds, PADDING)  # nothing tells how much of the last block is padding
    return _with_checksums(field.written(seed.data, field.read(seed.data) + more)), sound


def _with_checksums(ogg: bytes) -> bytes:
    with tempfile.TemporaryFile() as file:
        file.write(ogg)
        file.flush()
        set_serial(file.fileno(), 1)
        file.seek(0)
        return file.read()


_TWISTS: tuple[Twist, ...] = (
    _chain,
    _front_cut,
    _behind,
    _id3_in_front,
    _bytes_before_the_first_frame,
    _odd_chunk,
    _wrong_size,
    _wrong_size,
    _wrong_count,
    _wrong_count,
    _vbri,
    _wrong_granule,
)
