"""A folder with one good recording and every kind of bad one."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.runs.conftest import Command, Ended, Make, Spawn, leftovers, obey_rights


def wav(data: bytes, *, rate: int = 8_000, channels: int = 1, promised: int | None = None, bits: int = 16) -> bytes:
    """A WAV file whose header may lie."""
    size = len(data) if promised is None else promised
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 & 0xFFFFFFFF, 2, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size & 0xFFFFFFFF) + data
    return b"RIFF" + struct.pack("<I", (size + 36) & 0xFFFFFFFF) + body


def rf64(data: bytes, *, frames: int) -> bytes:
    """The same with 64 bits for the length."""
    plain = wav(data, promised=0xFFFFFFFF)
    sizes = struct.pack("<QQQI", 2 * frames + 72, 2 * frames, frames, 0)
    return b"RF64" + b"\xff" * 4 + b"WAVEds64" + struct.pack("<I", len(sizes)) + sizes + plain[12:]


def boast(path: Path) -> None:
    """Let the header of a FLAC file promise 2 ** 31 samples."""
    data = bytearray(path.read_bytes())
    data[22:26] = (1 << 31).to_bytes(4, "big")
    path.write_bytes(data)


def cut(path: Path, share: float = 0.6) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def poisoned(path: Path, value: float) -> None:
    wave = np.full(8_000, 0.1, np.float32)
    wave[5_000] = value
    soundfile.write(path, wave, 8_000, subtype="FLOAT")


@dataclass(frozen=True)
class Bad:
    """A file that cannot be restored: how it is made, and the code of the error that it shall give."""

    name: str
    code: str
    create: Callable[[Path, Make], object]


def text(path: Path, _: Make) -> None:
    path.write_text("Dear diary,\nthis is not a recording.\n" * 20)


def locked(path: Path, make: Make) -> None:
    make(path / "unseen.wav", 0.05)
    path.chmod(0)


def truncated(**keywords: object) -> Callable[[Path, Make], None]:
    def create(path: Path, make: Make) -> None:
        cut(make(path, 2.0, 16_000, **keywords))

    return create


BAD = (
    Bad("text.wav", "not-audio", text),
    Bad("text.mp3", "not-audio", text),
    Bad("text.flac", "not-audio", text),
    Bad("noise.ogg", "not-audio", lambda path, _: path.write_bytes(np.random.default_rng(0).bytes(5_000))),
    Bad("truncated.wav", "truncated", truncated()),
    Bad("truncated-float.wav", "truncated", truncated(subtype="FLOAT")),
    Bad("truncated.flac", "truncated", truncated()),
    Bad("truncated.mp3", "truncated", truncated()),
    Bad("truncated.aiff", "truncated", truncated()),
    Bad("truncated.ogg", "truncated", truncated()),
    Bad("empty.wav", "empty", lambda path, _: path.write_bytes(b"")),
    Bad("empty.mp3", "empty", lambda path, _: path.write_bytes(b"")),
    Bad("no-frames.wav", "empty", lambda path, _: soundfile.write(path, np.zeros(0), 8_000)),
    Bad("nan.wav", "non-finite", lambda path, _: poisoned(path, float("nan"))),
    Bad("inf.wav", "non-finite", lambda path, _: poisoned(path, float("-inf"))),
    Bad("many.wav", "unsupported", lambda path, _: soundfile.write(path, np.zeros((800, 65)), 8_000)),
    Bad("boastful.wav", "truncated", lambda path, _: path.write_bytes(wav(bytes(56), promised=1 << 30))),
    Bad("boastful.rf64", "truncated", lambda path, _: path.write_bytes(rf64(bytes(56), frames=1 << 31))),
    Bad("boastful.flac", "truncated", lambda path, make: boast(make(path))),
    Bad("never.wav", "unsupported", lambda path, _: path.write_bytes(wav(bytes(2_000), rate=1))),
    Bad("always.wav", "unsupported", lambda path, _: path.write_bytes(wav(bytes(2_000), rate=2_000_000_000))),
    Bad("overflow.wav", "unsupported", lambda path, _: path.write_bytes(wav(bytes(2_000), rate=4_000_000_000))),
    Bad("cut-header.wav", "truncated", lambda path, _: path.write_bytes(wav(bytes(200))[:30])),
    Bad("no-channels.wav", "not-audio", lambda path, _: path.write_bytes(wav(bytes(2_000), channels=0))),
)


if sys.platform != "win32":
    BAD += (
        Bad("dangling.wav", "unreadable", lambda path, _: path.symlink_to("nowhere.wav")),
        Bad("loop.wav", "unreadable", lambda path, _: path.symlink_to("loop.wav")),
        Bad("pipe.wav", "unreadable", lambda path, _: os.mkfifo(path)),
        Bad("secret.wav", "unreadable", lambda path, make: make(path).chmod(0)),
        Bad("locked", "unreadable", locked),
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    """The folder."""
    folder = tmp_path_factory.mktemp("bad") / "in"
    make(folder / "good.wav")
    make(folder / "folder.wav" / "good too.wav")
    for bad in BAD:
        bad.create(folder / bad.name, make)
    return folder


@pytest.fixture(scope="module")
def ended(tree: Path, spawn: Spawn, quick: Sequence[str]) -> Ended:
    """The run over it. (As JSON: the same errors as text are looked at elsewhere.)"""
    done = spawn("upsample", *quick, tree, "-o", tree.parent / "out", "--json", preexec_fn=obey_rights())
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def lines(tree: Path, spawn: Spawn, quick: Sequence[str]) -> Sequence[str]:
    """What the same run says to people."""
    command = ("upsample", *quick, tree, "-o", tree.parent / "out for people", "--dry-run")
    return spawn(*command, preexec_fn=obey_rights()).stdout.decode().splitlines()


def test_the_good_ones_are_restored(ended: Ended, tree: Path) -> None:
    assert ended.status == 3
    done = sorted(path.relative_to(tree.parent / "out").as_posix() for path in (tree.parent / "out").rglob("*"))
    assert done == ["folder.wav", "folder.wav/good too.wav", "good.wav", "hifisr-journal.jsonl"]
    assert soundfile.info(tree.parent / "out" / "good.wav").frames == 24_000
    assert [result["status"] for result in ended.results].count("restored") == 2
    assert (ended.events[-1]["restored"], ended.events[-1]["failed"]) == (2, len(BAD))


def test_nothing_partial_is_left(ended: Ended, tree: Path) -> None:
    assert not leftovers(tree.parent)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_each_bad_one_is_told_apart(ended: Ended, tree: Path, bad: Bad) -> None:
    (result,) = [result for result in ended.results if result["input"] == str(tree / bad.name)]
    error = result["error"]
    assert (result["status"], error["code"]) == ("failed", bad.code), error
    assert error["message"]
    assert "\n" not in error["message"]
    assert error["hint"], "with a cure"


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_each_bad_one_has_its_line(lines: Sequence[str], tree: Path, bad: Bad) -> None:
    (line,) = [line for line in lines if f"{tree / bad.name}: " in line]
    assert line.startswith("failed")
    assert line.endswith(")"), "with a cure"
    assert line.count(str(tree / bad.name)) == 1, "named once"


def test_a_bad_one_alone(upsample: Command, tree: Path, tmp_path: Path) -> None:
    ended = upsample(tree / "text.wav", "-o", tmp_path / "out.wav")
    assert (ended.status, ended.out) == (3, "")
    assert len(ended.said) == 2, "one line for the file and the summary"
    assert not list(tmp_path.iterdir())


def test_explicit_ones_are_told_apart_too(upsample: Command, tree: Path, tmp_path: Path) -> None:
    names = ("dangling.wav", "pipe.wav", "missing.wav", "good.wav")
    ended = upsample(*(tree / name for name in names), "-o", tmp_path / "out", "--json")
    assert ended.status == 3
    assert [result["status"] for result in ended.results] == ["failed", "failed", "failed", "restored"]
    assert {result["error"]["code"] for result in ended.results[:3]} == {"unreadable"}
    assert all(result["error"]["hint"] for result in ended.results[:3])


def test_what_the_names_lie_about_is_read_all_the_same(upsample: Command, make: Make, tmp_path: Path) -> None:
    """The content decides: a FLAC file named .wav, WAV files with an open length as streams and recorders leave it."""
    make(tmp_path / "in" / "really flac.wav", format="FLAC", subtype="PCM_16")
    samples = (8_000 * np.sin(np.arange(8_000) * 0.3)).astype("<i2").tobytes()
    for name, promised in (("stream", 0xFFFFFFFF), ("stream of sox", 0x80000000)):
        (tmp_path / "in" / f"{name}.wav").write_bytes(wav(samples, promised=promised))
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out", "--json")
    assert ended.status == 0
    assert [result["info"]["container"] for result in ended.results] == ["FLAC", "WAV", "WAV"]
    assert [result["seconds"] for result in ended.results] == [0.5, 1.0, 1.0]


def test_json_of_the_run_is_whole(ended: Ended) -> None:
    assert len(ended.results) == len(BAD) + 2
    for line in ended.out.splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
