"""Files whose header counts more or less than there is: what there is, is read, and the word says what is so."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.completeness import Promise
from hifisr_cli.audio.containers.riff import LAYOUTS, walk_chunks
from hifisr_cli.audio.containers.sizes import find_sizes
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.recording import Block
from hifisr_cli.errors import FileError, TruncatedError

FRAMES = 4_000
KINDS = {  # where the size of the samples stands behind the name of their chunk, and how it is written
    "WAV": (b"data", 4, "<I", 0),
    "RF64": (b"ds64", 16, "<Q", 0),
    "W64": (b"data", 16, "<Q", 24),
    "AIFF": (b"SSND", 4, ">I", 0),
    "CAF": (b"data", 4, ">Q", 0),
    "AU": (b".snd", 8, ">I", 0),
}


def noise(channels: int = 2) -> Block:
    return (np.random.default_rng(1).standard_normal((channels, FRAMES)) * 0.2).astype(np.float32)


def write(path: Path, container: str, codec: str = "PCM_16", channels: int = 2) -> tuple[bytearray, Block]:
    soundfile.write(path, noise(channels).T, 8_000, codec, format=container)
    return bytearray(path.read_bytes()), soundfile.read(path, dtype="float32", always_2d=True)[0].T


def restate(data: bytearray, container: str, change: int) -> None:
    """Let the header count so many bytes more of sound."""
    name, behind, form, _ = KINDS[container]
    place = data.index(name) + behind
    (size,) = struct.unpack_from(form, data, place)
    struct.pack_into(form, data, place, size + change)


def read(path: Path, *, salvage: bool = False) -> tuple[Block, tuple[str, ...]]:
    with open_recording(path, salvage=salvage) as recording:
        blocks = list(recording.blocks())
        return np.concatenate(blocks, axis=1), recording.notes


@pytest.mark.parametrize("container", KINDS)
@pytest.mark.parametrize("counted", [0.25, 0.7])
def test_sound_behind_the_stated_end_is_read(tmp_path: Path, container: str, counted: float) -> None:
    path = tmp_path / "recording"
    data, sound = write(path, container)
    restate(data, container, -4 * round((1 - counted) * FRAMES))
    path.write_bytes(data)
    found, notes = read(path)
    np.testing.assert_array_equal(found, sound)
    assert notes == (f"its header counts {counted * 0.5:.3f} s of sound, but 0.500 s are there: all of it was taken",)


@pytest.mark.parametrize("wrong", [8, 36, 44, 1, 3])
def test_a_header_that_counts_itself_is_no_loss(tmp_path: Path, wrong: int) -> None:
    path = tmp_path / "recording.wav"
    data, sound = write(path, "WAV")
    restate(data, "WAV", wrong)
    path.write_bytes(data)
    found, notes = read(path)
    np.testing.assert_array_equal(found, sound)
    count = "1 byte" if wrong == 1 else f"{wrong} bytes"
    assert notes == (f"its header counts {count} of sound more than there are",)


@pytest.mark.parametrize("missing", [12, 100, 4_000])
def test_a_block_that_is_missing_is_one(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "recording.wav"
    data, _ = write(path, "WAV")
    path.write_bytes(data[:-missing])
    with pytest.raises(TruncatedError) as caught:
        read(path)
    assert "100.0" not in str(caught.value)
    found, notes = read(path, salvage=True)
    assert found.shape[1] == FRAMES - -(-missing // 4)
    assert "salvaged" in notes[-1]


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (b"LIST\x10\0\0\0INFOINAM\x04\0\0\0abc\0", ""),
        (b"id3 \xff\xff\0\0cut off", "cut off"),
        (b"zyxw\x04\0\0\0abcd", ""),
        (b"zyxw\0\0\0\0id3 \x04\0\0\0abcd" + b"yxwv\0\x10\0\0" + bytes(range(256)) * 16, ""),
        (b"TAG" + b"An old tag".ljust(125, b"\0") * 2, "no chunks"),
        (b"APETAGEX\xd0\x07\0\0" + bytes(range(256)) * 2, "no chunks"),
        (b"This was written by a program of 1997. " * 20, "no chunks"),
        (bytes(5_000), ""),
    ],
    ids=["chunk", "cut-chunk", "unknown-chunk", "empty-chunk", "ID3v1", "APEv2", "text", "zeros"],
)
def test_what_is_no_sound_stays_none(tmp_path: Path, rest: bytes, said: str) -> None:
    path = tmp_path / "recording.wav"
    data, sound = write(path, "WAV")
    path.write_bytes(data + rest)
    with open_recording(path) as recording:
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks()), axis=1), sound)
    assert (said in recording.notes[0]) if said else not recording.notes


@pytest.mark.parametrize("turns", [1, 2])
def test_a_size_that_went_round_at_four_gigabytes(turns: int) -> None:
    """A file of 4 GB and more that nobody has to write: its bytes are asked for in a few places only."""
    stated, last = 1_000_000, b"LIST\x04\0\0\0INFO"
    end = 44 + stated + (turns << 32)
    head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 2, 48_000, 192_000, 4, 16)
    head += b"data" + stated.to_bytes(4, "little")

    def read_at(position: int, count: int) -> bytes:
        if position >= end:
            return last[position - end :][:count]
        if position < len(head):
            return head[position:][:count]
        return b"\x91\x03" * (count // 2)

    found = find_sizes("WAV", tuple(walk_chunks(read_at, LAYOUTS["WAV"])), read_at, end + len(last))
    assert found.odd
    assert [(place.name, place.length) for place in found.places[-2:]] == [(b"data", end - 44), (b"LIST", 4)]
    assert abs(found.stated_share - stated / (end - 44)) < 1e-12


@pytest.mark.parametrize("blocks", [1, 2, 7, 50, 51])
def test_gsm_ends_with_its_last_whole_block(tmp_path: Path, blocks: int) -> None:
    """libsndfile makes 320 samples of noise of the byte that pads an odd number of blocks."""
    path = tmp_path / "call.wav"
    soundfile.write(path, noise(1)[0], 8_000, "GSM610", format="WAV")
    data = bytearray(path.read_bytes())
    start = data.index(b"data") + 8
    body = (bytes(data[start:]) * 9)[: 65 * blocks]
    struct.pack_into("<I", data, start - 4, len(body))
    path.write_bytes(bytes(data[:start]) + body + bytes(len(body) % 2))
    found, notes = read(path)
    assert found.shape == (1, 320 * blocks)
    assert not notes


@pytest.mark.parametrize(
    ("case", "frames", "note"),
    [
        ("05-gsm-wav-odd-blocks/gs_2.04.wav", 16_320, None),
        ("07-wav-wrapped-size/size_small.wav", 93_776, "counts 2.930 s of sound, but 11.722 s are there"),
        ("19-wav-size-off-by-header/size_plus44.wav", 93_776, "44 bytes"),
        ("19-wav-size-off-by-header/size_plus8.wav", 93_776, "8 bytes"),
        ("19-wav-size-off-by-header/oddbyte.wav", 93_775, "1 byte"),
    ],
)
def test_files_of_the_world(shared_cases: Path, case: str, frames: int, note: str | None) -> None:
    found, notes = read(shared_cases / case)
    assert found.shape[1] == frames
    assert note in notes[0] if note else not notes


def test_a_promise_is_as_long_as_the_header_says(tmp_path: Path) -> None:
    path = tmp_path / "recording.wav"
    data, _ = write(path, "WAV")
    restate(data, "WAV", -4 * 1_000)
    path.write_bytes(data)
    with open_recording(path) as recording:
        assert recording._source.promise == Promise(FRAMES - 1_000)
        assert recording.info.frames == FRAMES


@pytest.mark.parametrize("container", KINDS)
def test_no_size_at_all_ends_in_a_traceback(tmp_path: Path, container: str) -> None:
    path = tmp_path / "recording"
    data, _ = write(path, container)
    name, behind, form, _ = KINDS[container]
    width = struct.calcsize(form)
    for value in (0, 1, 7, 8, 255, 1 << 15, 2**31 - 1, 2**31, 2 ** (8 * width) - 1, 2 ** (8 * width - 1)):
        hostile = bytearray(data)
        struct.pack_into(form, hostile, data.index(name) + behind, value % (1 << 8 * width))
        path.write_bytes(hostile)
        for salvage in (False, True):
            try:
                read(path, salvage=salvage)
            except FileError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize(("container", "codec"), [("WAV", "FLOAT"), ("WAVEX", "DOUBLE"), ("AIFF", "FLOAT")])
def test_what_is_no_number_behind_numbers_is_no_sound(tmp_path: Path, container: str, codec: str) -> None:
    path = tmp_path / "recording"
    data, sound = write(path, container, codec)
    path.write_bytes(data + np.random.default_rng(0).bytes(5_000))
    found, notes = read(path)
    np.testing.assert_array_equal(found, sound)
    assert "bytes at its end" in notes[0]


@pytest.mark.parametrize("odd", [0, 1, 2, 3])
def test_numbers_behind_a_stated_end_within_one_are_sound(tmp_path: Path, odd: int) -> None:
    path = tmp_path / "recording"
    data, sound = write(path, "AIFF", "FLOAT")
    restate(data, "AIFF", -8_000 - odd)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path)[0], sound)


@pytest.mark.parametrize("change", [-100, -8, -2, -1, 1, 8])
def test_the_last_packet_of_a_codec_is_whole(tmp_path: Path, change: int) -> None:
    """libsndfile does not say that a packet is cut."""
    path = tmp_path / "recording"
    data, sound = write(path, "CAF", "ALAC_16")
    restate(data, "CAF", change)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path)[0], sound)
    path.write_bytes(data[:-200])
    with pytest.raises(TruncatedError):
        read(path)
