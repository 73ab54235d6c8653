"""Frames one after the other: where the last whole one ends."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.audio.containers import frames
from hifisr_cli.audio.containers.extent import Extent

LENGTHS = (300, 411, 350, 512, 290, 333)


def adts(length: int) -> bytes:
    return bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC])


def eac3(length: int) -> bytes:
    words = length // 2 - 1
    return bytes([0x0B, 0x77, words >> 8, words & 0xFF, 0x04, 16 << 3])


def dts(length: int) -> bytes:
    size = length - 1
    return b"\x7f\xfe\x80\x01\xfc" + bytes([0x3C | size >> 12, size >> 4 & 0xFF, (size & 15) << 4])


KINDS = {"ADTS": (adts, frames.adts_extent), "E-AC-3": (eac3, frames.ac3_extent), "DTS": (dts, frames.dts_extent)}


def make(kind: str, repeat: int = 1) -> tuple[bytes, int]:
    """A stream of frames whose bodies hold no header, and the length of the last one."""
    header = KINDS[kind][0]
    lengths = [length & ~1 for length in LENGTHS] * repeat
    return b"".join(header(length).ljust(length, b"\x55") for length in lengths), lengths[-1]


def extent(kind: str, data: bytes, start: int = 0) -> Extent:
    return KINDS[kind][1](lambda place, count: data[place : place + count], start, len(data))


@pytest.mark.parametrize("repeat", [1, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_frames_are_all_kept(kind: str, repeat: int) -> None:
    data, _ = make(kind, repeat)
    found = extent(kind, data)
    assert (found.end, found.notes, found.frames) == (None, (), None)


@pytest.mark.parametrize("repeat", [1, 300])
@pytest.mark.parametrize("missing", [1, 5, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_a_last_frame_that_is_cut_is_left_out_with_a_word(kind: str, missing: int, repeat: int) -> None:
    data, last = make(kind, repeat)
    found = extent(kind, data[:-missing])
    assert found.end == len(data) - last
    assert f"{last - missing} bytes at its end" in found.notes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tag_behind_the_last_frame_is_none(kind: str) -> None:
    data, _ = make(kind)
    found = extent(kind, data + b"TAG".ljust(128, b" "))
    assert (found.end, found.notes) == (len(data), ())


@pytest.mark.parametrize("kind", KINDS)
def test_noise_has_no_frames(kind: str) -> None:
    noise = np.random.default_rng(0).bytes(100_000)
    assert extent(kind, noise) == Extent()


@pytest.mark.parametrize(("code", "rate", "words"), [(8, 0, 128), (8, 1, 139), (9, 1, 140), (8, 2, 192), (37, 0, 1280)])
def test_the_length_of_an_ac3_frame_is_that_of_its_table(code: int, rate: int, words: int) -> None:
    """ATSC A/52, table 5.18: at 64 kbit/s, and 640."""
    assert frames.ac3_length(bytes([0x0B, 0x77, 0, 0, rate << 6 | code, 8 << 3, 0, 0])) == 2 * words


@pytest.mark.parametrize("repeat", [1, 300])
@pytest.mark.parametrize(
    ("behind", "said"), [(bytes(500), False), (b"TAG".ljust(128, b"x"), False), (b"\x31\x99\x70" * 200, True)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_no_decoder_sees_what_stands_behind_the_last_frame(kind: str, behind: bytes, said: bool, repeat: int) -> None:
    data, _ = make(kind, repeat)
    found = extent(kind, data + behind)
    assert found.end == len(data)
    assert found.notes == ((f"{len(behind)} bytes at its end are no sound and were left out",) if said else ())


@pytest.mark.parametrize("kind", KINDS)
def test_frames_behind_damage_are_frames(kind: str) -> None:
    data, _ = make(kind, 3)
    found = extent(kind, data + b"\x31\x99\x70" * 200 + data)
    assert (found.end, found.notes) == (None, ())
