from __future__ import annotations

import os
import stat
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.recording import BLOCK_FRAMES, check_limits
from hifisr_cli.errors import (
    EmptyAudioError,
    FileError,
    NonFiniteError,
    NotAudioError,
    TruncatedError,
    UnreadableError,
    UnsupportedError,
)
from hifisr_cli.results import AudioInfo

Audio = np.ndarray[Any, np.dtype[np.float32]]
RATES = (4000, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000)
KINDS = [  # container, codec, bits, greatest error of a round trip (None: lossy)
    ("WAV", "PCM_U8", 8, 2**-7),
    ("WAV", "PCM_16", 16, 2**-15),
    ("WAV", "PCM_24", 24, 2**-23),
    ("WAV", "PCM_32", 32, 2**-24),
    ("WAV", "FLOAT", 32, 0.0),
    ("WAV", "DOUBLE", 64, 0.0),
    ("WAV", "ULAW", None, 0.02),
    ("WAV", "ALAW", None, 0.02),
    ("WAVEX", "PCM_24", 24, 2**-23),
    ("RF64", "PCM_24", 24, 2**-23),
    ("W64", "PCM_16", 16, 2**-15),
    ("AIFF", "PCM_16", 16, 2**-15),
    ("AIFF", "PCM_24", 24, 2**-23),
    ("AU", "PCM_16", 16, 2**-15),
    ("CAF", "PCM_16", 16, 2**-15),
    ("FLAC", "PCM_16", 16, 2**-15),
    ("FLAC", "PCM_24", 24, 2**-23),
    ("OGG", "VORBIS", None, None),
    ("OGG", "OPUS", None, None),
    ("MP3", "MPEG_LAYER_III", None, None),
]
IDS = [f"{kind[0]}-{kind[1]}" for kind in KINDS]


def sound(frames: int = 30_000, channels: int = 2, seed: int = 0) -> Audio:
    return (np.random.default_rng(seed).standard_normal((channels, frames)) * 0.1).astype(np.float32)


def write(path: Path, audio: Audio, rate: int, container: str, codec: str) -> bytes:
    with soundfile.SoundFile(path, "w", rate, audio.shape[0], codec, format=container) as file:
        for start in range(0, audio.shape[1], 65536):
            file.write(audio[:, start : start + 65536].T)
    return path.read_bytes()


def decode(path: Path, frames: int = 65_536) -> tuple[Audio, AudioInfo]:
    with open_recording(path) as recording:
        return np.concatenate(list(recording.blocks(frames)), axis=1), recording.info


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_round_trip(tmp_path: Path, kind: tuple[str, str, int | None, float | None], channels: int) -> None:
    container, codec, bits, tolerance = kind
    path, audio = tmp_path / "recording", sound(channels=channels)
    write(path, audio, 48000, container, codec)
    found, info = decode(path)
    assert found.dtype == np.float32
    assert found.shape == audio.shape
    assert (info.container, info.codec, info.bits, info.frames) == (container, codec, bits, audio.shape[1])
    assert info.is_float == (codec in ("FLOAT", "DOUBLE"))
    assert info.lossy == (tolerance is None)
    if tolerance is not None:
        assert np.abs(found - audio).max() <= tolerance


@pytest.mark.parametrize(("container", "codec"), [kind[:2] for kind in KINDS], ids=IDS)
def test_blocks_join_to_the_whole(tmp_path: Path, container: str, codec: str) -> None:
    path = tmp_path / "recording"
    write(path, sound(50_000), 48000, container, codec)
    whole, _ = decode(path, 10**6)
    for frames in (4096, 11_111):
        with open_recording(path) as recording:
            parts = list(recording.blocks(frames))
        assert {part.shape[1] for part in parts[:-1]} == {frames}
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("container", ["WAV", "RF64", "AIFF", "FLAC"])
def test_every_rate(tmp_path: Path, rate: int, container: str) -> None:
    path = tmp_path / "recording"
    write(path, sound(1000, 1), rate, container, "PCM_16")
    found, info = decode(path)
    assert (info.sample_rate, found.shape) == (rate, (1, 1000))
    assert info.seconds == 1000 / rate


