from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.audio.containers.mpeg import parse_frame
from hifisr_cli.audio.containers.signatures import MPEG, FileIdentity, id3_size, identify, kind_of

HEADS = {
    b"RIFF\0\0\0\0WAVEfmt ": "WAV",
    b"RF64\xff\xff\xff\xffWAVEds64": "WAV",
    b"BW64\xff\xff\xff\xffWAVEds64": "WAV",
    b"RIFX\0\0\0\0WAVEfmt ": "RIFX",
    b"RIFF\0\0\0\0AVI LIST": "AVI",
    b"FORM\0\0\0\0AIFFCOMM": "AIFF",
    b"FORM\0\0\0\0AIFCFVER": "AIFC",
    b"FORM\0\0\0\x008SVXVHDR": "SVX",
    b"FORM\0\0\0\0ILBMBMHD": "IFF",
    b"Creative Voice File\x1a\x1a\0": "VOC",
    b"NIST_1A\n   1024\n": "NIST",
    b"\x64\xa3\2\0": "IRCAM",
    b"MPCKSH": "MUSEPACK",
    b"MP+\7": "MUSEPACK",
    b"tBaK": "TAK",
    b"ajkg\2": "SHORTEN",
    b"FRM8\0\0\0\0\0\0\0\0DSD FVER": "DSDIFF",
    b"\xfe\x7f\1\x80": "DTS",
    b"\xff\x1f\0\xe8": "DTS",
    b"\0\0\0\0\xf8\x72\x6f\xba": "TRUEHD",
    b"\2dss": "DSS",
    b"\3ds2": "DS2",
    b"RIFF\0\0\0\0QLCMfmt ": "QCP",
    b".RMF\0\0\0\x12": "REALMEDIA",
    b".ra\xfd\0\3": "REALMEDIA",
    b"fLaC\0\0\0\x22": "FLAC",
    b"OggS\0\2": "OGG",
    b"\0\0\0\x20ftypM4A ": "MP4",
    b"\x0b\x77\0\0\0\x40": "AC3",
    b"\x0b\x77\0\0\0\x80": "EAC3",
    b"\xff\xf1\x50\x80": "AAC",
    b"\xff\xfb\x90\x00": "MPEG",
    (b"G" + bytes(187)) * 3: "MPEG-TS",
    (bytes(4) + b"G" + bytes(187)) * 3: "MPEG-TS",
}


def told(data: bytes) -> FileIdentity:
    return identify(lambda position, count: data[position : position + count])


def id3(length: int, *, footer: bool = False) -> bytes:
    """A tag of ID3v2.4 with so many bytes between its header and its end."""
    size = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    flags = bytes([0x10 if footer else 0])
    return b"ID3\4\0" + flags + size + bytes(length) + (b"3DI\4\0" + flags + size if footer else b"")


@pytest.mark.parametrize(("head", "name"), HEADS.items())
def test_by_the_first_bytes(head: bytes, name: str) -> None:
    assert told(head).name == name
    behind = told(id3(1_000) + head)
    assert behind.kind == kind_of(head)
    assert (behind.start, behind.name) == (1_010, None)


def test_what_nobody_knows() -> None:
    for head in (b"", b"R", b"RIF", b"hello", bytes(512), b"ID3", b"ID3\4\0\0", b"\xff\xff\xff\xff"):
        assert told(head) == FileIdentity(None)
    assert told(id3(100) + bytes(100)) == FileIdentity(MPEG, 110)


def test_a_frame_of_mpeg_is_what_the_parser_takes_for_one() -> None:
    for second, third in itertools.product(range(256), range(256)):
        head = bytes([0xFF, second, third, 0])
        assert (kind_of(head) is MPEG) == (parse_frame(head) is not None)


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=4))
def test_all_tags_in_front_are_looked_past(tags: list[tuple[int, bool]]) -> None:
    front = b"".join(id3(length, footer=footer) for length, footer in tags)
    assert told(front + b"fLaC").start == len(front)
    assert id3_size(front[:10]) == (len(id3(tags[0][0], footer=tags[0][1])) if tags else 0)
