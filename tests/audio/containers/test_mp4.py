"""MP4: the table of samples against the bytes that are there."""

from __future__ import annotations

import pytest

from hifisr_cli.audio.containers.extent import Extent
from hifisr_cli.audio.containers.mp4 import mp4_extent

SIZES = (10, 20, 30, 5, 5, 7)


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + name + body


def numbers(*values: int, width: int = 4) -> bytes:
    return b"".join(value.to_bytes(width, "big") for value in values)


def make(*, index_first: bool = True, kind: bytes = b"soun", wide: bool = False, sizes: bytes | None = None) -> bytes:
    """Six pieces in chunks of two, one and three, with 100 bytes of something else between them."""
    chunks = ((0, 2), (2, 1), (3, 3))

    def index(start: int) -> bytes:
        places, position = [], start
        for first, count in chunks:
            places.append(position)
            position += sum(SIZES[first : first + count]) + 100
        table = box(
            b"stbl",
            box(b"stsd", numbers(0, 1), box(b"mp4a", bytes(28))),
            box(b"stsc", numbers(0, 3, 1, 2, 1, 2, 1, 1, 3, 3, 1)),
            sizes or box(b"stsz", numbers(0, 0, len(SIZES), *SIZES)),
            box(b"co64", numbers(0, 3), numbers(*places, width=8)) if wide else box(b"stco", numbers(0, 3, *places)),
        )
        picture = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(13))))
        sound = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), kind, bytes(13)), box(b"minf", table)))
        return box(b"moov", box(b"mvhd", bytes(100)), picture, sound)

    media = b"".join(bytes(sum(SIZES[first : first + count])) + b"x" * 100 for first, count in chunks)
    head = box(b"ftyp", b"M4A ", bytes(4))
    if index_first:
        return head + index(len(head) + len(index(0)) + 8) + box(b"mdat", media)
    return head + box(b"mdat", media) + index(len(head) + 8)


def extent(data: bytes, start: int = 0) -> Extent:
    return mp4_extent(lambda place, count: data[place : place + count] if place >= 0 else b"", start, len(data))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("index_first", [False, True])
def test_a_whole_file_lacks_nothing(wide: bool, index_first: bool) -> None:
    assert extent(make(wide=wide, index_first=index_first)).damage is None


@pytest.mark.parametrize("wide", [False, True])
def test_every_byte_of_the_sound_counts_and_no_other(wide: bool) -> None:
    data = make(wide=wide)
    assert extent(data[:-100]).damage is None  # what is no sound may be missing
    damage = extent(data[:-101]).damage
    assert damage is not None
    assert damage.have == pytest.approx(76 / 77)
    middle = extent(data[: -100 - 17 - 100 - 15]).damage
    assert middle is not None
    assert middle.have == pytest.approx(45 / 77)


def test_sizes_of_4_bits_count_as_those_of_32() -> None:
    sizes = box(b"stz2", numbers(0, 4, 6), bytes.fromhex("a53257"))  # 10 5 3 2 5 7
    data = make(sizes=sizes)
    lacking = extent(data[: -100 - 17]).damage  # the last chunk is gone: 14 of 32 bytes
    assert lacking is not None
    assert lacking.have == pytest.approx(18 / 32)


def test_an_index_that_is_missing_or_cut_is_damage() -> None:
    data = make(index_first=False)
    for end in (len(data) - 1, len(data) - 300, len(data) - len(data) // 2):
        assert extent(data[:end]).damage is not None


def test_a_video_without_sound_lacks_none() -> None:
    assert extent(make(kind=b"text")).damage is None


def test_pieces_of_a_fragmented_file_end_where_their_boxes_do() -> None:
    data = make() + box(b"moof", bytes(50)) + box(b"mdat", bytes(70))
    assert extent(data).damage is None
    assert extent(data[:-1]).damage is not None