def test_eight_channels_keep_their_order(tmp_path: Path) -> None:
    path, audio = tmp_path / "a.wav", sound(channels=8)
    write(path, audio, 16000, "WAV", "FLOAT")
    np.testing.assert_array_equal(decode(path)[0], audio)


@pytest.mark.parametrize("name", ["a.raw", "a.mp3", "a", "a.txt", pytest.param("ä\udcff.wav", marks=pytest.mark.posix)])
def test_the_name_does_not_matter(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (tmp_path / "a.tmp").rename(path) if write(tmp_path / "a.tmp", sound(500), 8000, "FLAC", "PCM_16") else None
    assert decode(path)[1].container == "FLAC"


@pytest.mark.parametrize(
    ("container", "codec"),
    [kind[:2] for kind in KINDS if kind[0] != "CAF"],  # libsndfile opens no cut CAF at all
)
def test_truncated(tmp_path: Path, container: str, codec: str) -> None:
    path = tmp_path / "recording"
    data = write(path, sound(100_000), 48000, container, codec)
    # Less than a frame of MP3 is no loss.
    for end in (len(data) * 97 // 100, len(data) * 9 // 10, len(data) // 2):
        path.write_bytes(data[:end])
        with pytest.raises(TruncatedError) as caught:
            decode(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.hint


@pytest.mark.parametrize("container", ["WAV", "RF64", "AIFF", "FLAC", "OGG", "MP3", "CAF", "W64", "AU"])
def test_only_a_few_bytes_are_a_files_failure(tmp_path: Path, container: str) -> None:
    path = tmp_path / "recording"
    data = write(path, sound(10_000), 48000, container, soundfile.default_subtype(container))
    for end in (1, 4, 11, 12, 20, 36, 43):
        path.write_bytes(data[:end])
        with pytest.raises(FileError):
            decode(path)


def test_damage_in_the_middle_of_flac(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    data = bytearray(write(path, sound(200_000), 48000, "FLAC", "PCM_16"))
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(TruncatedError):
        decode(path)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000 + 24, 0xFFFFFFFF - 36])
@pytest.mark.parametrize("riff", [0, 36, 0xFFFFFFFF])
def test_streamed_wav_has_no_length(tmp_path: Path, size: int, riff: int) -> None:
    path, audio = tmp_path / "a.wav", sound(100_000)
    data = bytearray(write(path, audio, 16000, "WAV", "PCM_16"))
    struct.pack_into("<I", data, data.index(b"data") + 4, size)
    struct.pack_into("<I", data, 4, riff)
    path.write_bytes(data)
    found, info = decode(path)
    assert found.shape == audio.shape
    assert info.frames == audio.shape[1]
    assert np.abs(found - audio).max() < 2**-15


def test_nothing_but_chunks_after_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    data = write(path, sound(0), 16000, "WAV", "PCM_16")
    path.write_bytes(data + b"LIST" + struct.pack("<I", 4) + b"INFO")
    with pytest.raises(EmptyAudioError):
        decode(path)


def test_odd_chunks_and_missing_padding(tmp_path: Path) -> None:
    path, audio = tmp_path / "a.wav", sound(1001, 1)
    data = write(path, audio, 16000, "WAV", "PCM_U8")
    at = data.index(b"data")
    extra = b"note" + struct.pack("<I", 3) + b"abc\0"
    path.write_bytes(data[:at] + extra + data[at : at + 8 + 1001])  # no byte of padding at the end
    assert decode(path)[0].shape == audio.shape


def test_chunks_after_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    data = write(path, sound(1000), 16000, "WAV", "PCM_16")
    path.write_bytes(data + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert decode(path)[0].shape == (2, 1000)


def test_flac_of_unknown_length(tmp_path: Path) -> None:
    audio, path = sound(100_000), tmp_path / "a.flac"
    data = bytearray(write(path, audio, 48000, "FLAC", "PCM_16"))
    data[21] &= 0xF0  # the number of samples: 36 bits, which an encoder that writes into a pipe leaves 0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    found, info = decode(path)
    assert info.frames is None
    assert info.seconds is None
    assert found.shape == audio.shape


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers(tmp_path: Path, bad: float) -> None:
    path, audio = tmp_path / "a.wav", sound(70_000, 2)
    audio[1, 66_000] = bad
    write(path, audio, 8000, "WAV", "FLOAT")
    with pytest.raises(NonFiniteError, match=r"at 8\.250 s"):
        decode(path)


def test_a_double_too_large_for_float32_is_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.array([0.0, 1e300]), 8000, subtype="DOUBLE")
    with pytest.raises(NonFiniteError):
        decode(path)


@pytest.mark.parametrize("container", ["WAV", "RF64", "AIFF", "AU", "CAF"])
def test_no_samples(tmp_path: Path, container: str) -> None:
    path = tmp_path / "a"
    write(path, sound(0), 8000, container, "PCM_16")
    with pytest.raises(EmptyAudioError):
        decode(path)


def test_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    with pytest.raises(EmptyAudioError, match="empty"):
        decode(path)


@pytest.mark.parametrize(
    "content",
    [b"Dear diary, today\n" * 100, bytes(5000), b"RIFF", b"\x89PNG\r\n\x1a\n" + bytes(300), b"ID3" + b"z" * 500, b"x"],
)
def test_not_audio(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        decode(path)
    assert isinstance(caught.value, NotAudioError)
    assert str(path) in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        open_recording(tmp_path / "a.wav")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is a folder"):
        open_recording(tmp_path)


@pytest.mark.posix
def test_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "gone.wav")
    with pytest.raises(UnreadableError):
        open_recording(tmp_path / "a.wav")


@pytest.mark.posix
def test_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(UnreadableError, match="regular"):
        open_recording(tmp_path / "a.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, sound(100), 8000, "WAV", "PCM_16")
    path.chmod(stat.S_IWUSR)
    with pytest.raises(UnreadableError, match="permission denied"):
        open_recording(path)


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU"])
@pytest.mark.parametrize("channels", [10, 64])
def test_many_channels_keep_their_order(tmp_path: Path, container: str, channels: int) -> None:
    path, audio = tmp_path / "a.wav", sound(20_000, channels)
    write(path, audio, 8000, container, "FLOAT" if container != "W64" else "PCM_24")
    with open_recording(path) as recording:
        blocks = list(recording.blocks())
    assert max(block.size for block in blocks) <= 8 * BLOCK_FRAMES
    np.testing.assert_allclose(np.concatenate(blocks, axis=1), audio, atol=2**-23)


def test_more_channels_than_any_line_carries(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, sound(100, 65), 8000, "WAV", "PCM_16")
    with pytest.raises(UnsupportedError, match="65 channels; up to 64"):
        open_recording(path)


def test_no_channels_are_a_damaged_header() -> None:
    with pytest.raises(UnsupportedError, match=r"no channels \(the header may be damaged\)"):
        check_limits(Path("a.wav"), sample_rate=8000, channels=0)


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2_000_000_000])
def test_a_rate_that_cannot_be(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    data = bytearray(write(path, sound(100, 1), 8000, "WAV", "PCM_16"))
    struct.pack_into("<I", data, data.index(b"fmt ") + 12, rate)
    path.write_bytes(data)
    with pytest.raises(UnsupportedError, match="sample rate"):
        open_recording(path)


def test_blocks_can_be_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, sound(100), 8000, "WAV", "PCM_16")
    with open_recording(path) as recording:
        list(recording.blocks())
        with pytest.raises(ValueError, match="once"):
            next(recording.blocks())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.wav", tmp_path / "b.wav"
    write(good, sound(100), 8000, "WAV", "PCM_16")
    bad.write_bytes(b"nothing" * 100)
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    for _ in range(3):
        decode(good)
        with pytest.raises(NotAudioError):
            decode(bad)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before
