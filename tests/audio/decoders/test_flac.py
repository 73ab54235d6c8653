"""FLAC is read to its last frame, from a file and from a pipe: its header's count is a promise, and no limit."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.audio.recording import Block, Recording
from hifisr_cli.errors import TruncatedError

RATE = 16_000
FRAMES = 100_000
CHAIN = "it is a chain of 2 recordings: all were joined, with the tags of the first"


def as_file(data: bytes, path: Path, *, salvage: bool = False) -> tuple[Block, Recording]:
    path.write_bytes(data)
    with open_recording(path, salvage=salvage) as recording:
        return np.concatenate(list(recording.blocks(30_000)), axis=1), recording


def as_stream(data: bytes, path: Path, *, salvage: bool = False) -> tuple[Block, Recording]:
    recording = open_stream(ByteStream(io.BytesIO(data)), path, salvage=salvage)
    assert recording is not None
    return np.concatenate(list(recording.blocks(30_000)), axis=1), recording


both_ways = pytest.mark.parametrize("read", [as_file, as_stream])
Read = Callable[..., tuple[Block, Recording]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recording"


def sound(channels: int = 1, frames: int = FRAMES) -> Block:
    noise = np.random.default_rng(channels).standard_normal((channels, frames)) * 0.1
    return (np.round(noise * 2**15) / 2**15).astype(np.float32)


@cache
def encode(channels: int = 1, rate: int = RATE, codec: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound(channels).T, rate, format="FLAC", subtype=codec)
    return file.getvalue()


def counted(data: bytes, frames: int) -> bytes:
    """The same with another number of samples in its header."""
    return data[:21] + bytes([data[21] & 0xF0 | frames >> 32]) + (frames & 0xFFFFFFFF).to_bytes(4, "big") + data[26:]


@both_ways
@pytest.mark.parametrize("codec", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_plain_file_gives_the_samples_that_libsndfile_gives(
    read: Read, path: Path, codec: str, channels: int
) -> None:
    data = encode(channels, codec=codec)
    found, recording = read(data, path)
    np.testing.assert_array_equal(found, soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0].T)
    assert (recording.notes, recording.info.frames) == ((), FRAMES)


@both_ways
@pytest.mark.parametrize("salvage", [False, True])
def test_a_count_that_is_too_small(read: Read, path: Path, salvage: bool) -> None:
    found, recording = read(counted(encode(), FRAMES // 3), path, salvage=salvage)
    np.testing.assert_array_equal(found, sound())
    assert not recording.salvaged
    assert recording.notes == ("its header counts 2.083 s of sound, but 6.250 s are there: all of it was taken",)


@both_ways
def test_a_count_that_is_too_large(read: Read, path: Path) -> None:
    data = counted(encode(), 2 * FRAMES)
    with pytest.raises(TruncatedError, match=r"it breaks off after 6\.250 of 12\.500 s"):
        read(data, path)
    found, recording = read(data, path, salvage=True)
    np.testing.assert_array_equal(found, sound())
    assert recording.notes == ("salvaged: 6.250 of 12.500 s readable",)


@both_ways
def test_no_count_and_no_checksum_of_the_sound(read: Read, path: Path) -> None:
    data = counted(encode(), 0)
    found, recording = read(data[:26] + bytes(16) + data[42:], path)
    np.testing.assert_array_equal(found, sound())
    assert (recording.notes, recording.info.frames) == ((), None)


@both_ways
def test_no_count_and_a_last_frame_that_is_cut(read: Read, path: Path) -> None:
    data = counted(encode(), 0)[:-100]
    with pytest.raises(TruncatedError, match="its last frame is cut"):
        read(data, path)
    found, recording = read(data, path, salvage=True)
    np.testing.assert_array_equal(found, sound()[:, : FRAMES // 4096 * 4096])
    assert recording.notes == ("salvaged: 6.144 s readable (its last frame is cut)",)


@both_ways
@pytest.mark.parametrize("count", [0, FRAMES // 3, FRAMES])
@pytest.mark.parametrize(
    ("behind", "told"),
    [
        (b"TAG" + bytes(125), False),
        (b"APETAGEX" + bytes(24) + b"Title", False),
        (bytes(1), False),
        (bytes(70_000), False),
        (b"what is this?", True),
        (b"\xff\xf8" * 20_000, True),
        (bytes(10) + b"x", True),
    ],
    ids=["ID3v1", "APE", "a zero", "zeros", "words", "looks like frames", "zeros and more"],
)
def test_what_stands_behind_the_last_frame(read: Read, path: Path, count: int, behind: bytes, told: bool) -> None:
    found, recording = read(counted(encode(), count) + behind, path)
    np.testing.assert_array_equal(found, sound())
    words = f"{len(behind)} bytes behind its last frame are no sound and were left out"
    assert [note for note in recording.notes if "frame" in note] == ([words] if told else [])


@both_ways
def test_frames_behind_damage_are_no_end(read: Read, path: Path) -> None:
    """Although more than its header counts came before."""
    data = counted(encode(), 10_000)
    data = data[:100_000] + bytes(1_000) + data[101_000:]
    with pytest.raises(TruncatedError, match="cannot be decoded to its end"):
        read(data, path)
    found, recording = read(data, path, salvage=True)
    assert recording.salvaged
    if read is as_file:
        assert found.shape[1] == FRAMES
        assert "silence stands for" in recording.notes[-1]


@both_ways
@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125)])
@pytest.mark.parametrize("back", [200, 10_000, 30_000])
def test_a_bit_that_is_flipped_in_the_last_frames(read: Read, path: Path, back: int, behind: bytes) -> None:
    """The decoder gives as many samples, silent ones: that is damage, whatever stands behind."""
    data = encode()
    data = data[:-back] + bytes([data[-back] ^ 1]) + data[len(data) - back + 1 :] + behind
    for count in (0, 10_000, FRAMES):
        with pytest.raises(TruncatedError):
            read(counted(data, count), path)


@both_ways
@pytest.mark.parametrize("between", [b"", b"TAG" + bytes(125), b"ID3\4\0\0\0\0\0\x10" + bytes(16)])
@pytest.mark.parametrize("salvage", [False, True])
def test_several_streams_one_after_the_other(read: Read, path: Path, between: bytes, salvage: bool) -> None:
    found, recording = read(encode() + between + encode(), path, salvage=salvage)
    np.testing.assert_array_equal(found, np.concatenate([sound(), sound()], axis=1))
    assert (recording.notes, recording.salvaged) == ((CHAIN,), False)


def test_streams_of_other_forms(path: Path) -> None:
    data = encode() + encode(2, 48_000)
    found, recording = as_file(data, path)
    assert found.shape == (2, 4 * FRAMES)
    np.testing.assert_array_equal(found[:, 3 * FRAMES :], sound(2))
    assert (recording.info.sample_rate, recording.info.frames) == (48_000, 4 * FRAMES)
    with pytest.raises(TruncatedError, match="its part 2 has 48000 Hz, the first 16000: save it to a file first"):
        as_stream(data, path)


@both_ways
def test_the_first_of_two_streams_is_cut(read: Read, path: Path) -> None:
    data = encode()[:100_000] + encode()
    with pytest.raises(TruncatedError, match="in its part 1: it breaks off after"):
        read(data, path)
    found, recording = read(data, path, salvage=True)
    np.testing.assert_array_equal(found[:, -FRAMES:], sound())
    first = found.shape[1] - FRAMES
    assert 0.4 * FRAMES < first < 0.6 * FRAMES
    np.testing.assert_array_equal(found[:, :first], sound()[:, :first])
    assert recording.notes[-1].startswith(f"salvaged: {(first + FRAMES) / RATE:.3f} of 12.500 s readable")


def test_an_id3_tag_in_front(path: Path) -> None:
    found, _ = as_file(b"ID3\4\0\0\0\0\0\x10" + bytes(16) + counted(encode(), 1) + b"TAG" + bytes(125), path)
    np.testing.assert_array_equal(found, sound())


@both_ways
@pytest.mark.parametrize("salvage", [False, True])
def test_a_recording_of_which_a_third_was_restored(read: Read, path: Path, shared_cases: Path, salvage: bool) -> None:
    data = (shared_cases / "04-flac-total-too-small" / "f_less.flac").read_bytes()
    found, recording = read(data, path, salvage=salvage)
    assert found.shape == (1, 516_940)
    expected = soundfile.read(io.BytesIO(counted(data, 516_940)), dtype="float32")[0]
    np.testing.assert_array_equal(found[0], expected)
    assert recording.notes == ("its header counts 3.907 s of sound, but 11.722 s are there: all of it was taken",)


@both_ways
@pytest.mark.parametrize("more", [1, 100])
def test_a_count_of_a_few_samples_too_many_is_no_loss(read: Read, path: Path, more: int) -> None:
    data = encode()
    found, recording = read(counted(data, FRAMES + more), path)
    np.testing.assert_array_equal(found, sound())
    count = "1 sample" if more == 1 else f"{more} samples"
    assert recording.notes == (f"its header counts {count} more than there are",)
