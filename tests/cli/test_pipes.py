"""Through a pipe while it goes on: other programs feed and hear it, memory and temporary disk stay constant."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from hifisr_cli.system.files import open_file
from tests.cli.runs.conftest import (
    PYTHON_M,
    Command,
    Make,
    checkpoint,
    environment,
    feed,
    good,
    hifisr,
    make,
    quick,
    upsample,
)  # fmt: skip

__all__ = ["checkpoint", "environment", "feed", "good", "hifisr", "make", "quick", "upsample"]


def sox() -> str:
    found = shutil.which("sox")
    if found is None:
        pytest.skip("sox is not installed")
    return found


def floats(data: bytes, channels: int = 1) -> np.ndarray:
    return np.frombuffer(data, np.float32).reshape(-1, channels).T


@pytest.fixture(scope="module")
def telephone(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    """11 s, longer than what is measured."""
    return make(tmp_path_factory.mktemp("pipes") / "telephone.wav", 11.0, 8_000)


class Piped(NamedTuple):
    """What a run in this process has written to standard output, a real pipe, and said."""

    status: int
    out: bytes
    said: str


@pytest.fixture
def pipe(hifisr: Command, feed: Callable[[bytes], None], quick: Sequence[str]) -> Callable[..., Piped]:
    """`pipe(data, *options)`: `hifisr upsample - -o -` in this process."""

    def call(data: bytes, *options: str) -> Piped:
        feed(data)
        reading, writing = os.pipe()
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(os.fdopen(reading, "rb").read()))
        reader.start()
        saved = os.dup(1)
        os.dup2(writing, 1)
        os.close(writing)
        try:
            ended = hifisr("upsample", *quick, *options, "-", "-o", "-")
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            reader.join()
        assert ended.out == ""
        return Piped(ended.status, got[0], ended.err)

    return call


@pytest.mark.parametrize("container", ["wav", "flac", "mp3"])
def test_a_short_stream_is_the_file(
    pipe: Callable[..., Piped], upsample: Command, make: Make, tmp_path: Path, container: str
) -> None:
    """A stream that ends while it is measured is measured as a whole: the samples are those of a run on the file."""
    source = make(tmp_path / f"in.{container}", 3.0, 16_000)
    piped = pipe(source.read_bytes(), "--chunk-seconds", "10")
    assert piped.status == 0, piped.said
    assert upsample(source, "-o", tmp_path / "out.wav").status == 0
    found, rate = soundfile.read(io.BytesIO(piped.out))
    np.testing.assert_array_equal(found, soundfile.read(tmp_path / "out.wav")[0])
    assert rate == 48_000


def test_a_stream_says_no_more_of_what_is_synthetic_than_is_known(
    pipe: Callable[..., Piped], telephone: Path, make: Make, tmp_path: Path
) -> None:
    """Its header goes out before all of it was heard: where content ends later on, nobody knows."""
    going_on, given = (pipe(telephone.read_bytes(), *options).out for options in ((), ("--cutoff", "3400")))
    over = pipe(make(tmp_path / "in.wav", 3.0, 8_000).read_bytes()).out
    assert b"extended where it was limited by" in going_on
    assert b"extended above 3.4 kHz by" in given
    assert b"extended above " in over


@pytest.mark.parametrize(
    ("form", "bits", "length"),
    [("wav", "24", "known"), ("wav", "24", "unknown"), ("flac", "24", "known"), ("flac", "16", "unknown")],
)
def test_ffmpeg_and_sox_hear_every_sample(  # noqa: PLR0917
    pipe: Callable[..., Piped], telephone: Path, ffmpeg: str, form: str, bits: str, length: str
) -> None:
    data = bytearray(telephone.read_bytes())
    if length == "unknown":
        data[40:44] = data[4:8] = b"\xff" * 4
    piped = pipe(bytes(data), "--chunk-seconds", "5", "--bit-depth", bits, "--cutoff", "3400", "--format", form)
    assert piped.status == 0
    assert "level and crossover were measured on 2 s of the stream" in piped.said
    heard = subprocess.run(
        [ffmpeg, "-v", "error", "-i", "-", "-f", "s32le", "-"], input=piped.out, capture_output=True, check=True
    )
    # A WAV stream of unknown length ends too early for ffmpeg, its own ones too; it decodes them to the end.
    assert not heard.stderr or (form, length) == ("wav", "unknown")
    assert len(heard.stdout) == 4 * 11 * 48_000
    expected = pipe(bytes(data), "--chunk-seconds", "5", "--bit-depth", bits, "--cutoff", "3400", "--format", "raw").out
    samples = np.frombuffer(heard.stdout, np.int32)
    np.testing.assert_array_equal(
        (samples >> 32 - int(bits)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, : int(bits) // 8].tobytes(), expected
    )
    if form == "wav" and (program := shutil.which("sox")) is not None:
        again = subprocess.run(
            [program, "-t", "wav", "-", "-t", "s32", "-"], input=piped.out, capture_output=True, check=True
        )
        assert again.stdout == heard.stdout
    if form == "flac" and length == "known":
        assert soundfile.info(io.BytesIO(piped.out)).frames == 11 * 48_000


def test_a_pipeline_of_sox_and_ffmpeg(
    environment: Mapping[str, str], quick: Sequence[str], telephone: Path, ffmpeg: str
) -> None:
    """sox writes a WAV without a length into the pipe, ffmpeg reads FLAC; progress is on standard error only."""
    program = sox()
    first = subprocess.Popen([program, telephone, "-t", "wav", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    work = subprocess.Popen(
        [*PYTHON_M, "upsample", *quick, "--format", "flac", "-", "-o", "-"], stdin=first.stdout,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    last = subprocess.run(
        [ffmpeg, "-v", "error", "-xerror", "-i", "-", "-f", "f32le", "-"],
        stdin=work.stdout,
        capture_output=True,
        check=True,
    )
    assert work.stdout is not None
    assert work.stderr is not None
    work.stdout.close()
    said = work.stderr.read()
    assert (work.wait(), first.wait(), last.stderr) == (0, 0, b"")
    assert floats(last.stdout).shape == (1, 11 * 48_000)
    assert b"cutoff and level were measured on 10 s of the stream" in said


def test_raw_in_and_raw_out(pipe: Callable[..., Piped], upsample: Command, make: Make, tmp_path: Path) -> None:
    source = make(tmp_path / "in.wav", 2.0, 8_000, subtype="ULAW")
    samples = source.read_bytes()[-16_000:]
    options = ["--raw", "8000,1,mulaw", "--format", "raw", "--bit-depth", "16", "--chunk-seconds", "2"]
    piped = pipe(samples, *options)
    assert piped.status == 0
    assert len(piped.out) == 2 * 2 * 48_000
    (tmp_path / "in.ul").write_bytes(samples)
    assert upsample(*options, tmp_path / "in.ul", "-o", tmp_path / "out.raw").status == 0
    assert (tmp_path / "out.raw").read_bytes() == piped.out
    (tmp_path / "calls").mkdir()
    (tmp_path / "in.ul").rename(tmp_path / "calls" / "in.ul")
    assert upsample(*options, tmp_path / "calls", "-o", tmp_path / "out").status == 0
    assert (tmp_path / "out" / "in.raw").read_bytes() == piped.out


def test_output_before_the_end_of_the_input(
    environment: Mapping[str, str], quick: Sequence[str], telephone: Path
) -> None:
    """The input stays open until something was heard of it, and nothing is kept on the disk."""
    work = subprocess.Popen(
        [*PYTHON_M, "upsample", *quick, "--cutoff", "3400", "--chunk-seconds", "0.5", "-", "-o", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**environment, "TMPDIR": "/nowhere"},
    )  # fmt: skip
    assert work.stdin is not None
    assert work.stdout is not None
    data = telephone.read_bytes()
    work.stdin.write(data[: 44 + 5 * 16_000])
    work.stdin.flush()
    heard = work.stdout.read(44 + 3 * 48_000 * 3)  # the first three seconds, while five have been fed
    assert heard.startswith(b"RIFF")
    threading.Thread(target=lambda: (work.stdin.write(data[44 + 5 * 16_000 :]), work.stdin.close())).start()
    rest = work.stdout.read()
    assert work.wait() == 0
    found, _ = soundfile.read(io.BytesIO(heard + rest))
    assert len(found) == 11 * 48_000


@pytest.mark.posix
def test_interrupted_while_it_waits(environment: Mapping[str, str], quick: Sequence[str], telephone: Path) -> None:
    """Ctrl-C and SIGTERM reach a run whose decoder waits for a stream that says nothing."""
    work = subprocess.Popen(
        [*PYTHON_M, "upsample", *quick, "-", "-o", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert work.stdin is not None
    assert work.stdout is not None
    assert work.stderr is not None
    work.stdin.write(telephone.read_bytes()[: 44 + 10_500 * 16])
    work.stdin.flush()
    work.stdout.read(1_000)  # it is at work by now
    work.terminate()
    assert work.wait(60) == 143
    said = work.stderr.read()
    assert b"Traceback" not in said
    assert b"Fatal" not in said


def test_a_reader_that_leaves_a_stream(environment: Mapping[str, str], quick: Sequence[str], telephone: Path) -> None:
    for form in ("flac",):
        work = subprocess.Popen(
            [*PYTHON_M, "upsample", *quick, "--format", form, "-", "-o", "-"], stdin=telephone.open("rb"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip
        assert work.stdout is not None
        assert work.stderr is not None
        assert work.stdout.read(100)
        work.stdout.close()
        said = work.stderr.read()
        assert work.wait(60) in (141, -13)
        assert b"Traceback" not in said
        assert b"ignored" not in said


def test_a_stream_that_breaks_off(pipe: Callable[..., Piped], telephone: Path) -> None:
    half = telephone.read_bytes()[: 44 + 7 * 16_000]
    piped = pipe(half, "--cutoff", "3400")
    assert piped.status == 3
    assert "it breaks off after 7.000 of 11.000 s" in piped.said
    piped = pipe(half, "--cutoff", "3400", "--salvage")
    assert piped.status == 0
    assert "salvaged: 7.000 of 11.000 s readable" in piped.said
    assert len(soundfile.read(io.BytesIO(piped.out))[0]) == 7 * 48_000


def test_silence_before_somebody_speaks(
    make: Make, tmp_path: Path, tiny_stream: Callable[..., tuple[np.ndarray, object]]
) -> None:
    source = make(tmp_path / "in.wav", 4.0, 16_000)
    speech, _ = soundfile.read(source, dtype="float32")
    waited = np.concatenate([np.zeros(25 * 16_000, np.float32), speech])
    output, result = tiny_stream(waited, 16_000)
    assert output.shape == (1, 29 * 48_000)
    assert result.status == "restored"
    assert np.abs(output[0, : 19 * 48_000]).max() == 0.0
    assert result.measured_seconds is not None


@pytest.fixture
def tiny_stream(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[np.ndarray, object]]:
    """Restores samples as a stream in this process; what reached standard output, and the result."""
    from hifisr_cli.audio.decoders.bytestream import ByteStream
    from hifisr_cli.audio.decoders.raw import RawFormat
    from hifisr_cli.audio.open_stream import open_stream
    from hifisr_cli.engines.load import load_model
    from hifisr_cli.restore.file import RestoreOptions
    from hifisr_cli.restore.pipe import restore_live

    def call(samples: np.ndarray, rate: int) -> tuple[np.ndarray, object]:
        recording = open_stream(
            ByteStream(io.BytesIO(samples.astype("<f4").tobytes())), Path("-"), raw=RawFormat(rate, 1, "f32le")
        )
        assert recording is not None
        model = load_model(str(checkpoint), device="cpu", threads=1)
        saved, target = os.dup(1), open_file(tmp_path / "piped", os.O_CREAT | os.O_RDWR)
        os.dup2(target, 1)
        try:
            result = restore_live(
                recording, model=model, options=RestoreOptions(format="raw", bit_depth="32f"), label="-"
            )
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            os.close(target)
        return floats((tmp_path / "piped").read_bytes()), result

    return call


def test_constant_memory(
    tiny_stream: Callable[..., tuple[np.ndarray, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four minutes of stream: what is held at once stays far below the whole."""
    import tracemalloc

    from hifisr_cli.restore import pipe as live

    monkeypatch.setattr(live, "_AHEAD_BYTES", 1 << 20)
    samples = np.tile(np.sin(np.arange(48_000) * 0.05).astype(np.float32) * 0.1, 240)
    tracemalloc.start()
    try:
        output, _ = tiny_stream(samples, 48_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert output.shape[1] == len(samples)
    assert peak - 2 * samples.nbytes < 40 << 20  # twice: the stream that the test feeds, and what it reads back


def test_a_dry_run_and_a_file_measure_the_whole(
    upsample: Command, feed: Callable[[bytes], None], telephone: Path, tmp_path: Path
) -> None:
    feed(telephone.read_bytes())
    ended = upsample("-", "-o", tmp_path / "out.wav", "--json")
    assert ended.results[0]["measured_seconds"] is None
    assert sys.stdin is not None


def test_a_stream_that_goes_on_behind_its_promised_end(pipe: Callable[..., Piped], telephone: Path) -> None:
    """The header of the output was written with the promise: the run fails, unless the output may have no length."""
    data = bytearray(telephone.read_bytes())
    promised = len(data) - 44 - 2 * 2_000
    data[40:44] = promised.to_bytes(4, "little")
    strict = pipe(bytes(data))
    assert strict.status == 3
    assert "goes on after the 10.750 s that its header counts" in strict.said
    salvaged = pipe(bytes(data), "--salvage")
    assert salvaged.status == 0, salvaged.said
    assert "10.750 s of sound, but 11.000 s are there" in salvaged.said
    assert len(salvaged.out) - salvaged.out.index(b"data") - 8 == 11 * 48_000 * 3


def test_a_stream_that_lacks_less_than_a_block(pipe: Callable[..., Piped], telephone: Path) -> None:
    """Its header was believed by that of the output: silence stands for what is missing."""
    data = bytearray(telephone.read_bytes())
    data[40:44] = (len(data)).to_bytes(4, "little")  # its header's bytes, too
    piped = pipe(bytes(data))
    assert piped.status == 0, piped.said
    assert "44 bytes of sound more than there are" in piped.said
    found, rate = soundfile.read(io.BytesIO(piped.out))
    assert (len(found), rate) == (11 * 48_000 + 22 * 6, 48_000)
