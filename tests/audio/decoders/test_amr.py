"""AMR with pauses: every frame is 20 ms in its place, whoever decodes."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from hifisr_cli.audio.open import open_recording
from tests.audio.opened import decode

NARROW, WIDE = b"#!AMR\n", b"#!AMR-WB\n"
# Header bytes with the sizes of bodies: 12.2 kbit/s, a description of noise, and nothing; for both codecs.
FRAMES = {
    NARROW: {"speech": (0x3C, 31), "noise": (0x44, 5), "none": (0x7C, 0)},
    WIDE: {"speech": (0x14, 32), "noise": (0x4C, 5), "none": (0x7C, 0), "lost": (0x74, 0)},
}
LENGTH = {NARROW: 160, WIDE: 320}
PAUSED = ["none"] * 3 + ["speech"] * 7 + ["noise"] + ["none"] * 5 + ["speech"] * 4 + ["noise"]


def make(magic: bytes, kinds: list[str], seed: int = 0) -> bytes:
    """Any bits are a frame."""
    rng = np.random.default_rng(seed)
    return b"".join(bytes([FRAMES[magic][kind][0]]) + rng.bytes(FRAMES[magic][kind][1]) for kind in kinds)


@pytest.mark.parametrize("magic", [NARROW, WIDE])
@pytest.mark.parametrize("salvage", [False, True])
def test_a_frame_without_speech_is_20_ms_of_silence_in_its_place(
    tmp_path: Path, decoder: str, magic: bytes, salvage: bool
) -> None:
    path, alone = tmp_path / "a.amr", tmp_path / "alone.amr"
    path.write_bytes(magic + make(magic, PAUSED))
    alone.write_bytes(magic + b"".join(speech_of(magic)))
    found, info, notes = decode(path, salvage=salvage)
    expected = decode(alone)[0]
    assert found.shape == (1, LENGTH[magic] * len(PAUSED))
    assert info.sample_rate == 50 * LENGTH[magic]
    assert notes == ()
    position = taken = 0
    for kind, run in groupby(PAUSED):
        count = LENGTH[magic] * len(list(run))
        part = found[:, position : position + count]
        if kind == "speech":
            np.testing.assert_array_equal(part, expected[:, taken : taken + count])
            taken += count
        else:
            assert not part.any()
        position += count
    assert np.abs(expected).max() > 0


def speech_of(magic: bytes) -> list[bytes]:
    """The frames with speech of PAUSED alone, of the same bits."""
    rng, frames = np.random.default_rng(0), []
    for kind in PAUSED:
        head, size = FRAMES[magic][kind]
        frame = bytes([head]) + rng.bytes(size)
        frames += [frame] if kind == "speech" else []
    return frames


def test_pauses_alone_are_silence(tmp_path: Path, decoder: str) -> None:
    path = tmp_path / "a.amr"
    path.write_bytes(WIDE + make(WIDE, ["none", "lost", "noise", "none"]))
    found = decode(path)[0]
    assert found.shape == (1, 1280)
    assert not found.any()


def test_a_last_frame_that_is_cut_is_a_word(tmp_path: Path, decoder: str) -> None:
    path = tmp_path / "a.amr"
    path.write_bytes(NARROW + make(NARROW, ["speech"] * 5)[:-7])
    found, _, notes = decode(path)
    assert found.shape == (1, 4 * 160)
    assert "25 bytes at its end" in notes[0]


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4, "big") + name + body


def numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def in_3gp(kinds: list[str]) -> bytes:
    """A telephone's video without a picture: one frame a piece, all in one chunk."""
    pieces = [make(NARROW, [kind], seed=index) for index, kind in enumerate(kinds)]
    media = b"".join(pieces)
    start = box(b"ftyp", b"3gp4", bytes(4), b"3gp4")
    matrix = numbers(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    duration = 160 * len(kinds)
    entry = box(b"samr", bytes(6), b"\0\x01", bytes(8), b"\0\x02\0\x10", bytes(4), (8_000 << 16).to_bytes(4, "big"),
                box(b"damr", b"abcd\0\x81\xff\0\x01"))  # fmt: skip
    table = box(
        b"stbl",
        box(b"stsd", numbers(0, 1), entry),
        box(b"stts", numbers(0, 1, len(kinds), 160)),
        box(b"stsc", numbers(0, 1, 1, len(kinds), 1)),
        box(b"stsz", numbers(0, 0, len(kinds), *map(len, pieces))),
        box(b"stco", numbers(0, 1, len(start) + 8)),
    )
    here = box(b"dinf", box(b"dref", numbers(0, 1), box(b"url ", numbers(1))))
    media_box = box(
        b"mdia",
        box(b"mdhd", numbers(0, 0, 0, 8_000, duration), b"\x55\xc4\0\0"),
        box(b"hdlr", bytes(8), b"soun", bytes(13)),
        box(b"minf", box(b"smhd", bytes(8)), here, table),
    )
    track = box(b"trak", box(b"tkhd", numbers(7, 0, 0, 1, 0, duration, 0, 0, 0, 0), matrix, bytes(8)), media_box)
    header = box(b"mvhd", numbers(0, 0, 0, 8_000, duration, 0x10000, 0x1000000, 0, 0), matrix, bytes(24), numbers(2))
    return start + box(b"mdat", media) + box(b"moov", header, track)


def test_pauses_in_a_telephone_video_are_silence(tmp_path: Path, decoder: str) -> None:
    path = tmp_path / "a.3gp"
    path.write_bytes(in_3gp(PAUSED))
    found, info, _ = decode(path)
    assert (info.container, info.codec) == ("MP4", "AMR_NB")
    assert found.shape == (1, 160 * len(PAUSED))
    loud = [np.abs(found[0, place : place + 160]).max() > 0 for place in range(0, found.shape[1], 160)]
    assert loud == [kind == "speech" for kind in PAUSED]


def test_the_pauses_of_a_telephone(shared_cases: Path, decoder: str) -> None:
    for name, frames in (("amr_nodata", 170), ("amr_sid", 190)):
        path = shared_cases / "20-amr-dtx" / f"{name}.amr"
        for salvage in (False, True):
            found, _, notes = decode(path, salvage=salvage)
            assert (found.shape, notes) == ((1, 160 * frames), ())
        with open_recording(path) as recording:
            assert recording.info.seconds == frames / 50
