"""How runs end: one line, an exit status, no traceback."""

from __future__ import annotations

import errno
import inspect
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from hifisr_cli import errors
from hifisr_cli.cli import failures
from hifisr_cli.cli.failures import Terminated, explain, report
from tests.cli.runs.conftest import Command, leftovers
from tests.conftest import in_steps

STATUSES = {
    "UsageError": 2,
    "UnreadableError": 3,
    "NotAudioError": 3,
    "EmptyAudioError": 3,
    "TruncatedError": 3,
    "NonFiniteError": 3,
    "CrashedError": 3,
    "UnsupportedError": 3,
    "OutputExistsError": 3,
    "OutputIsInputError": 3,
    "NoAudioError": 4,
    "ModelError": 5,
    "DownloadError": 5,
    "DeviceError": 6,
    "ClusterError": 6,
    "OutputError": 7,
    "JournalError": 7,
    "RecordError": 7,
    "LockedError": 8,
    "TimeLimitError": 9,
}
BASES = {"HifisrError", "FileError", "RunError"}
FAMILY = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.HifisrError) and name not in BASES
}


def test_every_error_has_a_documented_status() -> None:
    assert {name: kind.exit_status for name, kind in FAMILY.items()} == STATUSES
    assert set(STATUSES.values()) <= set(errors.EXIT_STATUSES)
    assert len({kind.code for kind in FAMILY.values()}) == len(FAMILY)


@pytest.mark.parametrize("name", sorted(FAMILY))
def test_our_errors(name: str) -> None:
    error = FAMILY[name]("what happened", path="tape.wav", hint="what to do")
    failure = explain(error)
    assert failure.line == "tape.wav: what happened (what to do)"
    assert (failure.status, failure.code) == (STATUSES[name], FAMILY[name].code)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (Terminated(), 143),
        (BrokenPipeError(), 141),
        (MemoryError(), 6),
        (OSError(errno.ENOSPC, "No space left on device", "x.wav"), 7),
        (OSError(errno.EROFS, "Read-only file system", b"x.wav"), 7),
        (ZeroDivisionError("division by zero"), 1),
        (OSError(errno.EIO, "Input/output error"), 1),
    ],
)
def test_other_errors(error: BaseException, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(error).status == status
    assert report(error) == status
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == (0 if status == 141 else 1)
    assert "Traceback" not in err


def test_an_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status = report(errors.ModelError("unknown\nmodel", path="caf\udce9.safetensors"), as_json=True)
    event = json.loads(capsys.readouterr().err)
    assert event == {
        "version": 1,
        "event": "error",
        "code": "model",
        "message": "caf\\xe9.safetensors: unknown\nmodel",
        "exit_status": status,
        "traceback": None,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["upsample"],
        ["upsample", "x.wav"],
        ["upsample", "x.wav", "-o"],
        ["upsample", "x.wav", "-o", "y", "--precision", "float8"],
        ["upsample", "x.wav", "-o", "y", "--bit-depth", "12"],
        ["upsample", "x.wav", "-o", "y", "--format", "mp3"],
        ["upsample", "x.wav", "-o", "y", "--chunk-seconds", "0"],
        ["upsample", "x.wav", "-o", "y", "--chunk-seconds", "nan"],
        ["upsample", "x.wav", "-o", "y", "--batch-size", "none"],
        ["upsample", "x.wav", "-o", "y", "--threads", "-1"],
        ["upsample", "x.wav", "-o", "y", "--cutoff", "high"],
        ["upsample", "x.wav", "-o", "y", "--cutoff", "nan"],
        ["upsample", "x.wav", "-o", "y", "--cutoff", "24001"],
        ["upsample", "x.wav", "-o", "y", "--frobnicate"],
        ["upsample", "x.wav", "-o", ""],
        ["upsample", "", "-o", "y"],
        ["upsample", "x.wav", "z.wav", "-o", "y.wav"],
        ["upsample", "x.wav", "z.wav", "-o", "-"],
        ["upsample", "x.wav", "-o", "y.flac", "--format", "wav"],
        ["upsample", "x.wav", "-o", "-", "--json"],
        ["downsample"],
        ["--frobnicate"],
    ],
)
def test_usage_errors_are_one_line(
    hifisr: Command, quick: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.wav").write_bytes(b"is not looked at")
    Path("z.wav").write_bytes(b"is not looked at")
    if len(arguments) > 4:
        arguments = [*arguments, *quick[:2]]
    ended = hifisr(*arguments)
    assert ended.status == 2
    assert not ended.out
    assert len(ended.said) == 1
    if "--json" in arguments:
        assert ended.events[0]["code"] == "usage"
        return
    assert ended.said[0].startswith("hifisr: ")
    assert "(" in ended.said[0], "it says where help is"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.wav", "z.wav"]


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("the bug\nof the day")


@pytest.fixture
def bug_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hifisr_cli.restore.file.restoring", in_steps(broken))


@pytest.fixture
def bug_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hifisr_cli.batch.plan.run_plan.plan_outputs", broken)


@pytest.mark.parametrize("bug", ["bug_in_a_file", "bug_elsewhere"])
def test_a_bug_shows_its_traceback_with_verbose_only(
    upsample: Command, good: Path, request: pytest.FixtureRequest, bug: str
) -> None:
    request.getfixturevalue(bug)
    output = good.parent / "out"
    ended = upsample(good, "-o", output)
    assert ended.status == 1
    assert "Traceback" not in ended.err
    about_it = [line for line in ended.said if "ZeroDivisionError" in line]
    assert len(about_it) == 1
    assert "this is a bug" in about_it[0]
    assert "--verbose" in about_it[0]
    ended = upsample(good, "-o", output, "--verbose")
    assert ended.err.count("Traceback (most recent call last)") == 1
    assert "raise ZeroDivisionError" in ended.err
    assert not leftovers(good.parent)


def test_a_bug_as_json(upsample: Command, good: Path, bug_elsewhere: None) -> None:
    ended = upsample(good, "-o", good.parent / "out", "--json")
    assert ended.status == 1
    assert not ended.out
    assert [event["code"] for event in ended.events] == ["unexpected"]


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(errno.ENOSPC, "full"), ValueError("closed")])
def test_a_terminal_that_is_gone_is_no_new_error(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    class Gone:
        def write(self, _text: str) -> int:
            raise error

        def flush(self) -> None:
            raise error

    monkeypatch.setattr(failures.sys, "stderr", Gone())
    assert report(errors.NoAudioError("nothing")) == 4


def test_memory(upsample: Command, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("hifisr_cli.restore.file.restoring", in_steps(full))
    ended = upsample(good, "-o", good.parent / "out")
    assert ended.status == 3
    assert "not enough memory" in ended.err
    assert "--chunk-seconds" in ended.err
