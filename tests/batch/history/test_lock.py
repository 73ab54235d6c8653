from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hifisr_cli.batch.history.lock import LOCK_NAME, FolderLock
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
