"""Matroska: elements against the end of the file."""

from __future__ import annotations

import pytest

from hifisr_cli.audio.containers.ebml import matroska_extent
from hifisr_cli.audio.containers.extent import Extent

HEAD, SEGMENT, CLUSTER, INFO, CUES, TAGS = "1a45dfa3", "18538067", "1f43b675", "1549a966", "1c53bb6b", "1254c367"


def element(name: str, *parts: bytes, is_open: bool = False) -> bytes:
    body = b"".join(parts)
    size = b"\x01" + b"\xff" * 7 if is_open else (1 << 28 | len(body)).to_bytes(4, "big")
    return bytes.fromhex(name) + size + body


def cluster(*, live: bool) -> bytes:
    return element(CLUSTER, element("e7", b"\1"), *(element("a3", bytes(50)) for _ in range(4)), is_open=live)


def make(*after: bytes, live: bool = False) -> bytes:
    clusters = 3 * cluster(live=live)
    return element(HEAD, bytes(20)) + element(SEGMENT, element(INFO, bytes(9)), clusters, *after, is_open=live)


def extent(data: bytes) -> Extent:
    return matroska_extent(lambda place, count: data[place : place + count], 0, len(data))


@pytest.mark.parametrize("live", [False, True])
def test_a_whole_file_lacks_nothing(live: bool) -> None:
    assert extent(make(element(CUES, bytes(30)), live=live)).damage is None


@pytest.mark.parametrize("live", [False, True])
def test_a_cut_cluster_is_damage(live: bool) -> None:
    data = make(live=live)
    for end in (len(data) - 1, len(data) - 60, len(data) // 2):
        assert extent(data[:end]).damage is not None


def test_a_file_that_ends_between_two_clusters_is_cut_where_a_length_tells() -> None:
    assert extent(make()[: -len(cluster(live=False))]).damage is not None
    assert extent(make(live=True)[: -len(cluster(live=True))]).damage is None  # nothing promises more


def test_a_last_index_that_is_cut_is_no_sound() -> None:
    data = make(element(CUES, bytes(30)))
    assert extent(data[:-10]).damage is None
    more = make(element(CUES, bytes(30)), element(TAGS, bytes(30)))
    assert extent(more[:-40]).damage is not None  # what else was to come is not known


@pytest.mark.parametrize("live", [False, True])
def test_zeros_among_the_blocks_are_damage(live: bool) -> None:
    data = bytearray(make(live=live))
    middle = len(data) // 2
    data[middle : middle + 120] = bytes(120)
    assert extent(bytes(data)).damage is not None


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    "behind", [bytes(400), b"TAG".ljust(128, b"x"), b"APETAGEX" + bytes(50), b"\x31\x99\x70" * 200]
)
def test_what_stands_behind_the_segment_is_no_damage(live: bool, behind: bytes) -> None:
    assert extent(make(live=live) + behind).damage is None


@pytest.mark.parametrize("live", [False, True])
def test_clusters_that_something_hides_are_damage(live: bool) -> None:
    data = bytearray(make(live=live))
    place = data.index(bytes.fromhex(CLUSTER)) + 70
    data[place : place + 100] = bytes(100)
    assert extent(bytes(data)).damage is not None


def test_another_file_behind_is_told() -> None:
    found = extent(2 * make())
    assert found.end == len(make())
    assert found.notes == (f"{len(make())} bytes at its end are another recording and were left out",)
