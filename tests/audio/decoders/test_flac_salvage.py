"""What is readable of a damaged recording, and the words that say how much it is."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.recording import Recording
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
    assert recording.notes[-1].startswith(f"salvaged: {found.shape[1] / RATE:.3f}")
    assert "s readable" in recording.notes[-1]
    assert 0.4 * 4 * RATE < found.shape[1] < 0.7 * 4 * RATE
    same = found.shape[1] - 5_000
    np.testing.assert_allclose(found[:, :same], whole[:, :same], atol=1e-6)


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


PAGE = 1.1
"""Seconds of an Ogg page at most, as libsndfile writes them here."""

FLAC_FRAME = 4096 / RATE
MPEG_FRAME = 576 / RATE


@pytest.mark.parametrize("share", [0.03, 0.1, 0.5, 0.99])
@pytest.mark.parametrize(
    ("container", "codec", "granule"),
    [
        ("WAV", "PCM_16", 0.0),
        ("RF64", "PCM_24", 0.0),
        ("AIFF", "PCM_16", 0.0),
        ("AU", "PCM_16", 0.0),
        ("FLAC", "PCM_16", FLAC_FRAME),
        ("FLAC", "PCM_24", FLAC_FRAME),
        ("MP3", "MPEG_LAYER_III", 5 * MPEG_FRAME),  # the decoder is two of them late
        ("OGG", "VORBIS", PAGE),
        ("OGG", "OPUS", PAGE),
    ],
)
def test_all_but_the_granule_that_is_cut(
    tmp_path: Path, container: str, codec: str, granule: float, share: float
) -> None:
    """What can be lost besides what is not there is less than one frame or page, at the beginning of a file, too."""
    seconds = 10.0
    path = tmp_path / "a"
    write(path, container, codec, seconds)
    whole, _ = salvage(path)
    data = path.read_bytes()
    head = len(data) // 10 if container == "OGG" else 0  # the codec's own tables
    if share * seconds < granule:
        share = 2 * granule / seconds
    path.write_bytes(data[: head + round(share * (len(data) - head))])
    found, recording = salvage(path)
    length, rate = found.shape[1], recording.info.sample_rate  # Opus is decoded at 48 kHz
    slack = 0.1 * share * seconds if granule else 0.01  # bits are not spread evenly over the seconds
    assert length / rate > share * seconds - granule - slack
    np.testing.assert_allclose(found, whole[:, :length], atol=1e-6)
    assert recording.salvaged
    assert recording.notes[-1].startswith(f"salvaged: {length / rate:.3f}")
    if container != "OGG":  # the length of a cut Ogg file is not known
        assert f"of {seconds:.3f} s" in recording.notes[-1] or container in {"WAV", "RF64", "AIFF", "AU"}


@pytest.mark.parametrize(("codec", "channels", "rate"), [("PCM_16", 1, 8_000), ("PCM_24", 2, 48_000)])
def test_every_whole_frame_of_a_flac_file_in_its_place(tmp_path: Path, codec: str, channels: int, rate: int) -> None:
    """Bytes that are flipped, lost or put in: each costs the frames that it touches, and no other sample."""
    path = tmp_path / "a.flac"
    sound = (np.random.default_rng(5).standard_normal((60_000, channels)) * 0.05).astype(np.float32)
    soundfile.write(path, sound, rate, subtype=codec)
    whole, _ = salvage(path)
    data = path.read_bytes()
    chance = random.Random(7)
    for _ in range(12):
        damaged = bytearray(data)
        places = chance.randint(1, 3)
        for _ in range(places):
            at = chance.randrange(60, len(damaged))
            match chance.randrange(3):
                case 0:
                    damaged[at] ^= chance.randrange(1, 256)
                case 1:
                    del damaged[at : at + chance.randrange(1, 500)]
                case _:
                    damaged[at:at] = b"\xff\xf8\xc9\x08" * chance.randrange(1, 100)
        path.write_bytes(damaged)
        with pytest.raises(TruncatedError), open_recording(path) as broken:
            list(broken.blocks())
        found, recording = salvage(path)
        wrong = np.any(found != whole[:, : found.shape[1]], axis=0)
        assert set(found[:, wrong].flatten()) <= {0.0}, "what is not the recording is silence"
        lost = np.unique(np.flatnonzero(wrong) // 4096)
        short = -(-(whole.shape[1] - found.shape[1]) // 4096)
        assert len(lost) + short <= 2 * places
        assert recording.salvaged
        good = found.shape[1] - sum(min(4096, whole.shape[1] - 4096 * int(frame)) for frame in lost)
        assert recording.notes[-1].startswith(f"salvaged: {good / rate:.3f} of {whole.shape[1] / rate:.3f} s readable")


@pytest.mark.parametrize("place", [slice(4, 8), slice(8, 42), slice(18, 21)])
def test_a_flac_file_whose_header_is_damaged(tmp_path: Path, place: slice) -> None:
    """Its frames say what they are."""
    path = tmp_path / "a.flac"
    write(path, "FLAC")
    whole, _ = salvage(path)
    data = bytearray(path.read_bytes())
    data[place] = bytes(255 - byte for byte in data[place])
    path.write_bytes(data)
    with pytest.raises(FileError), open_recording(path) as broken:
        list(broken.blocks())
    found, recording = salvage(path)
    np.testing.assert_array_equal(found, whole)
    assert (recording.info.sample_rate, recording.info.bits) == (RATE, 16)
    assert "its header is damaged" in recording.notes[-1]


def test_a_frame_number_that_is_made_up_costs_no_hours(tmp_path: Path) -> None:
    """The gap in front of a frame is never longer than what could have stood there."""
    path, other = tmp_path / "a.flac", tmp_path / "b.flac"
    write(path, "FLAC", seconds=2.0)
    soundfile.write(other, np.zeros(4096 * 3000, np.int16), RATE)
    far = other.read_bytes()[-200:]  # silence at frame 2,990 or so
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + far)
    found, recording = salvage(path)
    assert found.shape[1] < 2.5 * RATE
    assert recording.salvaged


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
