from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.output.wav import WavSink, pack_samples, wav_header


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("frames", [1, 101])
def test_libsndfile_reads_the_same_integers(bits: int, channels: int, frames: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(bits)
    samples = rng.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1, (channels, frames), endpoint=True, dtype=np.int32)
    path = tmp_path / "x.wav"
    with path.open("wb", buffering=0) as written:
        chosen = OutputFormat("wav", f"PCM_{bits}", bits, ".wav")
        sink = WavSink(written.fileno(), chosen, channels=channels, frames=frames, seekable=True)
        sink.write(samples)
        sink.finish()
    data = path.read_bytes()
    assert len(data) % 2 == 0
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    with soundfile.SoundFile(path) as file:
        assert (file.samplerate, file.channels, file.frames) == (48000, channels, frames)
        assert file.subtype == f"PCM_{bits}"
        found = file.read(dtype="int32", always_2d=True)
    np.testing.assert_array_equal(found.T >> (32 - bits), samples)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_libsndfile_reads_the_same_floats(channels: int, rng: np.random.Generator) -> None:
    samples = rng.standard_normal((channels, 50)).astype(np.float32) * 3
    data = wav_header(50, channels=channels, bits=32, is_float=True) + pack_samples(samples, 32)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert file.subtype == "FLOAT"
        found = file.read(dtype="float32", always_2d=True)
    np.testing.assert_array_equal(found.T, samples)


def test_over_4_gb_is_rf64(tmp_path: Path) -> None:
    frames = 800_000_000  # 4.8 GB of stereo in 24 bits, as a file with a hole
    header = wav_header(frames, channels=2, bits=24, is_float=False)
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + frames * 6)
    info = soundfile.info(path)
    assert (info.format, info.frames, info.channels) == ("RF64", frames, 2)
    riff = struct.unpack("<Q", header[20:28])[0]
    assert riff == path.stat().st_size - 8


def test_largest_wav_and_smallest_rf64() -> None:
    largest = (0xFFFFFFFF - 36) // 2
    assert wav_header(largest, channels=1, bits=16, is_float=False)[:4] == b"RIFF"
    assert wav_header(largest + 1, channels=1, bits=16, is_float=False)[:4] == b"RF64"


def test_a_long_stream_leaves_its_length_open() -> None:
    header = wav_header(3_000_000_000, channels=1, bits=16, is_float=False, seekable=False)
    assert header[:8] == b"RIFF\xff\xff\xff\xff"
    assert header[-8:] == b"data\xff\xff\xff\xff"
