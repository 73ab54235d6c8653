"""Samples without a header: the numbers of libsndfile and of ffmpeg, and clear words for wrong descriptions."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.audio.decoders.raw import ENCODINGS, RawFormat, decode_samples, parse_raw
from hifisr_cli.audio.open import open_recording
from hifisr_cli.errors import NotAudioError, UnsupportedError, UsageError


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_against_libsndfile(tmp_path: Path, name: str) -> None:
    encoding = ENCODINGS[name]
    path = tmp_path / "a.raw"
    audio = (np.random.default_rng(0).standard_normal((5000, 2)) * 0.3).clip(-1, 1)
    kind = {"samplerate": 8000, "format": "RAW", "subtype": encoding.codec}
    soundfile.write(path, audio, endian="BIG" if name.endswith("be") else "LITTLE", **kind)
    endian = "BIG" if name.endswith("be") else "LITTLE"
    expected, _ = soundfile.read(path, channels=2, endian=endian, dtype="float32", **kind)
    with open_recording(path, raw=RawFormat(8000, 2, name)) as recording:
        found = np.concatenate(list(recording.blocks(777)), axis=1)
        assert (recording.info.codec, recording.info.bits) == (encoding.codec, encoding.bits)
    np.testing.assert_array_equal(found.T, expected)


@pytest.mark.parametrize("name", ["mulaw", "alaw"])
def test_companding_against_ffmpeg(ffmpeg: str, name: str) -> None:
    codes = bytes(range(256))
    raw = subprocess.run(
        [ffmpeg, "-v", "error", "-f", name, "-ar", "8000", "-i", "-", "-f", "f32le", "-"],
        input=codes, capture_output=True, check=True,
    )  # fmt: skip
    np.testing.assert_array_equal(decode_samples(codes, name), np.frombuffer(raw.stdout, np.float32))


@given(st.text(max_size=30))
def test_any_text_is_a_format_or_a_usage_error(text: str) -> None:
    try:
        parse_raw(text)
    except UsageError as error:
        assert error.hint


def test_descriptions() -> None:
    assert parse_raw("8000,1,ulaw") == RawFormat(8000, 1, "mulaw")
    assert parse_raw(" 48000, 2, S16 ") == RawFormat(48000, 2, "s16le")
    for text in ("8000,1", "8000,one,s16le", "-1,1,u8", "8000,1,s17le", "8e3,1,u8", "٣,1,u8"):
        with pytest.raises(UsageError, match="--raw"):
            parse_raw(text)


def test_what_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(1001))
    for form in (RawFormat(8000, 65, "u8"), RawFormat(8000, 0, "u8"), RawFormat(1, 1, "u8")):
        with pytest.raises(UnsupportedError):
            open_recording(path, raw=form)
    with open_recording(path, raw=RawFormat(8000, 1, "s16le")) as recording:
        assert sum(block.shape[1] for block in recording.blocks()) == 500
    assert recording.notes == ("its last byte is no whole sample and left out",)
    path.write_bytes(b"RIFF" + bytes(1000))
    with pytest.raises(NotAudioError, match="header"):
        open_recording(path, raw=RawFormat(8000, 1, "s16le"))
