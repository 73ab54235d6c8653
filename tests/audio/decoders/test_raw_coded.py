"""Codecs without a header: the samples of SoX, libsndfile and ffmpeg, to the bit, in blocks and streams of any cut."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.raw import CODED, RawFormat
from hifisr_cli.audio.decoders.raw_coded import open_raw
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.audio.recording import Block

HERE = ("gsm", "vox", "ima")


def samples_of(path: Path, name: str, block: int = 777) -> tuple[Block, tuple[str, ...]]:
    with open_recording(path, raw=RawFormat(16_000 if name == "g722" else 8_000, 1, name)) as recording:
        blocks = list(recording.blocks(block))
        assert recording.info.lossy
        assert recording.info.codec == CODED[name].codec
    assert all(found.shape[1] == block for found in blocks[:-1])
    return np.concatenate(blocks, axis=1)[0], recording.notes


def noise(frames: int = 5_000) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(frames) * 0.3).clip(-1, 1)


@pytest.fixture
def sox() -> str:
    return shutil.which("sox") or pytest.skip("SoX is not installed here")


@pytest.mark.parametrize("name", ["gsm", "vox"])
def test_against_libsndfile(tmp_path: Path, name: str) -> None:
    kind = {"samplerate": 8_000, "format": "RAW", "subtype": CODED[name].codec}
    soundfile.write(tmp_path / "a.raw", noise(4_800), **kind)
    expected, _ = soundfile.read(tmp_path / "a.raw", channels=1, dtype="float32", **kind)
    found, notes = samples_of(tmp_path / "a.raw", name)
    np.testing.assert_array_equal(found, expected[: len(found)])
    size = (tmp_path / "a.raw").stat().st_size
    assert len(found) == size // CODED[name].bytes * CODED[name].samples
    assert not notes


@pytest.mark.parametrize("name", ["vox", "ima"])
def test_any_bytes_against_sox(tmp_path: Path, sox: str, name: str) -> None:
    """Noise of codes, which runs against both limits all the time."""
    data = np.random.default_rng(1).integers(0, 256, 20_000, np.uint8).tobytes()
    (tmp_path / f"a.{name}").write_bytes(data)
    command = [sox, "-V0", "-r", "8000", "-c", "1", "-t", name, tmp_path / f"a.{name}", "-t", "s16", "-L", "-"]
    expected = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2")
    found, _ = samples_of(tmp_path / f"a.{name}", name)
    np.testing.assert_array_equal(found * 32768, expected)


def test_ima_by_its_definition(tmp_path: Path) -> None:
    """The first steps by hand: 7 and 16 after a code of seven (eight steps up), 34 after another one."""
    (tmp_path / "a.ima").write_bytes(bytes([0x77, 0xF0]))
    found, _ = samples_of(tmp_path / "a.ima", "ima")
    rises = [15 * 7 >> 3, 15 * 16 >> 3, -(15 * 34 >> 3), 73 >> 3]
    np.testing.assert_array_equal(found * 32768, np.cumsum(rises))


@pytest.mark.parametrize("rounded", [False, True])
def test_ima_is_the_reference_but_for_its_rounding(tmp_path: Path, rounded: bool) -> None:
    from hifisr_cli.audio.decoders.adpcm import _CHANGES, _IMA_STEPS

    codes = np.random.default_rng(2).integers(0, 16, 2_000)
    (tmp_path / "a.ima").write_bytes((codes[::2] << 4 | codes[1::2]).astype(np.uint8).tobytes())
    found, _ = samples_of(tmp_path / "a.ima", "ima")
    number, sample, expected = 0, 0, []
    for code in codes:
        step, size = _IMA_STEPS[number], int(code) & 7
        parts = (step >> 3) + sum(step >> shift for bit, shift in ((4, 0), (2, 1), (1, 2)) if size & bit)
        whole = (2 * size + 1) * step >> 3
        assert 0 <= whole - parts <= 2
        sample = min(max(sample + (-1 if code & 8 else 1) * (parts if rounded else whole), -32768), 32767)
        expected.append(sample)
        number = min(max(number + _CHANGES[size], 0), 88)
    away = np.abs(found * 32768 - expected).max()
    assert away < 2_000 if rounded else away == 0


@pytest.mark.parametrize("name", HERE)
def test_a_stream_is_decoded_while_it_comes(tmp_path: Path, name: str) -> None:
    data = np.random.default_rng(3).integers(0, 256, 33 * 60, np.uint8).tobytes()
    (tmp_path / "a.raw").write_bytes(data)
    expected, _ = samples_of(tmp_path / "a.raw", name)
    stream = ByteStream(io.BytesIO(data))
    recording = open_stream(stream, Path("-"), raw=RawFormat(8_000, 1, name))
    assert recording is not None
    np.testing.assert_array_equal(np.concatenate(list(recording.blocks()), axis=1)[0], expected)
    pieces = iter([data[:1], data[1:40], data[40:41], data[41:], b""])  # the reader may get any few bytes
    source = open_raw(lambda _size: next(pieces), RawFormat(8_000, 1, name))
    assert source is not None
    np.testing.assert_array_equal(source.read(1 << 20)[0], expected)


def test_a_frame_that_is_cut_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.gsm").write_bytes(bytes([0xD0, *bytes(32)]) * 3 + bytes(5))
    found, notes = samples_of(tmp_path / "a.gsm", "gsm")
    assert len(found) == 480
    assert notes == ("its last 5 bytes are no whole frame and left out",)


@pytest.mark.parametrize("decoder", ["av", "ffmpeg"])
def test_g722_against_ffmpeg(tmp_path: Path, ffmpeg: str, monkeypatch: pytest.MonkeyPatch, decoder: str) -> None:
    if decoder == "av":
        pytest.importorskip("av")
    monkeypatch.setenv("HIFISR_DECODER", decoder)
    path = tmp_path / "a.g722"
    soundfile.write(tmp_path / "a.wav", noise(16_000), 16_000)
    subprocess.run([ffmpeg, "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "g722", path], check=True)
    command = [ffmpeg, "-v", "error", "-f", "g722", "-i", path, "-f", "s16le", "-"]
    expected = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2")
    found, _ = samples_of(path, "g722")
    assert len(found) == 2 * path.stat().st_size
    np.testing.assert_array_equal(found * 32768, expected)


def test_an_endless_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile counts three days of frames."""
    (tmp_path / "a.gsm").write_bytes(bytes([0xD5, *range(1, 33)]) * 1_300)
    whole, _ = samples_of(tmp_path / "a.gsm", "gsm")
    monkeypatch.setattr("hifisr_cli.audio.decoders.raw_coded._MOST_FRAMES", 500)
    found, _ = samples_of(tmp_path / "a.gsm", "gsm")
    assert len(found) == len(whole) == 1_300 * 160
    np.testing.assert_array_equal(found[: 480 * 160], whole[: 480 * 160])
    assert np.abs(found[-1_000:]).max() > 0
