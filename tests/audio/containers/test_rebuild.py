"""Files in which libsndfile loses its way: the samples are those of the file as it should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.recording import Block

KINDS = [
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("WAV", "GSM610"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"),
    ("WAVEX", "PCM_24"), ("RF64", "PCM_24"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AIFF", "ULAW"), ("AIFF", "FLOAT"),
    ("CAF", "PCM_24"), ("CAF", "ALAC_16"), ("AU", "PCM_16"),
]  # fmt: skip
IDS = ["-".join(kind) for kind in KINDS]


@pytest.fixture
def good(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[bytes, Block]:
    """A file and its samples."""
    container, codec = request.param
    path = tmp_path / "good"
    sound = np.random.default_rng(0).standard_normal(5_000) * 0.1
    soundfile.write(path, sound, 8_000, codec, format=container)
    return path.read_bytes(), read(path)[0]


def read(path: Path) -> tuple[Block, tuple[str, ...]]:
    with open_recording(path) as recording:
        return np.concatenate(list(recording.blocks()), axis=1), recording.notes


@pytest.mark.parametrize("good", KINDS, indirect=True, ids=IDS)
@pytest.mark.parametrize("behind", ["RIFF", "FORM", "itself", "a tag", "text"])
def test_what_stands_behind_it_is_told_of(tmp_path: Path, good: tuple[bytes, Block], behind: str) -> None:
    data, sound = good
    other = {
        "RIFF": b"RIFF\x64\x10\0\0WAVEfmt " + bytes(range(1, 250)) * 20,
        "FORM": b"FORM\0\0\x10\x64AIFFCOMM" + bytes(range(1, 250)) * 20,
        "itself": data,
        "a tag": b"TAG" + b"An old tag".ljust(125, b"\0") * 3,
        "text": b"This was written by a program of 1997. " * 20,
    }
    path = tmp_path / "recording"
    path.write_bytes(data + other[behind])
    found, notes = read(path)
    np.testing.assert_array_equal(found, sound)
    assert f"{len(other[behind])} bytes at its end" in notes[0]


@pytest.mark.parametrize(
    "good", [kind for kind in KINDS if kind[0] in ("WAV", "WAVEX", "RF64", "AIFF")], indirect=True, ids=str
)
@pytest.mark.parametrize("name", [b"LIST", b"NAME", b"abcd"])
def test_an_odd_chunk_without_its_padding(tmp_path: Path, good: tuple[bytes, Block], name: bytes) -> None:
    data, sound = good
    order, place = ("big", data.index(b"COMM")) if data[:4] == b"FORM" else ("little", data.rindex(b"data"))
    path = tmp_path / "recording"
    path.write_bytes(data[:place] + name + (3).to_bytes(4, order) + b"xyz" + data[place:])
    found, notes = read(path)
    np.testing.assert_array_equal(found, sound)
    assert not notes


@pytest.mark.parametrize("good", KINDS, indirect=True, ids=IDS)
def test_behind_an_id3_tag(tmp_path: Path, good: tuple[bytes, Block]) -> None:
    data, sound = good
    path = tmp_path / "recording"
    path.write_bytes(b"ID3\x03\0\0\0\0\x01\x00" + bytes(128) + data)
    found, notes = read(path)
    np.testing.assert_array_equal(found, sound)
    assert not notes


@pytest.mark.parametrize("good", KINDS, indirect=True, ids=IDS)
def test_zeros_behind_it_are_no_sound(tmp_path: Path, good: tuple[bytes, Block]) -> None:
    data, sound = good
    path = tmp_path / "recording"
    path.write_bytes(data + bytes(600))
    np.testing.assert_array_equal(read(path)[0], sound)
