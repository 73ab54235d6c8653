from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from hifisr_cli.audio.containers.riff import Chunk
from hifisr_cli.audio.formats import OutputFormat, choose_format
from hifisr_cli.audio.metadata.carried import Carried
from hifisr_cli.audio.open import open_recording
from hifisr_cli.audio.output.output import Output
from hifisr_cli.errors import NonFiniteError, OutputError, OutputExistsError, UnsupportedError
from hifisr_cli.results import AudioInfo
from hifisr_cli.system.staged_file import FileTarget

resource = pytest.importorskip("resource")

Audio = np.ndarray[Any, np.dtype[np.float32]]
INFO = AudioInfo("WAV", "PCM_16", 8000, 1, 100, 16, is_float=False, lossy=False)
FORMATS = {
    "wav16": choose_format(INFO, requested="wav", bit_depth="16", suffix=None),
    "wav24": choose_format(INFO, requested="wav", bit_depth="24", suffix=None),
    "wav32": OutputFormat("wav", "PCM_32", 32, ".wav"),
    "wav32f": choose_format(INFO, requested="wav", bit_depth="32f", suffix=None),
    "flac16": choose_format(INFO, requested="flac", bit_depth="16", suffix=None),
    "flac24": choose_format(INFO, requested="flac", bit_depth="24", suffix=None),
    "aiff16": choose_format(INFO, requested=None, bit_depth="16", suffix=".aiff"),
    "aiff24": choose_format(INFO, requested=None, bit_depth="24", suffix=".aiff"),
    "vorbis": choose_format(INFO, requested=None, bit_depth="keep", suffix=".ogg"),
    "opus": choose_format(INFO, requested=None, bit_depth="keep", suffix=".opus"),
    "mp3": choose_format(INFO, requested=None, bit_depth="keep", suffix=".mp3"),
}
LOSSLESS = [name for name, chosen in FORMATS.items() if chosen.bits is not None]
LOSSY = [name for name in FORMATS if name not in LOSSLESS]


def sound(frames: int = 70_000, channels: int = 2) -> Audio:
    return (np.random.default_rng(0).standard_normal((channels, frames)) * 0.1).astype(np.float32)


def write(target: Path | None, name: str, audio: Audio, cuts: list[int] | None = None, **options: Any) -> Audio:
    chosen = FORMATS[name]
    settings_ = {"channels": audio.shape[0], "frames": audio.shape[1], "overwrite": False} | options
    with Output(target, chosen, **settings_) as output:
        parts = [output.write(audio[:, a:b]) for a, b in pairwise([0, *(cuts or []), audio.shape[1]])]
    return np.concatenate(parts, axis=1)


def decode(path: Path) -> tuple[Audio, AudioInfo]:
    with open_recording(path) as recording:
        return np.concatenate(list(recording.blocks()), axis=1), recording.info


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_what_is_written_is_what_is_returned_and_read(tmp_path: Path, name: str, channels: int) -> None:
    path, audio = tmp_path / "a", sound(1001, channels)
    returned = write(path, name, audio)
    found, info = decode(path)
    np.testing.assert_array_equal(found, returned)
    assert (info.sample_rate, info.frames, info.codec) == (48000, 1001, FORMATS[name].codec)
    steps = {"16": 1.5 / 2**15, "24": 0.5 / 2**23, "32": 2.0**-24, "2f": 0.0}[name[-2:]]
    assert np.abs(found - audio).max() <= steps
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_outputs_have_the_exact_length(tmp_path: Path, name: str, channels: int) -> None:
    t = np.arange(100_001) / 48000
    audio = np.tile(0.3 * np.sin(2 * np.pi * 440 * t), (channels, 1)).astype(np.float32)
    path = tmp_path / "a"
    np.testing.assert_array_equal(write(path, name, audio), audio)
    found, info = decode(path)
    assert found.shape == audio.shape
    assert (info.sample_rate, info.codec) == (48000, FORMATS[name].codec)
    inner = slice(5000, -5000)
    assert np.abs(found[:, inner] - audio[:, inner]).max() < 0.02


@pytest.mark.parametrize("name", FORMATS)
def test_same_bytes_for_every_split_and_every_time(tmp_path: Path, name: str) -> None:
    audio = sound(150_000)
    digests = set()
    for number, cuts in enumerate(([], [1, 70_000, 70_001], list(range(10_000, 150_000, 10_000)))):
        write(tmp_path / str(number), name, audio, cuts)
        digests.add(hashlib.sha256((tmp_path / str(number)).read_bytes()).hexdigest())
    if name in LOSSLESS:  # lossy encoders may look at what they are handed
        assert len(digests) == 1
    write(tmp_path / "again", name, audio, [])
    assert (tmp_path / "again").read_bytes() == (tmp_path / "0").read_bytes()


