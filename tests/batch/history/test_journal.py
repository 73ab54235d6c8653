from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hifisr_cli.batch.history import journal as module
from hifisr_cli.batch.history.journal import (
    Journal,
    has_journal,
    iter_journal,
    iter_lines,
    journal_path,
    journal_shards,
    read_journal,
    silent_shards,
)
from hifisr_cli.batch.history.record import InputFile, OutputFile, Record
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.errors import JournalError, OutputError


def record(name: str, size: int = 1) -> Record:
    source = InputFile(f"in/{name}", name, size, 2, "a" * 64, f"/in/{name}")
    return Record("2026-11-21T15:00:00Z", {}, source, OutputFile(name, 3, "b" * 64), None, {}, {"status": "copied"})


def write(folder: Path, *records: Record) -> None:
    with Journal(folder) as journal:
        for item in records:
            journal.append(item)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == []
    write(tmp_path, record("a"), record("b"))
    write(tmp_path, record("a", 5))
    assert list(iter_journal(tmp_path)) == [record("a"), record("b"), record("a", 5)]
    assert read_journal(tmp_path) == [record("b"), record("a", 5)], "the last record of an input wins"


@pytest.mark.parametrize("cut", [1, 2, 20, 200])
def test_a_torn_last_line_is_ignored_and_repaired(tmp_path: Path, cut: int) -> None:
    write(tmp_path, record("a"), record("b"))
    path = journal_path(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    assert list(iter_journal(tmp_path)) == [record("a")]
    write(tmp_path, record("c"))
    kept = [record("b")] if cut == 1 else []  # nothing but the end of the line was lost
    assert list(iter_journal(tmp_path)) == [record("a"), *kept, record("c")]
    assert path.read_bytes().count(b"\n") == 2 + len(kept)


def test_a_journal_that_is_torn_from_its_first_line_on(tmp_path: Path) -> None:
    journal_path(tmp_path).write_bytes(b'{"version": 1' + b"x" * 200_000)
    write(tmp_path, record("c"))
    assert list(iter_journal(tmp_path)) == [record("c")]


def test_lines_that_a_power_cut_left_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, record("a"))
    with journal_path(tmp_path).open("ab") as file:
        file.write(bytes(512) + b"\n\n{}\n")
    write(tmp_path, record("b"))
    assert list(iter_journal(tmp_path)) == [record("a"), record("b")]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, record("a"))

    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def write(self, fd: int, data: bytes) -> int:
            return os.write(fd, data[:10])

    with Journal(tmp_path) as journal:
        monkeypatch.setattr(module, "os", Full())
        with pytest.raises(OutputError, match="no space left"):
            journal.append(record("b"))
        monkeypatch.undo()
        journal.append(record("c"))
    assert list(iter_journal(tmp_path)) == [record("a"), record("c")]


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    journal_path(tmp_path).mkdir()
    with pytest.raises(JournalError):
        read_journal(tmp_path)
    with pytest.raises(OutputError):
        Journal(tmp_path)


def test_two_inputs_of_one_name_are_two(tmp_path: Path) -> None:
    other = replace(record("a"), input=replace(record("a").input, absolute="/elsewhere/a"))
    write(tmp_path, record("a"), other)
    assert read_journal(tmp_path) == [record("a"), other]


def test_the_parts_of_shards_are_one_journal_in_the_order_of_time(tmp_path: Path) -> None:
    """Each in its own order, whatever its clock; what stands in no part came before."""
    early, late = Shard(3, 2), Shard(2, 1)

    def at(second: int, name: str) -> Record:
        return replace(record(name), time=f"2026-11-21T15:00:{second:02}.000Z")

    write(tmp_path, at(50, "whole"))
    for shard, records in ((late, [at(3, "a"), at(1, "b"), at(9, "c")]), (early, [at(2, "d"), at(4, "a")])):
        with Journal(tmp_path, shard) as journal:
            for item in records:
                journal.append(item)
    with journal_path(tmp_path, early).open("ab") as file:
        file.write(b'{"version": 1, "time": "2026')  # its shard is at work
    (tmp_path / "hifisr-journal.old.jsonl").write_text("somebody's\n")
    assert journal_shards(tmp_path) == [late, early]
    assert [item.input.relative for item in iter_journal(tmp_path)] == ["whole", "d", "a", "b", "a", "c"]
    assert [part for part, offset, _ in iter_lines(tmp_path) if offset == 0] == [None, early, late]
    assert silent_shards(tmp_path) == {2: [2], 3: [1, 3]}


def test_a_part_alone_is_a_journal(tmp_path: Path) -> None:
    assert not has_journal(tmp_path)
    Journal(tmp_path, Shard(2, 1)).close()
    assert has_journal(tmp_path)
    assert list(iter_journal(tmp_path)) == []
