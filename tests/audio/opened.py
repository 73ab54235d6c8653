"""A file opened for its metadata alone, whatever its sound is; and one decoded to its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from hifisr_cli.audio.containers.riff import LAYOUTS, sort_chunks, walk_chunks
from hifisr_cli.audio.containers.signatures import identify
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import Carried, read_metadata
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.recording import Block, Recording, RecordingFile, Source
from hifisr_cli.results import AudioInfo
from hifisr_cli.system.files import open_file


class _Silence(Source):
    def __init__(self, info: AudioInfo) -> None:
        self.info = info

    def read(self, frames: int) -> Block:
        return np.zeros((self.info.channels, 0), np.float32)


@contextmanager
def opened(path: Path, info: AudioInfo) -> Iterator[Recording]:
    """The recording as `open_recording` would give it if its sound were that of `info`."""
    fd, size = open_file(path, os.O_RDONLY), path.stat().st_size
    file = RecordingFile(fd, size)
    what = identify(file.at)
    chunks = None
    if what.name in LAYOUTS:
        chunks = sort_chunks(path, what.name, walk_chunks(file.at, LAYOUTS[what.name]), file.at, size)
    stack = ExitStack()
    stack.callback(os.close, fd)
    with Recording(path, _Silence(info), stack, what=what, file=file, chunks=chunks) as recording:
        yield recording


def carried_by(path: Path, info: AudioInfo, chosen: OutputFormat, *, extended: str | None) -> Carried:
    """What an output in a format gets of the metadata of a file."""
    with opened(path, info) as recording:
        carried = read_metadata(recording).for_output(chosen, extended=extended)
        problems = [] if recording.chunks is None else recording.chunks.problems
        return replace(carried, warnings=(*problems, *carried.warnings))


def decode(path: Path, *, salvage: bool = False) -> tuple[np.ndarray, AudioInfo, tuple[str, ...]]:
    """Samples [C, T] of a recording, the facts about it, and what its user is told."""
    with open_recording(path, salvage=salvage) as recording:
        return np.concatenate(list(recording.blocks(5000)), axis=1), recording.info, recording.notes