@given(cuts=st.lists(st.integers(0, 3000), max_size=6).map(sorted))
@settings(max_examples=10)
def test_same_bytes_for_random_splits(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    folder = tmp_path_factory.mktemp("splits")
    write(folder / "whole", "wav16", sound(3000))
    write(folder / "split", "wav16", sound(3000), cuts)
    assert (folder / "split").read_bytes() == (folder / "whole").read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_overs_do_not_wrap(tmp_path: Path, name: str) -> None:
    t = np.arange(48_000) / 48000
    audio = (4 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)[None]
    path = tmp_path / "a"
    with Output(path, FORMATS[name], channels=1, frames=48_000, overwrite=False) as output:
        output.write(audio)
    found, _ = decode(path)
    inner = slice(3000, -3000)
    assert (np.sign(found[0, inner]) * np.sign(audio[0, inner]) >= 0)[np.abs(audio[0, inner]) > 1].all()
    expected = 0 if name == "wav32f" else int(np.count_nonzero(np.abs(audio) > 1))
    assert output.clipped == expected


@pytest.mark.parametrize("name", ["wav24", "wav16", "flac24", "flac16"])
def test_equal_channels_stay_equal(tmp_path: Path, name: str) -> None:
    mono = sound(2000, 1)
    write(tmp_path / "a", name, np.concatenate([mono, mono]))
    found, _ = decode(tmp_path / "a")
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("name", ["wav24", "flac24", "opus"])
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [False, True])
def test_an_exception_leaves_nothing_new(tmp_path: Path, name: str, kind: type[BaseException], old: bool) -> None:
    if old:
        (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(kind):  # noqa: SIM117 - the exception must leave the inner statement
        with Output(tmp_path / "a", FORMATS[name], channels=2, frames=1000, overwrite=True) as output:
            output.write(sound(500))
            raise kind
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([b"old"] if old else [])


def test_existing_output(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        write(tmp_path / "a", "wav24", sound(10))
    assert (tmp_path / "a").read_bytes() == b"old"
    write(tmp_path / "a", "wav24", sound(10), overwrite=True)
    assert decode(tmp_path / "a")[0].shape == (2, 10)


def test_output_that_appears_meanwhile(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputExistsError),
        Output(tmp_path / "a", FORMATS["wav24"], channels=2, frames=10, overwrite=False) as output,
    ):
        output.write(sound(10))
        (tmp_path / "a").write_bytes(b"theirs")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"theirs"]


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 100 kB: as real as a full disk, with another number."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["wav24", "wav32f", "flac24", "aiff24", "vorbis", "opus", "mp3"])
def test_no_room_for_the_file(tmp_path: Path, small_disk: None, name: str) -> None:
    with pytest.raises(OutputError) as caught:
        write(tmp_path / "a", name, sound(480_000))
    assert str(tmp_path / "a") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["wav24", "flac24"])
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_disk_full_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OutputError, match=r"no space left on device.*free some space"):
        write(tmp_path / "a", name, sound(1000))
    assert list(tmp_path.iterdir()) == []


def test_samples_that_are_not_numbers(tmp_path: Path) -> None:
    audio = sound(100)
    audio[0, 50] = np.nan
    with pytest.raises(NonFiniteError):
        write(tmp_path / "a", "wav24", audio)
    assert list(tmp_path.iterdir()) == []


def test_wrong_shapes_and_lengths_are_bugs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a block"):
        write(tmp_path / "a", "wav24", sound(100), channels=1)
    for frames in (99, 101):
        with pytest.raises(ValueError, match="promised"):
            write(tmp_path / "a", "wav24", sound(100), frames=frames)
    assert list(tmp_path.iterdir()) == []


def test_aiff_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="AIFF"):
        write(tmp_path / "a", "aiff24", sound(10), frames=10**9)


@pytest.mark.parametrize("name", FORMATS)
def test_standard_output_gets_the_same_bytes(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], name: str
) -> None:
    returned = write(None, name, sound(70_000))
    out = capfdbinary.readouterr().out
    np.testing.assert_array_equal(write(tmp_path / "a", name, sound(70_000)), returned)
    assert out == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("name", ["wav24", "flac24"])
