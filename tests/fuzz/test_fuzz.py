"""300 hostile recordings; benchmarks/fuzz.py meets thousands."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.open_stream import open_stream
from hifisr_cli.errors import FileError
from hifisr_cli.restore.survey import survey_file
from tests.fuzz.cases import Case, make_case, seeds
from tests.fuzz.lies import BOASTS, boasting, hostile_wavs
from tests.fuzz.twists import Content

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="watches processes through /proc")

MUTATED, CHOSEN = 200, 100


def test_mutated_recordings(tmp_path: Path, checkpoint: Path, repository: Path) -> None:
    from tests.fuzz.harness import meet, worker

    quick = ("--model", str(checkpoint), "--device", "cpu", "--threads", "1")
    good = seeds(repository / "examples")
    problems = []
    with worker() as process:
        for number in range(MUTATED):
            folder = tmp_path / str(number)
            folder.mkdir()
            problem = meet(make_case(number, good), process, folder, quick)
            if problem is not None:
                problems.append(problem)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("seconds", "said", "is_found"),
    [
        (2.0, "", False),
        (1.0, "", True),
        (3.0, "", True),
        (1.0, "its header counts 1 s of sound", False),
        (1.0, "9 bytes at its end are no chunks and were left out", True),
        (1.0, "the cutoff of 3940 Hz is uncertain: listen, or give the cutoff with --cutoff", True),
    ],
)
def test_the_harness_hears_what_is_dropped_and_reads_what_is_said(
    tmp_path: Path, seconds: float, said: str, *, is_found: bool
) -> None:
    from tests.fuzz.harness import listen

    soundfile.write(tmp_path / "hostile.wav", np.zeros(round(seconds * 48_000)), 48_000)
    words = "; ".join(filter(None, ("cutoff 3.4 kHz", "9 samples clipped", "0.9x real time", said)))
    reply: dict[str, object] = {"status": 0, "err": f"restored  a -> b ({words})\n1 restored"}
    case = Case("a", b"", "restore", (), Content(2.0, 0.1))
    assert (listen(case, reply, tmp_path, tmp_path / "piped") is not None) == is_found


@settings(max_examples=CHOSEN)
@given(data=hostile_wavs())
def test_headers_from_the_edges(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """As a file and as a stream: samples or one line of words, and the same of both."""
    path = tmp_path_factory.getbasetemp() / "hostile.wav"
    path.write_bytes(data)
    frames: list[int | None] = []
    for salvage in (False, True):
        try:
            frames.append(survey_file(path, salvage=salvage)[1].frames)
        except FileError as error:
            assert "\n" not in str(error)
            frames.append(None)
        stream = ByteStream(path.open("rb"))
        try:
            recording = open_stream(stream, Path("-"), salvage=salvage)
            if recording is not None:
                done = sum(block.shape[1] for block in recording.blocks(4_800))
                assert frames[-1] in (None, done)
        except FileError as error:
            assert "\n" not in str(error)
    if frames[0] is not None:
        assert frames[0] == frames[1]


@pytest.mark.parametrize("kind", BOASTS)
def test_two_thousand_million_samples_in_a_hundred_bytes(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "boast"
    path.write_bytes(boasting(kind))
    with pytest.raises(FileError), open_recording(path) as recording:
        list(recording.blocks())
