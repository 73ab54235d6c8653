from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.ogg import ends_properly, set_serial
from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.system.files import open_file, read_at


def reader(fd: int) -> ReadAt:
    return lambda position, count: read_at(fd, count, position)


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_serial_number_leaves_the_sound_alone(tmp_path: Path, codec: str, rng: np.random.Generator) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, rng.standard_normal(48000) * 0.1, 48000, subtype=codec, format="OGG")
    before, _ = soundfile.read(path)
    fd = open_file(path, os.O_RDWR)
    try:
        set_serial(fd, 1234)
        assert ends_properly(reader(fd), path.stat().st_size)
    finally:
        os.close(fd)
    after, _ = soundfile.read(path)
    np.testing.assert_array_equal(after, before)
    data = path.read_bytes()
    assert data[14:18] == (1234).to_bytes(4, "little")
    assert data.count((1234).to_bytes(4, "little")) >= data.count(b"OggS")


def test_own_checksum_is_the_one_of_libogg(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, rng.standard_normal(8000) * 0.1, 48000, subtype="VORBIS", format="OGG")
    original = path.read_bytes()
    fd = open_file(path, os.O_RDWR)
    try:
        set_serial(fd, int.from_bytes(original[14:18], "little"))
    finally:
        os.close(fd)
    assert path.read_bytes() == original


def test_end(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, rng.standard_normal(96000) * 0.1, 48000, subtype="VORBIS", format="OGG")
    data = path.read_bytes()
    last = data.rfind(b"OggS")
    for cut, whole in ((len(data), True), (len(data) - 1, False), (last, False), (last + 10, False), (40, False)):
        path.write_bytes(data[:cut])
        fd = open_file(path, os.O_RDONLY)
        try:
            assert ends_properly(reader(fd), cut) is whole
        finally:
            os.close(fd)
