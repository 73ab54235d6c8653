"""M4A, ALAC, WMA, AC-3, AMR and videos: the samples of ffmpeg, whoever decodes."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.open import open_recording
from hifisr_cli.errors import FileError, NotAudioError, TruncatedError, UnsupportedError
from hifisr_cli.results import AudioInfo

RATE = 16_000
VIDEO = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2"]
KINDS = {  # suffix of the file, ffmpeg's options, container, codec, bits, lossy
    "aac": (".m4a", ["-c:a", "aac"], "MP4", "AAC", None),
    "adts": (".aac", ["-c:a", "aac"], "AAC", "AAC", None),
    "alac16": (".m4a", ["-c:a", "alac", "-sample_fmt", "s16p"], "MP4", "ALAC", 16),
    "alac24": (".m4a", ["-c:a", "alac", "-sample_fmt", "s32p"], "MP4", "ALAC", 24),
    "wma": (".wma", ["-c:a", "wmav2"], "ASF", "WMAV2", None),
    "ac3": (".ac3", ["-c:a", "ac3", "-ar", "48000"], "AC3", "AC3", None),
    "eac3": (".eac3", ["-c:a", "eac3", "-ar", "48000"], "AC3", "EAC3", None),
    "mov": (".mov", ["-c:a", "pcm_s24le"], "MP4", "PCM_S24LE", 24),
    "mp4": (".mp4", [*VIDEO, "-c:v", "mpeg4", "-c:a", "aac", "-shortest"], "MP4", "AAC", None),
    "mkv": (".mkv", [*VIDEO, "-c:v", "mpeg4", "-c:a", "flac"], "MATROSKA", "FLAC", 24),
    "webm": (".webm", [*VIDEO, "-c:v", "libvpx", "-c:a", "libopus", "-ar", "48000"], "MATROSKA", "OPUS", None),
    "avi": (".avi", [*VIDEO, "-c:v", "mpeg4", "-c:a", "ac3", "-ar", "48000"], "AVI", "AC3", None),
    "wavpack": (".wv", ["-c:a", "wavpack"], "WAVPACK", "WAVPACK", 32),
    "wav of another codec": (".wav", ["-c:a", "wmav2"], "WAV", "WMAV2", None),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("foreign") / "a.wav"
    audio = np.random.default_rng(0).standard_normal((round(2.345 * RATE), 2)) * 0.1
    soundfile.write(path, audio, RATE, subtype="PCM_24")
    return path


@pytest.fixture(params=["av", "ffmpeg"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ffmpeg: str) -> str:
    """Each of the two decoders in turn."""
    name = str(request.param)
    if name == "av" and importlib.util.find_spec("av") is None:
        pytest.skip("PyAV is not installed")
    monkeypatch.setenv("HIFISR_DECODER", name)
    return name


def make(ffmpeg: str, source: Path, path: Path, options: list[str]) -> Path:
    ended = subprocess.run(
        [ffmpeg, "-v", "error", "-y", "-i", source, *options, path], check=False, capture_output=True, text=True
    )
    if "Unknown encoder" in ended.stderr:
        pytest.skip(ended.stderr.splitlines()[0])
    assert ended.returncode == 0, ended.stderr
    return path


def decode(path: Path, *, salvage: bool = False) -> tuple[np.ndarray, AudioInfo, tuple[str, ...]]:
    with open_recording(path, salvage=salvage) as recording:
        return np.concatenate(list(recording.blocks(5000)), axis=1), recording.info, recording.notes


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_of_ffmpeg(ffmpeg: str, source: Path, tmp_path: Path, decoder: str, kind: str) -> None:
    suffix, options, container, codec, bits = KINDS[kind]
    path = make(ffmpeg, source, tmp_path / f"a{suffix}", options)
    raw = subprocess.run(
        [ffmpeg, "-v", "error", "-i", path, "-map", "0:a:0", "-f", "f32le", "-"], check=True, capture_output=True
    )
    found, info, notes = decode(path)
    expected = np.frombuffer(raw.stdout, np.float32).reshape(-1, 2).T
    # PyAV brings its own FFmpeg: newer ones drop an encoder's padding at the end, less than a frame of AAC.
    shared = min(found.shape[1], expected.shape[1])
    assert max(found.shape[1], expected.shape[1]) - shared < (1024 if info.lossy and decoder == "av" else 1)
    assert np.abs(found[:, :shared] - expected[:, :shared]).max() < (2e-3 if info.lossy else 1e-7)
    assert (info.container, info.codec, info.bits, info.lossy) == (container, codec, bits, bits is None)
    assert notes == ()


def test_the_first_of_several_tracks(ffmpeg: str, source: Path, tmp_path: Path, decoder: str) -> None:
    path = make(ffmpeg, source, tmp_path / "a.mkv", ["-map", "0:a", "-map", "0:a", "-c:a", "flac"])
    assert "first of 2 sound tracks" in decode(path)[2][0]


def test_tags_of_no_known_encoding(ffmpeg: str, source: Path, tmp_path: Path, decoder: str) -> None:
    path = make(ffmpeg, source, tmp_path / "a.m4a", ["-c:a", "aac", "-metadata", "title=CAFE"])
    expected = decode(path)[0]
    data = path.read_bytes()
    assert b"CAFE" in data
    path.write_bytes(data.replace(b"CAFE", b"Caf\xe9"))  # Latin-1, where UTF-8 belongs
    np.testing.assert_array_equal(decode(path)[0], expected)


def test_a_video_without_sound(ffmpeg: str, tmp_path: Path, decoder: str) -> None:
    path = tmp_path / "a.mp4"
    subprocess.run([ffmpeg, "-v", "error", *VIDEO, "-c:v", "mpeg4", path], check=True)
    with pytest.raises(NotAudioError, match="no sound track"):
        open_recording(path)


@pytest.mark.parametrize("kind", ["aac", "mkv", "wma"])
def test_a_damaged_file(ffmpeg: str, source: Path, tmp_path: Path, decoder: str, kind: str) -> None:
    suffix, options, *_ = KINDS[kind]
    movflags = ["-movflags", "+faststart"] if suffix == ".m4a" else []
    path = make(ffmpeg, source, tmp_path / f"a{suffix}", options + movflags)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(TruncatedError, match="--salvage"):
        decode(path)
    found, _, notes = decode(path, salvage=True)
    assert 0.2 * 2.345 * RATE < found.shape[1] < 0.8 * 2.345 * RATE
    assert any(note.startswith("salvaged: ") for note in notes)


def test_without_a_decoder(ffmpeg: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(ffmpeg, source, tmp_path / "a.m4a", ["-c:a", "aac"])
    monkeypatch.setenv("HIFISR_DECODER", "ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match=r"MP4 file.*hifisr\[av\].*ffmpeg"):
        open_recording(path)


@pytest.mark.parametrize("error", [TypeError("no argument 'format'"), ImportError("libavcodec.so: not found")])
def test_a_pyav_that_is_not_as_it_was(
    ffmpeg: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It has broken its promises at every major version: then ffmpeg does, and else a line says what to do."""
    from hifisr_cli.audio.decoders import pyav as foreign_av

    def changed(*_: object, **__: object) -> None:
        raise error

    path = make(ffmpeg, source, tmp_path / "a.m4a", ["-c:a", "alac"])
    monkeypatch.delenv("HIFISR_DECODER", raising=False)
    expected = decode(path)[0]
    monkeypatch.setattr(foreign_av.av, "open", changed)
    np.testing.assert_allclose(decode(path)[0], expected, atol=1e-7)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match=r"MP4 file.*PyAV.*not.*PyAV.*ffmpeg"):
        open_recording(path)


