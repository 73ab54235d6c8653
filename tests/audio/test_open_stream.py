"""A recording from a pipe gives the samples that it gives as a file."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.errors import EmptyAudioError, FileError, TruncatedError, UnsupportedError

RATE = 16_000
KINDS = [
    ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"),
    ("WAV", "ULAW"), ("WAV", "ALAW"), ("WAVEX", "PCM_24"), ("RF64", "PCM_24"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"),
    pytest.param("OGG", "VORBIS", marks=pytest.mark.posix), ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip


class Dribble(io.BytesIO):
    """A pipe that never has much at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 777))

    def fileno(self) -> int:
        raise OSError


def sound(seconds: float = 3.0, channels: int = 2) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal((round(seconds * RATE), channels)) * 0.1).astype(np.float32)


def as_file(path: Path, *, salvage: bool = False) -> np.ndarray:
    with open_recording(path, salvage=salvage) as recording:
        return np.concatenate(list(recording.blocks()), axis=1)


def as_stream(data: bytes, *, salvage: bool = False) -> tuple[np.ndarray, int | None]:
    recording = open_stream(ByteStream(Dribble(data)), Path("-"), salvage=salvage)
    assert recording is not None
    return np.concatenate(list(recording.blocks(1600)), axis=1), recording.info.frames


@pytest.mark.parametrize(("container", "codec"), KINDS)
def test_the_same_samples_as_from_a_file(tmp_path: Path, container: str, codec: str) -> None:
    path = tmp_path / "a"
    soundfile.write(path, sound(), RATE, format=container, subtype=codec)
    found, promised = as_stream(path.read_bytes())
    np.testing.assert_array_equal(found, as_file(path))
    assert promised in (None, 1 << 62, found.shape[1])


@pytest.mark.parametrize("options", [["-b:a", "64k"], ["-q:a", "4"], ["-q:a", "4", "-write_xing", "0"]])
def test_mp3_is_what_ffmpeg_decodes(tmp_path: Path, ffmpeg: str, options: list[str]) -> None:
    wav, path = tmp_path / "a.wav", tmp_path / "a.mp3"
    soundfile.write(wav, sound(5.0), RATE)
    subprocess.run([ffmpeg, "-v", "error", "-i", wav, *options, "-metadata", "title=" + "x" * 5000, path], check=True)
    raw = subprocess.run([ffmpeg, "-v", "error", "-i", path, "-f", "f32le", "-"], check=True, capture_output=True)
    expected = np.frombuffer(raw.stdout, np.float32).reshape(-1, 2).T
    for found in (as_file(path), as_stream(path.read_bytes())[0]):
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000 + 24])
def test_a_wav_stream_of_unknown_length(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(1.0), RATE)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"data") + 4, size)
    struct.pack_into("<I", data, 4, 0xFFFFFFFF)
    found, promised = as_stream(bytes(data))
    assert promised is None
    np.testing.assert_array_equal(found, as_file(path) if size else found)
    assert found.shape == (2, RATE)


@pytest.mark.parametrize(("container", "codec"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")])
def test_a_stream_that_breaks_off(tmp_path: Path, container: str, codec: str) -> None:
    path = tmp_path / "a"
    soundfile.write(path, sound(), RATE, format=container, subtype=codec)
    half = path.read_bytes()[: path.stat().st_size // 2]
    with pytest.raises(TruncatedError):
        as_stream(half)
    found, _ = as_stream(half, salvage=True)
    assert 0.3 * 3 * RATE < found.shape[1] < 0.7 * 3 * RATE


def test_what_needs_a_file_is_left_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.aiff"
    soundfile.write(path, sound(1.0), RATE)
    stream = ByteStream(Dribble(path.read_bytes()))
    assert open_stream(stream, Path("-")) is None
    assert stream.exactly(1 << 24) == path.read_bytes()


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"fLaC" + bytes(100), b"RIFF\0\0\0\0WAVEfmt ", b"ID3\4\0\0\x7f\x7f\x7f\x7f"]
)
def test_rubbish_is_refused_or_left(data: bytes) -> None:
    stream = ByteStream(Dribble(data))
    try:
        found = open_stream(stream, Path("-"))
    except FileError as error:
        assert data == b"" or not isinstance(error, EmptyAudioError)
    else:
        assert found is None
        assert stream.exactly(1000) == data


def test_an_absurd_header_in_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(1.0), RATE)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 24, 3_000_000_000)
    with pytest.raises(UnsupportedError, match="sample rate"):
        as_stream(bytes(data))
