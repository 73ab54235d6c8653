"""ASF, AVI, FLV, RealMedia and broadcasts: their own sizes against the end of the file."""

from __future__ import annotations

import struct

import pytest

from hifisr_cli.audio.containers import videos
from hifisr_cli.audio.containers.extent import Extent


def asf(*, live: bool = False) -> bytes:
    data = bytes(1000)
    header = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + (80).to_bytes(8, "little") + bytes(56)
    length = 50 if live else 50 + len(data)
    guid = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
    return header + guid + length.to_bytes(8, "little") + bytes(26) + data


def avi(*, live: bool = False) -> bytes:
    def listed(form: bytes, body: bytes, length: int | None = None) -> bytes:
        return b"LIST" + (4 + len(body) if length is None else length).to_bytes(4, "little") + form + body

    body = listed(b"hdrl", bytes(100)) + listed(b"movi", bytes(1000), 0xFFFFFFFF if live else None)
    return b"RIFF" + (0 if live else 4 + len(body)).to_bytes(4, "little") + b"AVI " + body


def flv(*, live: bool = False) -> bytes:
    def tag(kind: int, body: bytes) -> bytes:
        return bytes([kind]) + len(body).to_bytes(3, "big") + bytes(7) + body + (11 + len(body)).to_bytes(4, "big")

    head, sound = b"FLV\1\5\0\0\0\x09\0\0\0\0", b"".join(tag(8, bytes(100)) for _ in range(10))
    if live:
        return head + sound
    size = len(head) + len(tag(18, bytes(20))) + len(sound)
    return head + tag(18, b"\0\x08filesize\0" + struct.pack(">d", size)[:9].ljust(9, b"\0")) + sound


def real() -> bytes:
    packets = b"".join(b"\0\0" + (100).to_bytes(2, "big") + bytes(96) for _ in range(10))
    data = b"DATA" + (18 + len(packets)).to_bytes(4, "big") + b"\0\0" + (10).to_bytes(4, "big") + bytes(4) + packets
    return b".RMF" + (18).to_bytes(4, "big") + bytes(10) + data


def transport() -> bytes:
    return b"".join(b"G" + bytes(187) for _ in range(20))


def program() -> bytes:
    pack = b"\0\0\1\xba\x44" + bytes(8) + b"\xf8"
    return b"".join(pack + b"\0\0\1\xc0" + (500).to_bytes(2, "big") + b"\x55" * 500 for _ in range(10))


def of(measure: str, data: bytes) -> Extent:
    read = lambda place, count: data[place : place + count]  # noqa: E731
    found: Extent = getattr(videos, f"{measure}_extent")(read, 0, len(data))
    return found


KINDS = {"asf": asf, "avi": avi, "flv": flv, "real": real}


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_lacks_nothing_and_a_byte_is_a_loss(kind: str) -> None:
    data = KINDS[kind]()
    assert of(kind, data) == Extent()
    for end in (len(data) - 5, len(data) * 9 // 10, len(data) // 2):
        assert of(kind, data[:end]).damage is not None


@pytest.mark.parametrize("make", [asf, avi, flv])
def test_what_is_live_promises_nothing(make: object) -> None:
    assert callable(make)
    assert of(make.__name__, make(live=True)) == Extent()


def test_half_a_packet_of_a_broadcast_is_left_out_with_a_word() -> None:
    assert of("ts", transport()) == Extent()
    cut = of("ts", transport()[:-88])
    assert (cut.end, cut.damage) == (19 * 188, None)
    assert "100 bytes" in cut.notes[0]


def test_half_a_packet_of_a_program_is_a_word() -> None:
    assert of("ps", program()) == Extent()
    cut = of("ps", program()[:-88])
    assert (cut.end, cut.damage) == (None, None)
    assert "88 bytes early" in cut.notes[0]