@pytest.mark.parametrize(
    "head", [b"\0\0\0\x20ftypM4A ", bytes.fromhex("1a45dfa3"), b"#!AMR\n", b"\x0b\x77abc", b"wvpk"]
)
def test_nothing_but_a_signature(tmp_path: Path, decoder: str, head: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(head + bytes(200))
    with pytest.raises(FileError) as caught, open_recording(path) as recording:
        list(recording.blocks())
    assert "\n" not in str(caught.value)


def test_a_playlist_opens_no_other_file(tmp_path: Path, decoder: str, source: Path) -> None:
    for text in (f"#EXTM3U\n{source}\n", f"ffconcat version 1.0\nfile '{source}'\n"):
        (tmp_path / "a.m4a").write_text(text)
        with pytest.raises(NotAudioError):
            open_recording(tmp_path / "a.m4a")


def test_amr(ffmpeg: str, tmp_path: Path, decoder: str) -> None:
    """No encoder is at hand, but any bits are a frame: 50 of 12.2 kbit/s are a second."""
    rng = np.random.default_rng(0)
    path = tmp_path / "a.amr"
    path.write_bytes(b"#!AMR\n" + b"".join(b"\x3c" + rng.bytes(31) for _ in range(50)))
    raw = subprocess.run([ffmpeg, "-v", "error", "-i", path, "-f", "f32le", "-"], check=True, capture_output=True)
    found, info, _ = decode(path)
    assert (info.container, info.codec, info.sample_rate, info.channels) == ("AMR", "AMR_NB", 8_000, 1)
    assert found.shape == (1, 8_000)
    assert np.abs(found[0] - np.frombuffer(raw.stdout, np.float32)).max() < 2e-3
