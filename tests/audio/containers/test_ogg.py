from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.ogg import NO_POSITION, OggPage, OggPages, set_serial
from hifisr_cli.system.files import open_file


def written(path: Path, codec: str, seconds: float = 3.0) -> bytes:
    sound = np.random.default_rng(0).standard_normal(round(48_000 * seconds)) * 0.1
    soundfile.write(path, sound, 48_000, subtype=codec, format="OGG")
    return path.read_bytes()


def pages_of(data: bytes, piece: int = 1000) -> tuple[list[OggPage], OggPages]:
    def pieces() -> Iterator[bytes]:
        for start in range(0, len(data), piece):
            yield data[start : start + piece]

    pages = OggPages(pieces())
    return list(iter(pages.next, None)), pages


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_serial_number_leaves_the_sound_alone(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.ogg"
    original = written(path, codec)
    before, _ = soundfile.read(path)
    fd = open_file(path, os.O_RDWR)
    try:
        set_serial(fd, 1234)
    finally:
        os.close(fd)
    after, _ = soundfile.read(path)
    np.testing.assert_array_equal(after, before)
    pages, _ = pages_of(path.read_bytes())
    assert len(pages) == len(pages_of(original)[0])
    assert {page.serial for page in pages} == {(1234).to_bytes(4, "little")}


def test_own_checksum_is_the_one_of_libogg(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    original = written(path, "VORBIS")
    fd = open_file(path, os.O_RDWR)
    try:
        set_serial(fd, int.from_bytes(original[14:18], "little"))
    finally:
        os.close(fd)
    assert path.read_bytes() == original


@pytest.mark.parametrize("piece", [1, 26, 1000, 1 << 20])
def test_all_pages_whatever_the_pieces(tmp_path: Path, piece: int) -> None:
    data = written(tmp_path / "a", "OPUS", 2.0)
    pages, rest = pages_of(data, piece)
    assert b"".join(page.data for page in pages) == data
    assert [page.number for page in pages] == list(range(len(pages)))
    assert [page.is_first for page in pages] == [True] + [False] * (len(pages) - 1)
    assert [page.is_last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [page.position for page in pages[1:]] == [page.end for page in pages[:-1]]
    assert (rest.left_out, rest.cut) == (0, False)


@pytest.mark.parametrize(
    ("damage", "left_out"),
    [
        (lambda data, page: data[: page.position] + b"OggS" * 5 + bytes(70) + data[page.position :], 90),
        (lambda data, page: data[: page.position + 99] + b"\0\1\2" + data[page.position + 102 :], None),
        (lambda data, page: data[: page.position] + b"oggs" + data[page.position + 4 :], None),
        (lambda data, page: data + b"OggX and more", 13),
    ],
)
def test_what_is_no_page_is_counted(
    tmp_path: Path, damage: Callable[[bytes, OggPage], bytes], left_out: int | None
) -> None:
    data = written(tmp_path / "a", "VORBIS")
    whole, _ = pages_of(data)
    found, rest = pages_of(damage(data, whole[4]))
    lost = whole[4] if left_out is None else None
    assert [page.data for page in found] == [page.data for page in whole if page is not lost]
    assert rest.left_out == (len(whole[4].data) if left_out is None else left_out)
    assert not rest.cut


@pytest.mark.parametrize("missing", [1, 100, -10])
def test_a_page_that_is_cut(tmp_path: Path, missing: int) -> None:
    data = written(tmp_path / "a", "VORBIS")
    whole, _ = pages_of(data)
    end = len(data) - missing if missing > 0 else whole[-1].position - missing
    found, rest = pages_of(data[:end])
    assert found == whole[:-1]
    assert rest.cut
    assert rest.left_out == end - whole[-1].position


def test_packets_go_over_pages() -> None:
    """A body of 255 + 255 bytes goes on; 10 bytes end a packet, and so do 255 + 0."""
    sizes = bytes([10, 255, 0, 255, 255])
    body = bytes(range(10)) + bytes([1]) * 255 + bytes([2]) * 510
    page = OggPage(0, b"OggS" + bytes(22) + bytes([len(sizes)]) + sizes + body, whole=True, sizes=sizes)
    assert list(page.fragments) == [
        (bytes(range(10)), True),
        (bytes([1]) * 255, True),
        (bytes([2]) * 510, False),
    ]


def test_a_changed_page_is_sound_and_says_so(tmp_path: Path) -> None:
    page = pages_of(written(tmp_path / "a", "VORBIS"))[0][3]
    moved = page.changed(granule=page.granule + 7)
    assert (moved.granule, moved.is_sound, moved.rewritten) == (page.granule + 7, True, True)
    assert moved.body == page.body
    assert moved.granule != NO_POSITION
    assert moved.changed(granule=page.granule).data == page.data
