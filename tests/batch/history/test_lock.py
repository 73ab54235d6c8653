from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hifisr_cli.batch.history import lock_file
from hifisr_cli.batch.history.lock import LOCK_NAME, FolderLock
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.errors import LockedError, OutputError

pytest.importorskip("fcntl", reason="the system has no such locks")

HOLD = """
import sys
from pathlib import Path
from hifisr_cli.batch.history.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
lock.announce(["a.wav", "b.wav"], 7)
print("held", flush=True)
sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """A process that has the lock and two outputs in hand."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_one_run_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(LockedError, match="another run") as refused:
        FolderLock(tmp_path)
    assert refused.value.exit_status == 8
    assert refused.value.hint
    lock.release()
    assert list(tmp_path.iterdir()) == [], "nothing stays behind"
    FolderLock(tmp_path).release()


def test_a_live_process_is_respected_and_a_dead_one_is_not(tmp_path: Path) -> None:
    process = hold(tmp_path)
    with pytest.raises(LockedError):
        FolderLock(tmp_path)
    process.kill()
    process.communicate()
    (tmp_path / "a.wav").touch()
    lock = FolderLock(tmp_path)
    assert lock.announced == {(None, "a.wav"): 7, (None, "b.wav"): 7}
    lock.release()
    again = FolderLock(tmp_path)
    assert again.announced == {(None, "a.wav"): 7}, "of the outputs in hand, those that are there"
    again.settle("a.wav")
    again.release()
    assert not (tmp_path / LOCK_NAME).exists()


def test_what_was_settled_is_not_announced(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "b.wav").touch()
    lock = FolderLock(tmp_path)
    lock.announce(["a.wav", "b.wav", "never made.wav"], 0)
    lock.settle("a.wav")
    lock.release()
    again = FolderLock(tmp_path)
    assert again.announced == {(None, "b.wav"): 0}
    again.release()


def test_a_torn_announcement_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_bytes(b'{"outputs": ["a.wav"], "journal": 3}\n{"outputs": ["b.w')
    lock = FolderLock(tmp_path)
    assert lock.announced == {(None, "a.wav"): 3}
    lock.release()


def test_a_workers_hold_outlives_the_run(tmp_path: Path) -> None:
    """A process that inherited the lock keeps the folder locked; a new run waits for it if the run itself is dead."""
    code = HOLD.replace(
        "sys.stdin.read()",
        "import os, subprocess\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(0.5)'], pass_fds=[lock.fd])\n"
        "os._exit(9)",
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
    )
    assert ended.returncode == 9
    lock = FolderLock(tmp_path)
    assert (None, "a.wav") in lock.announced
    lock.release()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        FolderLock(tmp_path / "missing")
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(OutputError):
        FolderLock(tmp_path)
    assert os.listdir(tmp_path) == [LOCK_NAME]  # noqa: PTH208


SHARDS = Shard(3, 1), Shard(3, 2), Shard(3, 3)


def test_shards_run_at_once_and_each_of_them_once(tmp_path: Path) -> None:
    locks = [FolderLock(tmp_path, shard) for shard in SHARDS]
    with pytest.raises(LockedError, match="another run of shard 2/3 is at work") as refused:
        FolderLock(tmp_path, SHARDS[1])
    assert refused.value.exit_status == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{LOCK_NAME}.{shard.part}" for shard in SHARDS]
    for lock in locks:
        lock.release()
    assert not list(tmp_path.iterdir())


def test_a_whole_run_and_shards_exclude_each_other(tmp_path: Path) -> None:
    whole = FolderLock(tmp_path)
    with pytest.raises(LockedError, match="a run without --shard is at work"):
        FolderLock(tmp_path, SHARDS[0])
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_NAME], "who is refused leaves nothing"
    whole.release()
    shard = FolderLock(tmp_path, SHARDS[0])
    with pytest.raises(LockedError, match="shard 1/3 is at work"):
        FolderLock(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{LOCK_NAME}.1-of-3"]
    shard.release()


def test_shards_of_another_number_are_refused(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, SHARDS[0])
    with pytest.raises(LockedError, match="shard 1/3 is at work"):
        FolderLock(tmp_path, Shard(2, 1))
    lock.release()
    FolderLock(tmp_path, Shard(2, 1)).release()


def test_what_a_dead_shard_announced_is_known_to_those_that_it_excludes(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    line = '{"outputs": ["a.wav"], "journal": 7}\n'
    (tmp_path / f"{LOCK_NAME}.1-of-3").write_text(line)
    announced = {(SHARDS[0], "a.wav"): 7}
    for shard, known in ((SHARDS[0], announced), (SHARDS[1], {}), (Shard(2, 1), announced), (None, announced)):
        lock = FolderLock(tmp_path, shard)
        assert lock.announced == known
        lock.release()
        assert (tmp_path / f"{LOCK_NAME}.1-of-3").exists()
    lock = FolderLock(tmp_path)
    lock.take_over(11)
    assert [path.name for path in tmp_path.glob(".*")] == [LOCK_NAME]
    lock.release()
    again = FolderLock(tmp_path)
    assert again.announced == {(None, "a.wav"): 11}
    again.release()


def test_another_host_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_file, "_BEAT", 0.05)
    monkeypatch.setattr(lock_file, "_POLL_ELSEWHERE", 0.1)
    monkeypatch.setattr(lock_file, "host_name", lambda: "node-1")
    lock = FolderLock(tmp_path, SHARDS[0])
    monkeypatch.setattr(lock_file, "host_name", lambda: "node-2")
    monkeypatch.setattr(lock_file, "try_lock", lambda _fd, shared=False: True)  # locks are local to a host
    for other in (None, SHARDS[0], Shard(2, 2)):
        with pytest.raises(LockedError, match="shard 1/3 is at work on this output folder, on host node-1"):
            FolderLock(tmp_path, other)
    other_part = FolderLock(tmp_path, SHARDS[1])
    other_part.release()
    lock.release()
