"""A drive that is unplugged: what fails then, the closing of files included, hides nothing and undoes nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hifisr_cli.batch.history.journal import Journal
from hifisr_cli.batch.history.lock import FolderLock
from hifisr_cli.errors import OutputError
from hifisr_cli.system.staged_file import StagedFile
from tests.cli.runs.conftest import Command, Make, outputs

fcntl = pytest.importorskip("fcntl", reason="the system cannot tell how a file is open")
GONE = OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))


def closing_fails(monkeypatch: pytest.MonkeyPatch, *, of_access: int) -> list[int]:
    """From now on closing a file that is open in this way works and then raises; returns what was closed so."""
    close, closed = os.close, []

    def failing(fd: int) -> None:
        access = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        close(fd)
        if access == of_access:
            closed.append(fd)
            raise GONE

    monkeypatch.setattr(os, "close", failing)
    return closed


def test_the_inputs_drive_after_the_last_sample(
    upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "in" / "a.wav", 0.05)
    closed = closing_fails(monkeypatch, of_access=os.O_RDONLY)
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
    assert closed
    assert ended.status == 0
    assert ended.said[-1].startswith("1 restored")
    assert outputs(tmp_path / "out") == ["a.wav"]


def test_the_outputs_drive_under_journal_and_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, journal = FolderLock(tmp_path), Journal(tmp_path)
    closed = closing_fails(monkeypatch, of_access=os.O_RDWR)
    journal.close()
    lock.release()
    assert len(closed) == 2


def test_the_outputs_drive_under_an_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = StagedFile(tmp_path / "a", overwrite=False)
    closed = closing_fails(monkeypatch, of_access=os.O_RDWR)
    staged.commit()
    assert (tmp_path / "a").exists()
    StagedFile(tmp_path / "b", overwrite=False).discard()
    assert not (tmp_path / "b").exists()
    assert len(closed) == 2


def test_the_error_that_came_first_is_the_one_told(
    upsample: Command, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal cannot be written to, and then it cannot be closed."""
    make(tmp_path / "in" / "a.wav", 0.05)

    def lost(*_: object) -> None:
        closing_fails(monkeypatch, of_access=os.O_RDWR)
        raise OutputError("cannot be written: transport endpoint is not connected", path=tmp_path / "out")

    monkeypatch.setattr(Journal, "append", lost)
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out")
    assert ended.status == 7
    assert "transport endpoint is not connected" in ended.said[-1]
    assert "bug" not in ended.err
