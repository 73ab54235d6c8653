from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.mpeg import MpegScan, parse_frame, scan_mpeg
from hifisr_cli.audio.containers.signatures import identify
from hifisr_cli.audio.open import open_recording
from hifisr_cli.errors import TruncatedError
from hifisr_cli.system.files import open_file, read_at

LENGTH = 240_077


def tone_mp3(path: Path, mode: str = "VARIABLE", rate: int = 48000, channels: int = 2) -> bytes:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((LENGTH, channels)).astype(np.float32) * 0.1
    audio[: LENGTH // 2] *= 0.001  # so that variable rates vary
    with soundfile.SoundFile(
        path, "w", rate, channels, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.5, bitrate_mode=mode
    ) as file:
        for start in range(0, LENGTH, 65536):
            file.write(audio[start : start + 65536])
    return path.read_bytes()


def scan(path: Path) -> MpegScan | None:
    fd = open_file(path, os.O_RDONLY)
    try:
        return scan_mpeg(fd, identify(lambda position, count: read_at(fd, count, position)).start)
    finally:
        os.close(fd)


def decode(path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    with open_recording(path) as recording:
        return np.concatenate(list(recording.blocks(5000)), axis=1)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize(("rate", "channels"), [(48000, 2), (44100, 1), (22050, 1), (11025, 2)])
def test_frames_are_counted(tmp_path: Path, mode: str, rate: int, channels: int) -> None:
    path = tmp_path / "a.mp3"
    tone_mp3(path, mode, rate, channels)
    found = scan(path)
    assert found is not None
    assert found.frames == found.promised
    assert found.samples == (1152 if rate > 24000 else 576)
    assert not found.cut


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_read_whole_without_a_header_frame(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.mp3"
    data = tone_mp3(path, mode)
    reference = decode(path)
    head = parse_frame(data)
    assert head is not None
    bare = tmp_path / "bare.mp3"
    bare.write_bytes(data[head.length :])
    found = decode(bare)
    assert reference.shape == (2, LENGTH)
    assert found.shape[1] % 1152 == 0
    delay = 1105  # of encoder and decoder, which the header frame would have told
    np.testing.assert_array_equal(found[:, delay : delay + LENGTH], reference)


def test_tags_around_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    data = tone_mp3(path)
    reference = decode(path)
    path.write_bytes(b"ID3\x04\0\0\0\0\x10\0" + bytes(2048) + data + b"TAG" + bytes(125))
    np.testing.assert_array_equal(decode(path), reference)


def test_two_files_in_one_are_read_both(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    data = tone_mp3(path)
    path.write_bytes(data + data)
    assert decode(path).shape[1] > 2 * LENGTH


def test_leaving_a_piped_file_early(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    data = tone_mp3(path)
    path.write_bytes(data * 3)
    before = threading.active_count()
    for _ in range(3):
        with open_recording(path) as recording:
            next(recording.blocks(1000))
    assert threading.active_count() == before


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_cut_files_with_and_without_a_header_frame(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.mp3"
    data = tone_mp3(path, mode)
    head = parse_frame(data)
    assert head is not None
    for content in (data, data[head.length :]):
        for end in (len(content) - 1, len(content) * 2 // 3 + 100):
            path.write_bytes(content[:end])
            with pytest.raises(TruncatedError):
                decode(path)


def test_what_is_no_frame() -> None:
    for data in (b"", b"\xff", b"RIFF", b"\xff\xff\xff\xff", b"\xff\xfb\xf0\0", b"\xff\xf1\x50\x80", b"\xff\xfb\x9c\0"):
        assert parse_frame(data) is None


def test_no_frames_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3\x04\0\0\0\0\0\x10" + bytes(5000))
    assert scan(path) is None
    path.write_bytes(b"\xff\xfb\x90\x00" + bytes(100))
    assert scan(path) is None