def test_standard_output_that_was_closed(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    saved = os.dup(1)
    os.dup2(writing, 1)
    os.close(writing)
    try:
        with pytest.raises(BrokenPipeError):
            write(None, name, sound(200_000))
    finally:
        os.dup2(saved, 1)
        os.close(saved)


@pytest.mark.parametrize("name", FORMATS)
def test_ffmpeg_reads_it_too(tmp_path: Path, ffmpeg: str, name: str) -> None:
    audio = sound(48_000)
    write(tmp_path / "a", name, audio)
    raw = subprocess.run(
        [ffmpeg, "-v", "error", "-xerror", "-i", str(tmp_path / "a"), "-f", "f32le", "-"],
        check=True,
        capture_output=True,
    ).stdout
    found = np.frombuffer(raw, "<f4").reshape(-1, 2).T
    if name in LOSSLESS:
        np.testing.assert_allclose(found, decode(tmp_path / "a")[0], atol=2**-23)
    else:
        assert found.shape[1] >= 48_000


def test_long_blocks_are_written_in_portions(tmp_path: Path) -> None:
    audio = sound(60 * 48_000, 1)  # one write of this length crashes libvorbis
    write(tmp_path / "a.ogg", "vorbis", audio)
    assert soundfile.info(tmp_path / "a.ogg").frames == audio.shape[1]


@pytest.mark.parametrize("name", ["wav16", "wav24", "wav32f"])
@pytest.mark.parametrize("frames", [0, 1, 1_001, 70_000])
def test_a_file_whose_length_nobody_knew_states_it(tmp_path: Path, name: str, frames: int) -> None:
    """It is the file that it would be otherwise; with chunks on both sides, too."""
    audio = sound(frames, 1)
    carried = Carried(before=(Chunk(b"abcd", b"odd"),), after=(Chunk(b"efgh", b"even"),))
    for target, known in (("known", frames), ("unknown", None)):
        write(tmp_path / target, name, audio, frames=known, carried=carried)
    assert (tmp_path / "known").read_bytes() == (tmp_path / "unknown").read_bytes()


def test_a_file_that_grew_too_long_to_state_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where 4 GB are 20,000 bytes: its sizes are those of a stream, and every sample is there."""
    audio = sound(70_000, 1)
    write(tmp_path / "short", "wav24", audio[:, :1_000], frames=None)
    monkeypatch.setattr("hifisr_cli.audio.output.wav._MAX_SIZE", 20_000)
    write(tmp_path / "long", "wav24", audio, frames=None)
    short, long = ((tmp_path / name).read_bytes() for name in ("short", "long"))
    header = len(short) - 3_000
    assert len(long) == header + 210_000
    assert {int.from_bytes(long[start : start + 4], "little") for start in (4, header - 4)} == {20_000}
    assert long[8 : header - 4] == short[8 : header - 4]
    assert long[header : header + 3_000] == short[header:]


def with_layer(folder: Path, name: str, restored: Audio, original: Audio) -> tuple[Path, Path]:
    out, layer = folder / "out", folder / "layer"
    made = Output(
        out, FORMATS[name], channels=2, frames=restored.shape[1], overwrite=True, layer=FileTarget(layer, True)
    )
    with made as output:
        for a, b in pairwise([0, 1_000, 70_000]):
            output.write(restored[:, a:b], original[:, a:b])
    return out, layer


@pytest.mark.parametrize("name", FORMATS)
def test_the_layer_has_the_length_and_the_format(tmp_path: Path, name: str) -> None:
    original = (np.round(sound() * 2**23) / 2**23).astype(np.float32)
    out, layer = with_layer(tmp_path, name, original + sound()[::-1], original)
    (written, info), (added, about) = decode(out), decode(layer)
    assert (about.codec, about.sample_rate, about.bits) == (info.codec, info.sample_rate, info.bits)
    assert added.shape == written.shape == original.shape
    if name in LOSSLESS and name != "wav32":  # which float32 does not hold
        write(tmp_path / "alone", name, original)
        assert np.array_equal(written.astype(np.float64) - added, decode(tmp_path / "alone")[0])


def test_an_error_leaves_neither(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"before")
    with pytest.raises(NonFiniteError):
        with_layer(tmp_path, "wav24", np.full((2, 70_000), np.nan, np.float32), sound())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"before")]


@pytest.mark.parametrize("there", [False, True])
def test_an_output_that_cannot_be_shown_takes_its_layer_back(tmp_path: Path, there: bool) -> None:
    """What the layer has replaced is gone, so it stays then."""
    if there:
        (tmp_path / "layer").write_bytes(b"before")
    chosen, layer = FORMATS["wav24"], FileTarget(tmp_path / "layer", overwrite=True)
    output = Output(tmp_path / "out", chosen, channels=2, frames=10, overwrite=False, layer=layer)
    with pytest.raises(OutputExistsError), output:
        output.write(sound(10), sound(10))
        (tmp_path / "out").write_bytes(b"somebody else's")
    assert (tmp_path / "layer").exists() is there
    assert (tmp_path / "out").read_bytes() == b"somebody else's"
