from __future__ import annotations

import pytest

from hifisr_cli.audio.formats import WRITABLE_SUFFIXES
from hifisr_cli.audio.suffixes import ANY_RAW_SUFFIX, AUDIO_SUFFIXES, raw_suffixes


def test_what_a_folder_is_searched_for() -> None:
    assert WRITABLE_SUFFIXES < AUDIO_SUFFIXES
    assert {".qta", ".3ga", ".weba", ".spx", ".voc", ".sph", ".dts", ".dss"} < AUDIO_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in AUDIO_SUFFIXES | ANY_RAW_SUFFIX)


def test_samples_without_a_header_are_never_taken_for_recordings_with_one() -> None:
    assert not AUDIO_SUFFIXES & ANY_RAW_SUFFIX


@pytest.mark.parametrize(
    ("encoding", "rate", "suffixes", "others"),
    [
        ("mulaw", 8_000, {".ulaw", ".ul", ".raw", ".pcm"}, {".alaw", ".gsm", ".sln", ".wav"}),
        ("gsm", 8_000, {".gsm"}, {".ulaw", ".vox"}),
        ("vox", 6_000, {".vox", ".adpcm"}, {".ima"}),
        ("s16le", 8_000, {".sln", ".sln8", ".s16le"}, {".sln16", ".sln48"}),
        ("s16le", 16_000, {".sln16"}, {".sln", ".sln32"}),
        ("s16le", 44_100, {".sln44"}, {".sln48"}),
        ("f32be", 8_000, {".f32be", ".raw"}, {".f32le", ".sln"}),
    ],
)
def test_a_format_has_its_own_suffixes(encoding: str, rate: int, suffixes: set[str], others: set[str]) -> None:
    found = raw_suffixes(encoding, rate)
    assert suffixes <= found
    assert not others & found
