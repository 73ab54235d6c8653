from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hifisr_cli.audio.formats import choose_format, kept_suffix
from hifisr_cli.errors import UnsupportedError, UsageError
from hifisr_cli.results import AudioInfo

WAV16 = AudioInfo("WAV", "PCM_16", 16000, 1, 100, 16, is_float=False, lossy=False)
WAV32 = replace(WAV16, codec="PCM_32", bits=32)
FLOAT = replace(WAV16, codec="FLOAT", bits=32, is_float=True)
ULAW = replace(WAV16, codec="ULAW", bits=None)
FLAC = replace(WAV16, container="FLAC")
AIFF = replace(WAV16, container="AIFF")
VORBIS = replace(WAV16, container="OGG", codec="VORBIS", bits=None, lossy=True)
OPUS = replace(VORBIS, codec="OPUS")
MP3 = replace(VORBIS, container="MP3", codec="MPEG_LAYER_III")
AU = replace(WAV16, container="AU")


@pytest.mark.parametrize(
    ("info", "requested", "bit_depth", "suffix", "codec", "usual"),
    [
        (WAV16, None, "keep", None, "PCM_24", ".wav"),
        (WAV16, None, "16", None, "PCM_16", ".wav"),
        (WAV16, None, "32f", None, "FLOAT", ".wav"),
        (WAV32, None, "keep", None, "PCM_32", ".wav"),
        (FLOAT, None, "keep", None, "FLOAT", ".wav"),
        (ULAW, None, "keep", None, "PCM_24", ".wav"),
        (MP3, None, "keep", None, "PCM_24", ".wav"),
        (MP3, "flac", "keep", None, "PCM_24", ".flac"),
        (FLOAT, "flac", "keep", None, "PCM_24", ".flac"),
        (WAV32, "flac", "keep", ".flac", "PCM_24", ".flac"),
        (FLAC, "keep", "keep", None, "PCM_24", ".flac"),
        (FLAC, "keep", "16", ".flac", "PCM_16", ".flac"),
        (FLAC, "keep", "32f", None, "PCM_24", ".flac"),
        (AIFF, "keep", "keep", ".aif", "PCM_24", ".aiff"),
        (VORBIS, "keep", "16", None, "VORBIS", ".ogg"),
        (OPUS, "keep", "keep", None, "OPUS", ".opus"),
        (OPUS, "keep", "keep", ".ogg", "OPUS", ".opus"),
        (MP3, "keep", "keep", ".mp3", "MPEG_LAYER_III", ".mp3"),
        (AU, "keep", "keep", None, "PCM_24", ".wav"),
        (FLAC, "keep", "keep", ".wav", "PCM_24", ".wav"),
        (WAV16, None, "keep", ".FLAC", "PCM_24", ".flac"),
        (WAV16, None, "keep", ".opus", "OPUS", ".opus"),
        (WAV16, None, "24", ".mp3", "MPEG_LAYER_III", ".mp3"),
        (WAV16, "wav", "keep", ".out", "PCM_24", ".wav"),
    ],
)
def test_choice(  # noqa: PLR0917 - a table of cases
    info: AudioInfo, requested: Any, bit_depth: Any, suffix: str | None, codec: str, usual: str
) -> None:
    chosen = choose_format(info, requested=requested, bit_depth=bit_depth, suffix=suffix)
    assert (chosen.codec, chosen.suffix) == (codec, usual)
    assert (chosen.bits is None) == (codec in ("VORBIS", "OPUS", "MPEG_LAYER_III"))


def test_suffixes_that_cannot_be_written_are_refused_with_a_list() -> None:
    for suffix in (".raw", ".m4a", ".au", ""):
        with pytest.raises(UsageError, match=r"\.flac.*\.wav"):
            choose_format(WAV16, requested=None, bit_depth="keep", suffix=suffix)


def test_contradictions_are_refused() -> None:
    with pytest.raises(UsageError, match="contradicts"):
        choose_format(WAV16, requested="flac", bit_depth="keep", suffix=".wav")
    with pytest.raises(UsageError, match="floating point"):
        choose_format(WAV16, requested="flac", bit_depth="32f", suffix=None)


def test_too_many_channels_for_the_container() -> None:
    with pytest.raises(UnsupportedError, match="at most 2 channels"):
        choose_format(replace(WAV16, channels=6), requested=None, bit_depth="keep", suffix=".mp3")
    assert choose_format(replace(WAV16, channels=8), requested="flac", bit_depth="keep", suffix=None).bits == 24


def test_a_suffix_that_is_written_is_kept() -> None:
    assert kept_suffix(".FLAC") == ".FLAC"
    assert kept_suffix(".caf") == ".wav"
