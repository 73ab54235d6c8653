"""Output folders as runs leave them, made without a network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.batch.history.journal import Journal
from hifisr_cli.batch.history.record import InputFile, ModelUsed, OutputFile, Record, options_data, result_data
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import AudioInfo, Bandwidth, ErrorInfo, FileResult

EVIL = "<img src=x onerror=alert(1)>.wav"
MODEL = ModelUsed("stand-in", "ab" * 32, "float32")
SOFTWARE = {"hifisr": "0.0.1", "outputs": "1", "resampler": "none"}
TELEPHONE = AudioInfo("WAV", "PCM_16", 8_000, 1, 16_000, 16, is_float=False, lossy=False)
RESULT = FileResult(
    input="in/a.wav",
    output="out/a.wav",
    status="restored",
    info=TELEPHONE,
    seconds=2.0,
    bandwidth=Bandwidth(3_400.0, 0.9, "edge"),
    kept_hz=3332.0,
    kept_band_error_db=-100.0,
    codec="PCM_24",
    bits=24,
    wall_seconds=0.5,
    model="stand-in",
)

Restored = Callable[..., Record]


def record(result: FileResult, relative: str, **parts: object) -> Record:
    """A record of `result`; its input and output need not be there."""
    done = result.status != "failed"
    made = Record(
        time="2026-11-21T15:00:00Z",
        software=SOFTWARE,
        input=InputFile(f"in/{relative}", relative, 1_000, 1, "cd" * 32 if done else None, f"/gone/in/{relative}"),
        output=OutputFile(relative, 2_000, "ef" * 32, 1) if done else None,
        model=MODEL if result.status == "restored" else None,
        options=options_data(RestoreOptions()),
        result=result_data(result),
    )
    return replace(made, **parts)


def write_journal(folder: Path, records: list[Record]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with Journal(folder) as journal:
        for one in records:
            journal.append(one)
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_restored(root: Path, relative: str, seconds: float = 1.0, below: str = "", **fields: object) -> Record:
    """A record with its two recordings, `root/in/relative` and `root/out/below/relative`: noise."""
    source, output = root / "in" / relative, root / "out" / below / relative
    for path, rate in ((source, 8_000), (output, 48_000)):
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = 0.1 * np.random.default_rng(rate).standard_normal(round(seconds * rate))
        with path.open("wb") as file:  # soundfile does not take names that are not UTF-8
            soundfile.write(file, wave, rate, format="WAV", subtype="PCM_16")
    result = replace(RESULT, input=str(source), output=str(output), seconds=seconds, **fields)
    stat = source.stat()
    return record(
        result,
        relative,
        input=InputFile(str(source), relative, stat.st_size, stat.st_mtime_ns, sha256(source), str(source)),
        output=OutputFile(os.path.join(below, relative), output.stat().st_size, sha256(output)),  # noqa: PTH118
    )


@pytest.fixture
def restored(tmp_path: Path) -> Restored:
    """`restored("sub/a.wav", seconds=1.0, below="", **fields of FileResult)`: see `make_restored`."""
    return partial(make_restored, tmp_path)


def failed(relative: str, message: str = "the recording has no samples") -> Record:
    error = ErrorInfo("empty", message, "copy or export it again")
    return record(FileResult(f"in/{relative}", None, "failed", error=error), relative)
