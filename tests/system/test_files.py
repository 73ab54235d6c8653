"""What open files can do on every system, on the one that the tests run on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hifisr_cli.system import files, machine

HOLD = (
    "import os, sys, time; from hifisr_cli.system.files import open_file, try_lock; "
    "fd = open_file(sys.argv[1], os.O_RDWR); print(try_lock(fd), flush=True); time.sleep(60)"
)


def opened(path: Path, data: bytes = b"") -> int:
    fd = files.open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    os.write(fd, data)
    return fd


def test_a_new_file_is_not_one_that_is_there(tmp_path: Path) -> None:
    os.close(opened(tmp_path / "a"))
    with pytest.raises(FileExistsError) as caught:
        opened(tmp_path / "a")
    assert Path(str(caught.value.filename)) == tmp_path / "a"
    with pytest.raises(FileNotFoundError):
        files.open_file(tmp_path / "missing", os.O_RDONLY)


def test_bytes_stay_as_they_are(tmp_path: Path) -> None:
    data = bytes(range(256)) + b"\r\n\n\x1a\r"
    os.close(opened(tmp_path / "a", data))
    assert (tmp_path / "a").read_bytes() == data
    fd = files.open_file(tmp_path / "a", os.O_RDONLY)
    assert os.read(fd, 1000) == data
    os.close(fd)


def test_what_is_appended_stands_at_the_end(tmp_path: Path) -> None:
    os.close(opened(tmp_path / "a", b"one"))
    fd = files.open_file(tmp_path / "a", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b" two")
    os.close(fd)
    assert (tmp_path / "a").read_bytes() == b"one two"


def test_a_place_is_read_and_written_without_going_there(tmp_path: Path) -> None:
    fd = opened(tmp_path / "a", b"0123456789")
    os.lseek(fd, 3, os.SEEK_SET)
    assert files.read_at(fd, 4, 5) == b"5678"
    assert files.read_at(fd, 4, 8) == b"89"
    assert files.read_at(fd, 4, 10) == b""
    assert files.write_at(fd, b"xy", 1) == 2
    assert os.read(fd, 2) == b"34"
    os.close(fd)
    assert (tmp_path / "a").read_bytes() == b"0xy3456789"


def test_a_file_is_renamed_replaced_and_deleted_while_it_is_open(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    fd = opened(tmp_path / "a", b"new")
    files.rename(tmp_path / "a", tmp_path / "target")
    assert files.read_at(fd, 9, 0) == b"new"
    os.link(tmp_path / "target", tmp_path / "second")
    (tmp_path / "target").unlink()
    os.close(fd)
    assert [path.name for path in tmp_path.iterdir()] == ["second"]


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    fd = opened(tmp_path / "a", b"readable")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "a")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"True"
        assert files.try_lock(fd) is False
        assert (tmp_path / "a").read_bytes() == b"readable"
        assert machine.is_alive(holder.pid)
        holder.kill()
    assert not machine.is_alive(holder.pid)
    assert files.try_lock(fd) is True
    second = files.open_file(tmp_path / "a", os.O_RDWR)
    assert files.try_lock(second) is False, "another descriptor of the same process is somebody else, too"
    os.close(fd)
    assert files.try_lock(second) is True
    os.close(second)


def test_waiting_for_a_pipe() -> None:
    ours, theirs = os.pipe()
    started = time.monotonic()
    assert not files.readable_within(ours, 0.2)
    assert time.monotonic() - started > 0.15
    threading.Timer(0.1, os.write, (theirs, b"x")).start()
    assert files.readable_within(ours, 20.0)
    assert os.read(ours, 9) == b"x"
    os.close(theirs)
    assert files.readable_within(ours, 20.0), "the end is something to read"
    assert os.read(ours, 9) == b""
    os.close(ours)


def test_a_reader_that_has_left() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with pytest.raises(OSError) as caught:
        os.write(theirs, b"x")
    assert files.reader_has_left(caught.value)
    os.close(theirs)
    assert not files.reader_has_left(FileNotFoundError())


def test_the_inode_of_a_directory_entry_is_the_file_s_own(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with os.scandir(tmp_path) as entries:
        (entry,) = entries
    assert os.path.samestat(files.status_of(entry), (tmp_path / "a").stat())
    assert files.status_of(entry).st_ino != 0


def test_paths_in_records_have_slashes() -> None:
    assert files.portable_path(os.path.join("a", "b c", "d.wav")) == "a/b c/d.wav"  # noqa: PTH118
