"""Two hosts are two names here, and locks that one host does not see of the other are locks that always succeed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hifisr_cli.batch.history import lock_file as module
from hifisr_cli.batch.history.lock_file import HeldError, LockFile, lines_of_the_dead

pytest.importorskip("fcntl", reason="the system has no such locks")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BEAT", 0.1)
    monkeypatch.setattr(module, "_LIFELESS", 1.0)
    monkeypatch.setattr(module, "_POLL_ELSEWHERE", 0.05)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[LockFile]:
    """By this process on this host."""
    lock = LockFile(tmp_path / "lock")
    yield lock
    lock.release([])


def elsewhere(monkeypatch: pytest.MonkeyPatch, host: str = "node-2", *, sees_locks: bool = False) -> None:
    """From here on this process runs on another host."""
    monkeypatch.setattr(module, "host_name", lambda: host)
    if not sees_locks:
        monkeypatch.setattr(module, "try_lock", lambda _fd, shared=False: True)


def test_the_line_says_who_holds_it(held: LockFile, tmp_path: Path) -> None:
    line = json.loads((tmp_path / "lock").read_text().splitlines()[-1])
    assert line["pid"] == os.getpid()
    assert line["host"]
    assert set(line) == {"pid", "host", "boot"}


def test_on_one_host_it_is_refused_at_once(held: LockFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_disk_time", None)  # nobody asks for the time, or writes anything
    for take in (LockFile, lines_of_the_dead):
        with pytest.raises(HeldError) as refused:
            take(tmp_path / "lock")
        assert refused.value.host is None


@pytest.mark.parametrize("sees_locks", [False, True])
def test_a_holder_that_lives_on_another_host(
    held: LockFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sees_locks: bool
) -> None:
    """It is seen to live by its touches, whether its lock is seen or not, and whatever the clock here says."""
    here = module.host_name()
    elsewhere(monkeypatch, sees_locks=sees_locks)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    for take in (LockFile, lines_of_the_dead):
        with pytest.raises(HeldError) as refused:
            take(tmp_path / "lock")
        assert refused.value.host == here
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock"]


def test_a_holder_that_died_on_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for as long as it may only seem dead; what it wrote is found."""
    path = tmp_path / "lock"
    dead = {"pid": os.getpid(), "host": "node-1", "boot": "b"}
    path.write_text(json.dumps(dead) + "\n" + json.dumps({"outputs": ["a.wav"], "journal": 3}) + "\n")
    before = path.stat().st_mtime
    found = lines_of_the_dead(path)
    assert found == [dead, {"outputs": ["a.wav"], "journal": 3}]
    assert time.time() - before > module._LIFELESS
    lock = LockFile(path)
    assert lock.found == found
    lock.release([{"outputs": ["a.wav"], "journal": 5}])
    elsewhere(monkeypatch)
    before = time.monotonic()
    assert lines_of_the_dead(path) == [{"outputs": ["a.wav"], "journal": 5}], "whoever let go has said so"
    assert time.monotonic() - before < module._LIFELESS


def test_a_host_that_was_started_again_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of that number is not the one that wrote it."""
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": os.getpid(), "host": module.host_name(), "boot": "an earlier one"}) + "\n")
    os.utime(path, (1, 1))
    LockFile(path).release([])
    assert not path.exists()


def test_many_may_look_at_what_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lines_of_the_dead(path) == []
    assert not path.exists(), "looking makes nothing"
    path.write_text('{"outputs": []}\n')
    fd = module._await(path, 0)
    assert lines_of_the_dead(path) == [{"outputs": []}]
    os.close(fd)


def test_a_file_that_is_just_being_looked_at_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    path.write_text('{"outputs": []}\n')
    fd = module._await(path, 0)
    monkeypatch.setattr(time, "sleep", lambda _seconds: os.close(fd))
    LockFile(path).release([])


def test_a_file_that_stays_locked_by_nobody_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ORPHANS_GONE", 0.2)
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": 1, "host": "node-1", "boot": None}) + "\n")
    fd = os.open(path, os.O_RDWR)
    assert module.try_lock(fd)
    with pytest.raises(HeldError) as refused:
        LockFile(path)
    assert refused.value.host == "node-1"
    os.close(fd)


def test_the_holder_touches_it_until_it_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = LockFile(path)
    first = path.stat().st_mtime_ns
    time.sleep(0.4)
    assert path.stat().st_mtime_ns > first
    lock.release([{"outputs": ["a"]}])
    time.sleep(0.2)
    last = path.stat().st_mtime_ns
    time.sleep(0.4)
    assert path.stat().st_mtime_ns == last
