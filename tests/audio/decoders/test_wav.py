"""A WAV stream, whose end nobody can look at beforehand: the same samples as of the file, or a word."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.audio.recording import Block
from hifisr_cli.errors import TruncatedError

FRAMES = 4_000
LIST = b"LIST\x10\0\0\0INFOINAM\x04\0\0\0abc\0"


def sound() -> Block:
    return (np.random.default_rng(1).standard_normal((1, FRAMES)) * 0.2).astype(np.float32)


def wav(counted: int, behind: bytes = b"", *, less: int = 0) -> bytes:
    """16 bits, mono, whose header counts so many bytes."""
    data = io.BytesIO()
    soundfile.write(data, sound().T, 8_000, "PCM_16", format="WAV")
    whole = bytearray(data.getvalue())
    struct.pack_into("<I", whole, 40, counted)
    return bytes(whole[: len(whole) - less]) + behind


def read(data: bytes) -> tuple[Block, tuple[str, ...]]:
    recording = open_stream(ByteStream(io.BytesIO(data)), Path("-"))
    assert recording is not None
    return np.concatenate(list(recording.blocks(777)), axis=1), recording.notes


@pytest.fixture
def whole() -> Block:
    return read(wav(2 * FRAMES))[0]


def test_as_promised(whole: Block) -> None:
    assert np.abs(whole - sound()).max() <= 2**-15
    assert not read(wav(2 * FRAMES))[1]


@pytest.mark.parametrize("counted", [2, 1_000, 2 * FRAMES - 600])
def test_more_than_promised(whole: Block, counted: int) -> None:
    found, notes = read(wav(counted))
    np.testing.assert_array_equal(found, whole)
    assert "0.500 s are there: all of it was taken" in notes[0]


def test_sound_that_begins_with_silence_behind_the_stated_end(whole: Block) -> None:
    """Zeros may be filling; not where sound follows."""
    silence = bytes(300_000)
    found, _ = read(wav(2 * FRAMES, silence + wav(0)[44:]))
    np.testing.assert_array_equal(found[:, :FRAMES], whole)
    np.testing.assert_array_equal(found[:, FRAMES : FRAMES + 150_000], 0)
    np.testing.assert_array_equal(found[:, -FRAMES:], whole)
    assert found.shape[1] == 2 * FRAMES + 150_000


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (LIST, "left out: LIST"),
        (LIST + b"id3 \x03\0\0\0abc\0" + b"bext\x02\0\0\0ab", "left out: LIST, id3, bext"),
        (b"zyxw\x04\0\0\0abcd", "left out: zyxw"),
        (b"TAG" + b"An old tag".ljust(125, b"\0") * 3, "378 bytes at its end"),
        (b"This was written by a program of 1997. " * 20, "780 bytes at its end"),
        (bytes(100_000), None),
    ],
    ids=["chunk", "chunks", "unknown", "ID3v1", "text", "zeros"],
)
def test_what_is_no_sound_is_told_of(whole: Block, rest: bytes, said: str | None) -> None:
    found, notes = read(wav(2 * FRAMES, rest))
    np.testing.assert_array_equal(found, whole)
    assert said in notes[0] if said else not notes


@pytest.mark.parametrize("wrong", [1, 8, 36, 44])
def test_a_miscount_is_no_loss(whole: Block, wrong: int) -> None:
    found, notes = read(wav(2 * FRAMES + wrong))
    np.testing.assert_array_equal(found, whole)
    assert not notes if wrong == 1 else f"{wrong} bytes" in notes[0]


def test_half_a_sample_that_is_missing(whole: Block) -> None:
    found, notes = read(wav(2 * FRAMES, less=1))
    np.testing.assert_array_equal(found, whole[:, :-1])
    assert "1 byte" in notes[0]


@pytest.mark.parametrize("less", [10, 12, 2_000])
def test_less_than_promised(less: int) -> None:
    with pytest.raises(TruncatedError, match="breaks off"):
        read(wav(2 * FRAMES, less=less))


def test_a_size_that_went_round(whole: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 4 GB; here at 6,000 bytes: the chunk that stands there is seen again."""
    monkeypatch.setattr("hifisr_cli.audio.decoders.wav.ROUND", 6_000)
    found, notes = read(wav(2 * FRAMES - 6_000, LIST))
    np.testing.assert_array_equal(found, whole)
    assert "LIST" in notes[0]


def test_what_is_no_number_behind_numbers_is_no_sound() -> None:
    data = io.BytesIO()
    soundfile.write(data, sound().T, 8_000, "FLOAT", format="WAV")
    found, notes = read(data.getvalue() + np.random.default_rng(0).bytes(5_000))
    np.testing.assert_array_equal(found, sound())
    assert "5000 bytes at its end" in notes[0]
