"""M4A, ALAC, WMA, AC-3, AMR and videos: the samples of ffmpeg, whoever decodes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.open import open_recording
from hifisr_cli.errors import FileError, NotAudioError, TruncatedError, UnsupportedError
from tests.audio.opened import decode

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
    "opus of a low rate": (".mka", ["-c:a", "libopus"], "MATROSKA", "OPUS", None),
    "avi": (".avi", [*VIDEO, "-c:v", "mpeg4", "-c:a", "ac3", "-ar", "48000"], "AVI", "AC3", None),
    "wavpack": (".wv", ["-c:a", "wavpack"], "WAVPACK", "WAVPACK", 32),
    "tta": (".tta", ["-c:a", "tta"], "TTA", "TTA", 24),
    "dts": (".dts", ["-c:a", "dca", "-strict", "-2", "-ar", "48000"], "DTS", "DTS", None),
    "ts": (".ts", ["-c:a", "ac3", "-ar", "48000"], "MPEG-TS", "AC3", None),
    "vob": (".vob", ["-c:a", "ac3", "-ar", "48000"], "MPEG-PS", "AC3", None),
    "flv": (".flv", ["-c:a", "aac", "-ar", "44100"], "FLV", "AAC", None),
    "rm": (".rm", ["-c:a", "ac3", "-ar", "44100"], "REALMEDIA", "AC3", None),
    "caf": (".caf", ["-c:a", "libopus", "-ar", "48000"], "CAF", "OPUS", None),
    "mlp": (".mlp", ["-c:a", "mlp", "-strict", "-2", "-ar", "48000"], "MLP", "MLP", 24),
    "truehd": (".thd", ["-c:a", "truehd", "-strict", "-2", "-ar", "48000"], "TRUEHD", "TRUEHD", 24),
    "alac in caf": (".caf", ["-c:a", "alac", "-sample_fmt", "s16p", "-f", "caf"], "CAF", "ALAC", 16),
    "opus in mp4": (".mp4", ["-c:a", "libopus", "-ar", "48000"], "MP4", "OPUS", None),
    "wav of yamaha": (".wav", ["-c:a", "adpcm_yamaha"], "WAV", "ADPCM_YAMAHA", None),
    "wav of another codec": (".wav", ["-c:a", "wmav2"], "WAV", "WMAV2", None),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("foreign") / "a.wav"
    audio = np.random.default_rng(0).standard_normal((round(2.345 * RATE), 2)) * 0.1
    soundfile.write(path, audio, RATE, subtype="PCM_24")
    return path


def make(ffmpeg: str, source: Path, path: Path, options: list[str]) -> Path:
    ended = subprocess.run(
        [ffmpeg, "-v", "error", "-y", "-i", source, *options, path], check=False, capture_output=True, text=True
    )
    if "Unknown encoder" in ended.stderr:
        pytest.skip(ended.stderr.splitlines()[0])
    assert ended.returncode == 0, ended.stderr
    return path


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


@pytest.mark.parametrize("head", [b"\0\0\0\x20ftypM4A ", bytes.fromhex("1a45dfa3"), b"TTA1", b"\x0b\x77abc", b"wvpk"])
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


TAG = b"ID3\x04\0\0\0\0\x02\x01" + bytes(257)
BEHIND_A_TAG = ("aac", "adts", "alac16", "wma", "ac3", "mkv", "wavpack", "tta", "wav of another codec")


@pytest.mark.parametrize("kind", BEHIND_A_TAG)
def test_a_file_behind_an_id3_tag_is_the_same(
    ffmpeg: str, source: Path, tmp_path: Path, decoder: str, kind: str
) -> None:
    suffix, options, *_ = KINDS[kind]
    path, tagged = make(ffmpeg, source, tmp_path / f"a{suffix}", options), tmp_path / f"b{suffix}"
    tagged.write_bytes(TAG + path.read_bytes())
    expected, info, _ = decode(path)
    found, again, notes = decode(tagged)
    np.testing.assert_array_equal(found, expected)
    assert (again, notes) == (info, ())


EXACT = ("aac", "alac24", "wma", "mkv", "webm", "avi", "flv", "rm", "wavpack", "tta", "caf")
"""Kinds that count what they hold: a byte too few is known."""
FLOWING = ("adts", "ac3", "dts", "ts", "vob")
"""Kinds that may end anywhere."""


@pytest.mark.parametrize("kind", EXACT)
def test_a_cut_file_is_incomplete_wherever_it_is_cut(
    ffmpeg: str, source: Path, tmp_path: Path, decoder: str, kind: str
) -> None:
    suffix, options, *_ = KINDS[kind]
    data = make(ffmpeg, source, tmp_path / f"a{suffix}", options).read_bytes()
    path = tmp_path / f"cut{suffix}"
    for end in (len(data) // 2, len(data) * 9 // 10):
        path.write_bytes(data[:end])
        with pytest.raises(TruncatedError):
            decode(path)


@pytest.mark.parametrize("kind", FLOWING)
def test_a_stream_that_ends_in_the_middle_of_a_frame_is_taken_with_a_word(
    ffmpeg: str, source: Path, tmp_path: Path, decoder: str, kind: str
) -> None:
    suffix, options, *_ = KINDS[kind]
    path = make(ffmpeg, source, tmp_path / f"a{suffix}", options)
    whole = decode(path)[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10 - 1])
    try:
        found, _, notes = decode(path)
    except TruncatedError:  # a frame in half a packet, which ffmpeg tells apart from nothing else
        assert (kind, decoder) in (("vob", "ffmpeg"), ("ts", "ffmpeg"))
        return
    assert 0.8 * whole.shape[1] < found.shape[1] < 0.95 * whole.shape[1]
    assert notes


@pytest.mark.parametrize(("seconds", "rate"), [(0.2, 8_000), (5.0, 8_000), (0.2, 48_000), (3.0, 22_050)])
@pytest.mark.parametrize("suffix", [".m4a", ".mka", ".wma", ".aac", ".ts"])
def test_a_whole_file_of_any_rate_and_length_is_whole(  # noqa: PLR0917
    ffmpeg: str, tmp_path: Path, decoder: str, suffix: str, seconds: float, rate: int
) -> None:
    audio = np.random.default_rng(0).standard_normal(round(seconds * rate)) * 0.1
    soundfile.write(tmp_path / "a.wav", audio, rate)
    found, info, notes = decode(make(ffmpeg, tmp_path / "a.wav", tmp_path / f"b{suffix}", []))
    # What an encoder adds in front and behind; that of WMA leaves out what does not fill its last frame.
    assert abs(found.shape[1] * rate / info.sample_rate - len(audio)) < 3_000
    assert notes == ()


@pytest.mark.parametrize(("name", "bits"), [("v12in16", 12), ("v32", 32)])
def test_flac_of_other_depths(shared_cases: Path, ffmpeg: str, decoder: str, name: str, bits: int) -> None:
    path = shared_cases / "17-flac-depths" / f"{name}.flac"
    try:
        found, info, _ = decode(path)
    except UnsupportedError as error:
        assert (decoder, bits) == ("ffmpeg", 32)
        pytest.skip(str(error))
    assert (info.container, info.frames, info.bits, info.lossy) == ("FLAC", 516_940, bits, False)
    assert found.shape == (1, 516_940)
    steps = found.astype(np.float64) * 2.0 ** (min(bits, 24) - 1)
    if bits < 24:  # every sample is one of these, and not every one is even
        np.testing.assert_array_equal(steps, np.round(steps))
        assert (steps % 2 == 1).any()
    with open_recording(path, salvage=True) as recording:
        assert sum(block.shape[1] for block in recording.blocks()) == 516_940


def test_what_libsndfile_refuses_without_a_second_decoder(
    shared_cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIFISR_DECODER", "ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotAudioError, match=r"unimplemented format.*hifisr\[av\].*ffmpeg"):
        open_recording(shared_cases / "17-flac-depths" / "v12in16.flac")


@pytest.mark.parametrize(
    ("name", "frames"),
    [("15-m4a-8khz-gapless/e8_1.m4a", 7_104), ("15-m4a-8khz-gapless/e8_6.m4a", 47_040),
     ("16-id3-before-aac/id3_adts.aac", 518_144), ("16-id3-before-aac/id3_x.ac3", 563_712),
     ("16-id3-before-aac/id3_x.tta", 516_940)],
)  # fmt: skip
def test_recordings_of_the_world_are_whole(shared_cases: Path, decoder: str, name: str, frames: int) -> None:
    found, _, notes = decode(shared_cases / name)
    assert (found.shape, notes) == ((1, frames), ())


def test_a_part_of_a_dvd_may_begin_in_the_middle_of_a_frame(
    ffmpeg: str, source: Path, tmp_path: Path, decoder: str
) -> None:
    suffix, options, *_ = KINDS["vob"]
    path = make(ffmpeg, source, tmp_path / f"a{suffix}", options)
    whole = decode(path)[0]
    path.write_bytes(path.read_bytes()[3 * 2048 :])
    found, _, notes = decode(path)
    assert 0.5 * whole.shape[1] < found.shape[1] < whole.shape[1]
    assert notes == ("it begins or ends in the middle of a frame",)


def test_zeros_over_a_part_of_a_video_are_no_whole_recording(
    ffmpeg: str, source: Path, tmp_path: Path, decoder: str
) -> None:
    """A demuxer looks for the next cluster in silence."""
    path = make(ffmpeg, source, tmp_path / "a.webm", ["-c:a", "libopus", "-ar", "48000"])
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    path.write_bytes(data)
    with pytest.raises(TruncatedError):
        decode(path)


def test_another_recording_behind_mp4_is_told(shared_cases: Path, tmp_path: Path, decoder: str) -> None:
    data = (shared_cases / "15-m4a-8khz-gapless" / "e8_1.m4a").read_bytes()
    path = tmp_path / "two.m4a"
    path.write_bytes(2 * data)
    found, _, notes = decode(path)
    assert found.shape[1] == 7_104
    assert notes == ("another recording stands behind it and was left out",)
