from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.containers.frames_in_step import find_frames
from hifisr_cli.audio.containers.mpeg_frames import RUN
from hifisr_cli.audio.containers.signatures import identify

HEAD = b"\xff\xfb\x90\x64"  # MPEG 1, layer III, 128 kbit/s, 44.1 kHz
FRAME = HEAD + bytes(413)


def test_frames_are_found_behind_whatever_stands_before_them(rng: np.random.Generator) -> None:
    for junk in (b"", bytes(1000), rng.bytes(60_000), FRAME[300:]):
        assert find_frames(junk + FRAME * 200) == ("MPEG", len(junk))


def test_what_is_no_stream_of_frames_is_not_taken_for_one(rng: np.random.Generator) -> None:
    noise = (rng.standard_normal(65_536) * 3).astype("<i2").tobytes()  # quiet: full of bytes of ones
    frames = FRAME * RUN  # in a file that is something else
    full = (b"\xff" * 131_072, HEAD * 30_000, b"\xff\xf1\x50\x80" * 30_000)
    for data in (b"", rng.bytes(131_072), noise, *full, frames + bytes(2 * len(frames))):
        assert find_frames(data) is None


@pytest.mark.parametrize(("codec", "kind"), [("libmp3lame", "MPEG"), ("aac", "AAC"), ("ac3", "AC3"), ("eac3", "EAC3")])
@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_streams_that_were_cut_are_known(tmp_path: Path, ffmpeg: str, codec: str, kind: str, rate: int) -> None:
    wav, path = tmp_path / "a.wav", tmp_path / "a"
    soundfile.write(wav, np.random.default_rng(0).standard_normal((rate, 2)) * 0.1, rate)
    form = {"libmp3lame": "mp3", "aac": "adts"}.get(codec, codec)
    subprocess.run([ffmpeg, "-v", "error", "-i", wav, "-c:a", codec, "-b:a", "96k", "-f", form, path], check=True)
    whole = path.read_bytes()[100 if kind == "MPEG" else 0 :]
    for cut in (50, 101, 1000):
        data = whole[cut:]
        found = identify(lambda position, count, data=data: data[position : position + count])
        assert found.kind is not None
        assert found.kind.name == kind
        if kind != "MPEG":
            assert found.start == found.skipped < 3000
            assert data[found.start : found.start + 2] == whole[:2]
