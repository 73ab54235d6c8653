"""Metadata in whole runs: what is synthetic is said in every container, and nothing of it fails a file."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.restore.file import RestoreOptions, restore_file
from hifisr_cli.restore.pipe import restore_live

STATEMENT = b"Bandwidth extended above 3.5 kHz by hifisr"
Speech = Callable[..., np.ndarray]


def source(folder: Path, speech_like: Speech, extra: bytes = b"") -> Path:
    """A second of telephone speech with chunks behind it."""
    path = folder / "in.wav"
    soundfile.write(path, speech_like(1.0, 8000, cutoff_hz=3400).T, 8000, subtype="PCM_16")
    data = path.read_bytes() + extra
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    return path


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff"])
def test_every_restored_output_says_so(tmp_path: Path, tiny_model: Engine, speech_like: Speech, suffix: str) -> None:
    path = source(tmp_path, speech_like)
    target = tmp_path / f"out{suffix}"
    result = restore_file(path, target, model=tiny_model, options=RestoreOptions(cutoff_hz=3500.0))
    assert (result.status, result.warnings) == ("restored", ())
    assert STATEMENT in target.read_bytes()


def test_chunks_survive_and_damage_is_a_warning(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    cue = b"cue " + struct.pack("<II", 28, 1) + struct.pack("<II4sIII", 1, 4000, b"data", 0, 0, 4000)
    kept = b"abcd\x03\0\0\0xyz\0"
    path = source(tmp_path, speech_like, cue + kept + b"iXML\xff\0\0\0<BWFXML>")
    before = path.read_bytes()
    target = tmp_path / "out.wav"
    result = restore_file(path, target, model=tiny_model, options=RestoreOptions(cutoff_hz=3500.0))
    assert result.warnings == ("its iXML chunk is cut off and was left out",)
    data = target.read_bytes()
    assert data.endswith(cue.replace(struct.pack("<I", 4000), struct.pack("<I", 24_000)) + kept)
    assert soundfile.info(target).frames == 48_000
    assert path.read_bytes() == before


def test_time_of_modification_can_be_kept(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    path = source(tmp_path, speech_like)
    os.utime(path, ns=(1_000_000_000, 946_684_800_000_000_000))
    for suffix, keep in ((".wav", True), (".flac", True), (".wav", False)):
        target = tmp_path / f"out{suffix}"
        options = RestoreOptions(cutoff_hz=3500.0, overwrite=True, keep_mtime=keep)
        restore_file(path, target, model=tiny_model, options=options)
        assert (target.stat().st_mtime_ns == 946_684_800_000_000_000) == keep


@pytest.mark.parametrize("container", ["wav", "flac"])
def test_pipes_say_so_too(
    tmp_path: Path,
    tiny_model: Engine,
    speech_like: Speech,
    capfdbinary: pytest.CaptureFixture[bytes],
    container: Literal["wav", "flac"],
) -> None:
    data = source(tmp_path, speech_like).read_bytes()
    start = data.index(b"data")
    before = b"abcd\x03\0\0\0xyz\0" + b"LIST\x12\0\0\0INFOINAM\x06\0\0\0Title\0"
    data = data[:4] + struct.pack("<I", len(data) + len(before) - 8) + data[8:start] + before + data[start:]
    recording = open_stream(ByteStream(io.BytesIO(data)), Path("-"))
    assert recording is not None
    restore_live(recording, model=tiny_model, options=RestoreOptions(cutoff_hz=3500.0, format=container), label="-")
    found = capfdbinary.readouterr().out
    assert STATEMENT in found
    assert b"Title" in found
    assert (b"abcd\x03\0\0\0xyz\0" in found) == (container == "wav")
    with soundfile.SoundFile(io.BytesIO(found)) as file:
        assert file.frames == 48_000


@pytest.mark.parametrize("kind", ["FLAC", "MP3"])
@pytest.mark.parametrize("container", ["wav", "flac"])
def test_tags_of_a_stream_reach_its_output(  # noqa: PLR0917
    tmp_path: Path,
    tiny_model: Engine,
    speech_like: Speech,
    capfdbinary: pytest.CaptureFixture[bytes],
    kind: str,
    container: Literal["wav", "flac"],
) -> None:
    mutagen = pytest.importorskip("mutagen")
    path = tmp_path / "in"
    soundfile.write(path, speech_like(1.0, 8000, cutoff_hz=3400).T, 8000, format=kind)
    file = mutagen.File(path)
    if kind == "FLAC":
        file["title"], file["artist"] = "Für Élise", ["Ludwig", "Elise"]
        file.save()
    else:
        from mutagen.id3 import ID3, TIT2, TPE1

        tag = ID3()
        tag.add(TIT2(encoding=3, text="Für Élise"))
        tag.add(TPE1(encoding=3, text=["Ludwig", "Elise"]))
        tag.save(path)
    recording = open_stream(ByteStream(io.BytesIO(path.read_bytes())), Path("-"))
    assert recording is not None
    restore_live(recording, model=tiny_model, options=RestoreOptions(cutoff_hz=3500.0, format=container), label="-")
    out = tmp_path / f"out.{container}"
    out.write_bytes(capfdbinary.readouterr().out)
    found = mutagen.File(out)
    if container == "flac":
        assert (found["title"], found["artist"]) == (["Für Élise"], ["Ludwig", "Elise"])
    else:
        assert str(found["TIT2"]) == "Für Élise"
        assert list(found["TPE1"].text) == ["Ludwig", "Elise"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_the_cases_of_tags_that_vanished(
    tmp_path: Path, tiny_model: Engine, shared_cases: Path, ffmpeg: str, suffix: str
) -> None:
    """Whatever a recording says of itself is in its output, and there is nothing to warn of."""
    pytest.importorskip("mutagen")
    cases = [path for path in (shared_cases / "09-tags-lost-silently").iterdir() if path.name != "README"]
    assert len(cases) == 7
    for path in cases:
        target = tmp_path / f"{path.name}{suffix}"
        result = restore_file(path, target, model=tiny_model, options=RestoreOptions(cutoff_hz=3500.0))
        assert [warning for warning in result.warnings if "full scale" not in warning] == []
        data = target.read_bytes()
        assert STATEMENT in data
        assert b"Interview" in data
        if path.name == "a.wma":
            assert [word for word in (b"QZ1234567890", b"Box 12/3", b"image/jpeg") if word not in data] == []
