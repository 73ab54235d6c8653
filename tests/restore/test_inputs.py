"""Every kind of recording that the tool promises to take, from file to file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.resample import output_length, resample
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.restore.file import RestoreOptions, restore_file

LOSSLESS = (
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("WAV", "ULAW"),
    ("WAV", "ALAW"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AIFF", "PCM_24"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
)
LOSSY = (
    ("OGG", "VORBIS", (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)),
    ("OGG", "OPUS", (8_000, 12_000, 16_000, 24_000, 48_000)),
    ("MP3", "MPEG_LAYER_III", (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)),
)
WAV_RATES = (4_000, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
CASES = [
    *((container, codec, 16_000) for container, codec in LOSSLESS),
    *(("WAV", "PCM_16", rate) for rate in WAV_RATES),
    *(("FLAC", "PCM_16", rate) for rate in (8_000, 44_100, 192_000)),
    *((container, codec, rate) for container, codec, rates in LOSSY for rate in rates),
]


@pytest.mark.parametrize(("container", "codec", "rate"), CASES)
def test_input(
    *,
    tmp_path: Path,
    tiny_model: Engine,
    speech_like: Callable[..., np.ndarray],
    container: str,
    codec: str,
    rate: int,
) -> None:
    wave = resample(speech_like(0.7, 48_000, cutoff_hz=0.4 * min(rate, 12_000)), 48_000, rate)
    source = tmp_path / f"in.{container.lower()}"
    soundfile.write(source, wave.T, rate, format=container, subtype=codec)
    result = restore_file(source, tmp_path / "out.wav", model=tiny_model, options=RestoreOptions())
    output, out_rate = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)
    decoded = soundfile.info(source).frames
    assert out_rate == 48_000
    assert output.shape == (output_length(decoded, rate), 1)
    assert result.status == "restored"
    assert result.info is not None
    # What Opus says of its input's rate is for information only (RFC 7845, 5.1).
    assert (result.info.sample_rate, result.info.channels) == (48_000 if codec == "OPUS" else rate, 1)
    assert result.kept_band_error_db is not None
    assert result.kept_band_error_db < -60
    assert soundfile.info(tmp_path / "out.wav").subtype in ("PCM_24", "PCM_32", "FLOAT")
