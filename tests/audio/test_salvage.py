"""What is readable of a damaged recording, and the words that say how much it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decode import open_recording
from hifisr_cli.audio.source import Recording
from hifisr_cli.errors import EmptyAudioError, FileError, NonFiniteError, TruncatedError

RATE = 16_000
KINDS = [
    ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"),
    ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip


def write(path: Path, container: str = "WAV", codec: str = "PCM_16", seconds: float = 4.0) -> np.ndarray:
    audio = (np.random.default_rng(0).standard_normal((round(seconds * RATE), 2)) * 0.1).astype(np.float32)
    soundfile.write(path, audio, RATE, format=container, subtype=codec)
    return audio.T


def salvage(path: Path) -> tuple[np.ndarray, Recording]:
    with open_recording(path, salvage=True) as recording:
        return np.concatenate(list(recording.blocks(5_000)), axis=1), recording


@pytest.mark.parametrize(("container", "codec"), KINDS)
def test_the_first_part_of_a_truncated_recording(tmp_path: Path, container: str, codec: str) -> None:
    path = tmp_path / "a"
    write(path, container, codec)
    whole, recording = salvage(path)
    assert (recording.salvaged, recording.notes) == (False, ())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(TruncatedError, match="--salvage"), open_recording(path) as broken:
        list(broken.blocks())
    found, recording = salvage(path)
    assert recording.salvaged
    assert recording.notes[0].startswith(f"salvaged: {found.shape[1] / RATE:.3f}")
    assert "s readable" in recording.notes[0]
    assert 0.4 * 4 * RATE < found.shape[1] < 0.7 * 4 * RATE
    same = found.shape[1] - 5_000
    skip = 0 if codec != "MPEG_LAYER_III" else 1105  # a cut MP3 has lost what says how many samples an encoder added
    np.testing.assert_allclose(found[:, skip : skip + same], whole[:, :same], atol=1e-6)


def test_how_much_there_should_have_been(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    path.write_bytes(path.read_bytes()[: 44 + 4 * RATE])
    assert salvage(path)[1].notes == ("salvaged: 1.000 of 4.000 s readable",)


def test_flac_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    audio = write(path, "FLAC", seconds=10.0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3_000] = bytes(3_000)
    path.write_bytes(data)
    found, recording = salvage(path)
    assert recording.salvaged
    assert found.shape[1] > 4 * RATE
    np.testing.assert_allclose(found[:, : 4 * RATE], audio[:, : 4 * RATE], atol=2**-14)


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    audio = np.full((1_000, 2), 0.25, np.float32)
    audio[10, 0], audio[500], audio[999, 1] = np.nan, np.inf, -np.inf
    soundfile.write(path, audio, RATE, subtype="FLOAT")
    with pytest.raises(NonFiniteError, match="--salvage"), open_recording(path) as broken:
        list(broken.blocks())
    found, recording = salvage(path)
    np.testing.assert_array_equal(found.T, np.where(np.isfinite(audio), audio, 0))
    assert recording.notes == ("salvaged: 4 samples that are no numbers were replaced by silence",)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"RIFF\x24\0\0\0WAVE", b"fLaC" + bytes(60), b"not a recording"])
def test_nothing_to_be_salvaged(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(FileError) as caught:
        salvage(path)
    assert (data != b"") or isinstance(caught.value, EmptyAudioError)
