"""Every moment of it is in test_power_cut.py."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hifisr_cli.batch.history.journal import Journal, iter_journal, journal_path, journal_shards
from hifisr_cli.batch.history.lock import LOCK_NAME, FolderLock
from hifisr_cli.batch.history.merge import merge_parts
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.errors import OutputError
from tests.batch.history.test_journal import record, write

SHARDS = [Shard(2, 1), Shard(2, 2)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, record("before"))
    for shard in SHARDS:
        with Journal(tmp_path, shard) as journal:
            journal.append(record(f"a {shard.index}"))
            journal.append(record(f"b {shard.index}"))
    return tmp_path


def merge(folder: Path) -> None:
    lock = FolderLock(folder)
    try:
        merge_parts(folder, lock)
    finally:
        lock.release()


def names(folder: Path) -> list[str]:
    return sorted(item.input.relative for item in iter_journal(folder))


ALL = ["a 1", "a 2", "b 1", "b 2", "before"]


def test_the_parts_are_behind_what_there_was(folder: Path) -> None:
    merge(folder)
    assert journal_shards(folder) == []
    assert next(iter_journal(folder)) == record("before")
    assert names(folder) == ALL
    before = journal_path(folder).read_bytes()
    merge(folder)
    assert journal_path(folder).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [journal_path(folder).name]


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_is_full_loses_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    lock = FolderLock(folder)
    announced = folder / f"{LOCK_NAME}.1-of-2"
    announced.write_text('{"outputs": ["a 1"], "journal": 9}\n')

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, full)
        with pytest.raises(OutputError, match="no space left on device"):
            merge_parts(folder, lock)
    lock.release()
    assert journal_shards(folder) == SHARDS
    assert announced.exists()
    merge(folder)
    assert names(folder) == ALL
    assert journal_shards(folder) == []
