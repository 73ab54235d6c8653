"""Shards of a run, at the same time and one after the other: together they are worth a run without them.

The restoring itself is `test_resume.Tool`'s stand-in.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import pytest

from hifisr_cli.batch.history.journal import JOURNAL_NAME, iter_journal, journal_shards
from hifisr_cli.batch.history.lock import LOCK_NAME
from hifisr_cli.batch.history.output_folder import DONE_BEFORE
from hifisr_cli.batch.history.verify import verify_folder
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.errors import LockedError, UsageError
from hifisr_cli.restore import file as recording
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import FileResult
from tests.batch.test_resume import Killed, Tool
from tests.conftest import in_steps

NAMES = [f"{folder}/{index}.wav" for folder in "ab" for index in range(10)]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * (1 + len(name) * NAMES.index(name)))
    made = Tool(tmp_path / "in", tmp_path / "out")
    monkeypatch.setattr(recording, "restoring", in_steps(made.restore_file))
    return made


def together(tool: Tool, count: int, **given: Any) -> list[FileResult]:
    """All shards at the same time: each in turn does one recording."""
    with ExitStack() as stack:
        runs = [stack.enter_context(tool.opened(shard=Shard(count, index + 1), **given)) for index in range(count)]
        return [r for r in chain(*zip_longest(*(run.results() for run in runs))) if r is not None]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.wav")}


def records(folder: Path) -> list[str]:
    """What the journal says, but for the times."""
    data = [asdict(record) | {"time": ""} for record in iter_journal(folder)]
    for each in data:
        each["result"] = {**each["result"], "wall_seconds": None, "output": None}
        each["output"] = each["output"] and {**each["output"], "mtime_ns": None}
    return sorted(map(str, data))


def assert_whole(tool: Tool, *, names: int = len(NAMES)) -> None:
    """Every recording has its output and one record; nothing is left over; a run without shards has nothing to do."""
    tool.made = []
    assert set(tool.run().values()) == {DONE_BEFORE}
    assert tool.made == []
    counts = Counter(record.output.path for record in iter_journal(tool.out) if record.output is not None)
    assert len(counts) == names
    assert set(counts.values()) == {1}
    assert {checked.state for checked in verify_folder(tool.out)} == {"ok"}
    assert [path.name for path in tool.out.iterdir() if path.is_file()] == [JOURNAL_NAME]
    assert not list(tool.out.rglob(".hifisr*"))


def test_shards_at_once_are_one_run(tool: Tool, tmp_path: Path) -> None:
    alone = Tool(tool.source, tmp_path / "alone")
    assert Counter(alone.run().values()) == {"restored": 10}, "by name: 10 in each folder"
    results = together(tool, 4)
    assert len(tool.made) == len(NAMES) + len(NAMES), "each once, and once before"
    assert {result.status for result in results} == {"restored"}
    assert len(results) == len(NAMES)
    assert journal_shards(tool.out) == [Shard(4, index) for index in (1, 2, 3, 4)]
    assert contents(tool.out) == contents(alone.out)
    assert records(tool.out) == records(alone.out)
    assert_whole(tool)
    assert records(tool.out) == records(alone.out)


def test_a_shard_again_has_nothing_to_do(tool: Tool) -> None:
    together(tool, 3)
    assert {result.status for result in together(tool, 3)} == {"skipped"}
    tool.source.joinpath("a", "new.wav").write_bytes(b"new")
    assert Counter(result.status for result in together(tool, 3)) == {"skipped": len(NAMES), "restored": 1}
    assert_whole(tool, names=len(NAMES) + 1)


def test_another_number_goes_on_from_what_is_done(tool: Tool) -> None:
    def die(name: str) -> None:
        if len(tool.made) == 4:
            raise Killed

    tool.die = die
    with pytest.raises(Killed):
        together(tool, 3)
    tool.die = lambda _name: None
    before = len(list(iter_journal(tool.out)))
    assert before == 3
    assert len(contents(tool.out)) == 4, "one stands there without a record"
    results = together(tool, 2)
    assert Counter(result.status for result in results) == {"skipped": before, "restored": len(NAMES) - before}
    assert {result.warnings for result in results if result.status == "skipped"} == {(DONE_BEFORE,)}
    assert journal_shards(tool.out) == [Shard(2, 1), Shard(2, 2), *(Shard(3, index) for index in (1, 2, 3))]
    assert_whole(tool)


def test_a_run_without_shards_goes_on_from_what_they_did(tool: Tool) -> None:
    with tool.opened(shard=Shard(2, 2)) as run:
        done = len(list(run.results()))
    assert 0 < done < len(NAMES)
    with tool.opened() as run:
        results = list(run.results())
    assert Counter(result.status for result in results) == {"skipped": done, "restored": len(NAMES) - done}
    assert_whole(tool)


def test_shards_go_on_from_a_run_without(tool: Tool) -> None:
    def die(name: str) -> None:
        if len(tool.made) == 4:
            raise Killed

    tool.die = die
    with pytest.raises(Killed):
        tool.run()
    tool.die = lambda _name: None
    lock = (tool.out / LOCK_NAME).read_bytes()
    assert Counter(result.status for result in together(tool, 2)) == {"skipped": 3, "restored": len(NAMES) - 3}
    assert (tool.out / LOCK_NAME).read_bytes() == lock, "it is not theirs"
    assert_whole(tool)


@pytest.mark.parametrize("overwrite", [False, True])
def test_shards_that_disagree_about_everything(tool: Tool, monkeypatch: pytest.MonkeyPatch, overwrite: bool) -> None:
    """They started with other lists, at the worst: both do all. One output and one record of it stand in the end."""
    monkeypatch.setattr(Shard, "own", lambda _shard, jobs: tuple(jobs))
    results = together(tool, 2, options=RestoreOptions(overwrite=overwrite))
    counts = Counter(result.status for result in results)
    assert counts["restored"] == len(list(iter_journal(tool.out)))
    assert overwrite or counts["restored"] == len(NAMES), "who came second has written nothing"
    assert counts.total() == counts["restored"] + counts["skipped"] == 2 * len(NAMES)
    for name, content in contents(tool.out).items():
        assert content == b"restored " + (tool.source / name).read_bytes() + b"None"
    if not overwrite:  # which replaces what is there, as often as it is said
        assert_whole(tool)


def test_what_no_shard_took_for_its_own_is_done_by_the_next_run(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def own(_shard: Shard, jobs: tuple[Job, ...]) -> tuple[Job, ...]:
        return tuple(jobs[:4])

    monkeypatch.setattr(Shard, "own", own)
    together(tool, 2)
    monkeypatch.undo()
    monkeypatch.setattr(recording, "restoring", in_steps(tool.restore_file))
    results = together(tool, 2)
    assert Counter(result.status for result in results) == {"skipped": 4, "restored": len(NAMES) - 4}
    assert_whole(tool)


def test_a_list_that_grew_between_two_shards(tool: Tool) -> None:
    with tool.opened(shard=Shard(2, 1)) as first:
        for index in range(5):
            (tool.source / "a" / f"more {index}.wav").write_bytes(bytes(500 * index))
        (tool.source / "a" / "0.flac").write_bytes(b"whose output has a longer name now, as that of its neighbour")
        with tool.opened(shard=Shard(2, 2)) as second:
            results = [r for r in chain(*zip_longest(first.results(), second.results())) if r is not None]
    assert {result.status for result in results} <= {"restored", "skipped"}
    outputs = [record.output.path for record in iter_journal(tool.out) if record.output is not None]
    assert len(outputs) == len(set(outputs)), "nothing was written twice"
    tool.run()
    inputs = {record.input.relative for record in iter_journal(tool.out)}
    assert inputs == {str(path.relative_to(tool.source)) for path in tool.source.rglob("*") if path.is_file()}
    assert set(tool.run().values()) == {DONE_BEFORE}
    assert not list(tool.out.rglob(".hifisr*"))


def test_more_shards_than_recordings(tool: Tool) -> None:
    results = together(tool, 30)
    assert len(results) == len(NAMES)
    assert len(journal_shards(tool.out)) == 30, "who had nothing to do has said so"
    assert_whole(tool)


def test_failures_belong_to_a_shard_as_everything_does(tool: Tool) -> None:
    tool.bad = {"3.wav"}
    (tool.source / "c.wav").symlink_to("nowhere")
    results = together(tool, 3)
    assert sorted(Path(r.input).name for r in results if r.status == "failed") == ["3.wav", "3.wav", "c.wav"]
    assert len(list(iter_journal(tool.out))) == len(NAMES) + 1


def test_who_excludes_whom(tool: Tool) -> None:
    with tool.opened(shard=Shard(2, 1)):
        for other in (None, Shard(2, 1), Shard(3, 2)):
            with pytest.raises(LockedError), tool.opened(shard=other):
                pass
        with tool.opened(shard=Shard(2, 2)):
            pass
    with tool.opened(), pytest.raises(LockedError), tool.opened(shard=Shard(2, 1)):
        pass
    assert not list(tool.out.rglob(".hifisr-lock*"))


def test_where_there_is_nothing_to_share(tool: Tool) -> None:
    with pytest.raises(UsageError, match="--in-place"):
        tool.opened(in_place=True, shard=Shard(2, 1))
    tool.out = tool.source.with_name("single.wav")
    with pytest.raises(UsageError, match="for outputs in a folder"):
        tool.opened(tool.source / "a" / "1.wav", shard=Shard(2, 1))
