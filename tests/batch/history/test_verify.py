from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from hifisr_cli.batch.history.journal import Journal
from hifisr_cli.batch.history.record import InputFile, OutputFile, Record
from hifisr_cli.batch.history.verify import verify_folder
from hifisr_cli.cli.app import run
from hifisr_cli.errors import EXIT_STATUSES, UsageError


def note(
    folder: Path,
    name: str,
    *,
    source: str | None = None,
    failed: bool = False,
    backup: str | None = None,
    layer: str | None = None,
) -> None:
    """Record the file that stands there."""
    content = b"" if failed else (folder / name).read_bytes()
    output = OutputFile(name, len(content), hashlib.sha256(content).hexdigest())
    given = InputFile(f"in/{source or name}", name, 4, 0, hashlib.sha256(b"orig").hexdigest(), backup=backup)
    made = None if failed else output
    added = None if layer is None else OutputFile(layer, len(content), hashlib.sha256(content).hexdigest())
    record = Record("2026-11-21T15:00:00Z", {}, given, made, None, {}, {"status": "copied"}, added)
    with Journal(folder) as journal:
        journal.append(record)


ODD = "café.wav" if sys.platform == "win32" else os.fsdecode(b"caf\xe9\n.wav")
"""As odd as a name can be."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "deep/b.flac", ODD):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode(errors="surrogateescape"))
        note(tmp_path, name)
    return tmp_path


def states(folder: Path) -> dict[str, str]:
    return {checked.path: checked.state for checked in verify_folder(folder) if checked.state != "ok"}


def test_all_is_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert states(folder) == {}
    assert run(["verify", str(folder)]) == 0
    assert capsys.readouterr().err == "3 ok\n"
    assert run(["verify", "--quiet", str(folder)]) == 0
    assert capsys.readouterr() == ("", "")


def test_missing_changed_and_extra(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stray.wav").touch()
    (folder / "a.wav.sha256").touch()
    assert states(folder) == {"stray.wav": "extra"}
    assert run(["verify", "-q", str(folder)]) == 11
    assert capsys.readouterr().out == "extra      stray.wav\n"
    (folder / "a.wav").unlink()
    (folder / "deep" / "b.flac").write_bytes(b"DEEP/b.flac")  # as long
    assert states(folder) == {"a.wav": "missing", "deep/b.flac": "changed", "stray.wav": "extra"}
    assert run(["verify", str(folder), "--json"]) == 10
    out, err = capsys.readouterr()
    said = {item["path"]: item["state"] for item in map(json.loads, out.splitlines())}
    assert said == {
        "a.wav": "missing",
        "deep/b.flac": "changed",
        ODD.replace("\udce9", "\\xe9"): "ok",
        "stray.wav": "extra",
    }
    assert json.loads(err)["missing"] == 1
    assert {10, 11} <= EXIT_STATUSES.keys()


def test_another_length_is_seen_without_reading(folder: Path) -> None:
    (folder / "a.wav").write_bytes(b"longer than it was")
    (checked,) = [item for item in verify_folder(folder) if item.state == "changed"]
    assert checked.detail == "18 bytes instead of 5"


def test_the_last_word_counts(folder: Path) -> None:
    (folder / "a.wav").write_bytes(b"made again")
    note(folder, "a.wav")
    note(folder, "a.wav", failed=True)
    assert states(folder) == {}


def test_an_output_that_has_got_another_name(folder: Path) -> None:
    """It may still be there, and need not."""
    (folder / "a.wav.wav").write_bytes(b"a.wav")
    note(folder, "a.wav.wav", source="a.wav")
    assert states(folder) == {}
    (folder / "a.wav").unlink()
    assert states(folder) == {}
    (folder / "a.wav.wav").unlink()
    assert states(folder) == {"a.wav.wav": "missing"}


def test_backups_are_checked(folder: Path) -> None:
    (folder / "a.wav.orig").write_bytes(b"orig")
    note(folder, "a.wav", backup="a.wav.orig")
    assert states(folder) == {}
    (folder / "a.wav.orig").write_bytes(b"gone")
    assert states(folder) == {"a.wav.orig": "changed"}


def test_where_there_is_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError):
            list(verify_folder(path))
        assert run(["verify", str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_it_needs_no_network_of_any_kind(folder: Path) -> None:
    """In a process of its own, since others have loaded it here."""
    import subprocess

    code = "import sys; from hifisr_cli.cli.app import run; run(sys.argv[1:]); print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code, "verify", folder], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


def test_layers_are_checked_with_their_outputs(tmp_path: Path) -> None:
    """Wherever they lie; and one that a later record of the input does not speak of need not be there."""
    out, layers = tmp_path / "out", tmp_path / "layers"
    for folder in (out, layers):
        folder.mkdir()
        for name in ("a.wav", "b.wav"):
            (folder / name).write_bytes(name.encode())
    for name in ("a.wav", "b.wav"):
        note(out, name, layer=f"../layers/{name}")
    assert {checked.path for checked in verify_folder(out)} == {"a.wav", "b.wav", "../layers/a.wav", "../layers/b.wav"}
    assert states(out) == {}
    (layers / "a.wav").write_bytes(b"a.wax")
    (layers / "b.wav").unlink()
    assert states(out) == {"../layers/a.wav": "changed", "../layers/b.wav": "missing"}
    note(out, "b.wav")
    assert states(out) == {"../layers/a.wav": "changed"}
