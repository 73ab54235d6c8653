"""File names that other tools stumble over."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from tests.cli.runs.conftest import Command, Make, Spawn, outputs

NAMES = {
    "newline": "two\nlines.wav",
    "escape": "\x1b[31mred.wav",
    "not UTF-8": "caf\udce9.wav",
    "dash": "--overwrite.wav",
    "markup": "[bold]loud[reset] {0} %s.wav",
    "255 bytes": "x" * 251 + ".wav",
    "umlauts": "Gru\u0308ße ☎.wav",
    "dots": "...wav.wav",
}


@pytest.fixture
def tree(tmp_path: Path, make: Make) -> Path:
    """A folder with one recording under all of these names."""
    data = make(tmp_path / "a.wav", 0.05).read_bytes()
    folder = tmp_path / "in"
    folder.mkdir()
    for kind, name in NAMES.items():
        try:
            (folder / name).write_bytes(data)
        except OSError:
            pytest.skip(f"this file system has no name with {kind} in it")
    return folder


@pytest.mark.posix
def test_names_in_a_folder(upsample: Command, tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = upsample(tree, "-o", out)
    assert ended.status == 0
    assert outputs(out) == sorted(NAMES.values())
    assert len(ended.said) == len(NAMES) + 1, "one line a file and the summary"
    assert all(line.isprintable() for line in ended.said)
    assert any("two\\nlines.wav" in line for line in ended.said)
    assert any("caf\\xe9.wav" in line for line in ended.said)
    assert any("[bold]loud[reset] {0} %s.wav" in line for line in ended.said)
    ended = upsample(tree, "-o", out, "--json", "--overwrite")
    assert ended.status == 0
    assert ended.out.isascii()
    assert {Path(result["input"]).name for result in ended.results} >= {
        "two\nlines.wav",
        "caf\\xe9.wav",
        "Gru\u0308ße ☎.wav",
    }
    ended = upsample(tree, "-o", tmp_path / "planned", "--dry-run")
    assert len(ended.out.splitlines()) == len(NAMES) + 1


@pytest.mark.posix
def test_names_on_the_command_line(spawn: Spawn, quick: Sequence[str], tree: Path) -> None:
    """With bytes as the shell hands them over; `--` ends the options."""
    names = [os.fsencode(name) for name in NAMES.values()]
    out = [b"-o", os.fsencode(tree.parent / "out")]
    ended = spawn("upsample", *quick, *out, "--", *names, cwd=tree)
    assert ended.returncode == 0, ended.stderr
    assert outputs(tree.parent / "out") == sorted(map(os.fsdecode, names))
    assert b"Traceback" not in ended.stderr


@pytest.mark.posix
def test_a_name_that_the_drive_does_not_take_fails_alone(
    upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on exFAT, which has no colons: neither in the names of files nor of folders."""
    opened, mkdir = os.open, os.mkdir

    def checked_open(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT and ":" in Path(path).name:
            raise OSError(errno.EINVAL, "Invalid argument")
        return opened(path, flags, mode)

    def checked_mkdir(path: Path, *rest: int) -> None:
        if ":" in Path(path).name:
            raise OSError(errno.EINVAL, "Invalid argument")
        mkdir(path, *rest)

    folder = tmp_path / "in"
    for name in ("a.wav", "b: 2.wav", "c: 3/d.wav", "e.wav"):
        make(folder / name, 0.05)
    monkeypatch.setattr(os, "open", checked_open)
    monkeypatch.setattr(os, "mkdir", checked_mkdir)
    ended = upsample(folder, "-o", tmp_path / "out")
    assert ended.status == 3
    failed = [line for line in ended.said if line.startswith("failed")]
    assert len(failed) == 2
    assert all("the drive does not take this name" in line and "rename the input" in line for line in failed)
    assert outputs(tmp_path / "out") == ["a.wav", "e.wav"]


def test_a_name_that_becomes_too_long_fails_alone(upsample: Command, make: Make, tmp_path: Path) -> None:
    """255 bytes fit, and four more for the suffix do not."""
    folder = tmp_path / "in"
    make(folder / "a.wav", 0.05)
    long = folder / ("x" * 251 + ".aif")
    long.write_bytes((folder / "a.wav").read_bytes())
    ended = upsample(folder, "-o", tmp_path / "out", "--format", "flac")
    assert ended.status == 3
    failed = [line for line in ended.said if line.startswith("failed")]
    assert len(failed) == 1
    assert "too long" in failed[0]
    assert failed[0].endswith(")"), "with a cure"
    assert outputs(tmp_path / "out") == ["a.flac"]


@pytest.mark.posix
def test_a_path_that_becomes_too_long_fails_alone(
    upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an input its path is short enough for the system (4096 bytes), as an output it is not."""
    folder = tmp_path / "in"
    data = make(folder / "a.wav", 0.05).read_bytes()
    monkeypatch.chdir(folder)
    for _ in range(14):
        os.mkdir("d" * 250)  # noqa: PTH102  a Path would be too long
        os.chdir("d" * 250)
    Path("b.wav").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    out = Path(*["o" * 250] * 3)
    out.mkdir(parents=True)
    ended = upsample("in", "-o", out)
    assert ended.status == 3
    failed = [line for line in ended.said if line.startswith("failed")]
    assert len(failed) == 1
    assert "too long" in failed[0]
    assert outputs(out) == ["a.wav"]


def test_a_file_named_dash(upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "-", 0.05, format="WAV")
    monkeypatch.chdir(tmp_path)
    assert upsample("./-", "-o", "out.wav").status == 0
    assert soundfile.info("out.wav").samplerate == 48_000


@pytest.mark.parametrize("how", [(), ("--dry-run",), ("--json",), ("-q",)])
def test_what_is_left_aside_is_said_once(upsample: Command, make: Make, tmp_path: Path, how: tuple[str, ...]) -> None:
    make(tmp_path / "in" / "a.wav")
    for name in ("a.gsm", "b.xyz", "c.xyz", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"x")
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out", *how)
    words = "3 files in the folder were not looked at: 2 .xyz, 1 .gsm (--raw reads .gsm, one kind at a time)"
    assert ended.status == 0
    assert ended.err.count(words) == (0 if how == ("-q",) else 1)
    if how == ("--json",):
        assert [event["level"] for event in ended.events if event.get("message") == words] == ["warning"]
    assert words not in ended.out


def test_a_folder_of_recordings_without_a_header(upsample: Command, make: Make, tmp_path: Path) -> None:
    """Those whose suffix belongs to the format are restored, the others are counted."""
    make(tmp_path / "in" / "a.wav")
    for name in ("deep/b.ulaw", "c.UL", "d.gsm"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(bytes(range(256)) * 20)
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out", "--raw", "8000,1,mulaw")
    assert ended.status == 0
    assert outputs(tmp_path / "out") == ["c.wav", "deep"]
    assert (tmp_path / "out" / "deep" / "b.wav").is_file()
    assert "2 files in the folder were not looked at: 1 .gsm, 1 .wav" in ended.err
