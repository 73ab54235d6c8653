from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.decoders.libsndfile import reason
from hifisr_cli.audio.open import open_recording
from hifisr_cli.errors import FileError


@pytest.mark.parametrize(
    ("words", "true"),
    [
        ("File does not exist or is not a regular file (possibly a pipe?).", "nothing in it can be decoded"),
        ("Internal error : SF_INFO struct incomplete.", "its header makes no sense"),
        ("Error : flac decoder lost sync.", "its frames are damaged"),
        ("Error : bad bit width for SDS file.", "bad bit width for SDS file"),
        ("Format not recognised.", "format not recognised"),
    ],
)
def test_what_libsndfile_says_becomes_a_true_end_of_a_sentence(words: str, true: str) -> None:
    assert reason(Exception(words)) == true


@pytest.mark.parametrize("container", ["WAV", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3"])
def test_no_error_speaks_of_pipes_or_of_what_is_inside_a_library(
    tmp_path: Path, container: str, rng: np.random.Generator
) -> None:
    path = tmp_path / "a"
    soundfile.write(path, rng.standard_normal(9_000) * 0.1, 16_000, format=container)
    data = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(data)
        at = int(rng.integers(0, 120))
        damaged[at : at + 4] = rng.bytes(4)
        path.write_bytes(damaged[: int(rng.integers(1, len(data)))])
        try:
            with open_recording(path) as recording:
                list(recording.blocks())
        except FileError as error:
            assert not re.search(r"pipe|internal|SF_INFO|struct|system error", error.message), error.message
