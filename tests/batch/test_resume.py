"""The same command again: what is done is not done again, what has changed is, and nothing of anybody else is touched.

The restoring itself is a stand-in that copies and marks what it made, so that it is seen what was made by which run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hifisr_cli.batch.history.journal import iter_journal, journal_path, read_journal
from hifisr_cli.batch.history.lock import LOCK_NAME
from hifisr_cli.batch.history.output_folder import DONE_BEFORE, OutputFolder
from hifisr_cli.batch.history.record import ModelUsed
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.batch.request import RunRequest, RunSettings
from hifisr_cli.batch.run import Run, open_run
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome
from hifisr_cli.engines.protocol import Identity
from hifisr_cli.errors import LockedError, NotAudioError, OutputError, TimeLimitError
from hifisr_cli.restore import file as recording
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import FileResult
from hifisr_cli.system.staged_file import StagedFile
from tests.conftest import in_steps

MODEL = Identity("copier", "m", "0" * 64)


class Killed(BaseException):
    """As if the process had died there."""


@dataclass
class Tool:
    """Runs over `source` into `out`.

    Attributes:
        made: the names that were restored, over all runs.
        bad: names that fail.
        die: called with the name when an output stands there but nobody knows of it yet.
    """

    source: Path
    out: Path
    made: list[str] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    die: Callable[[str], None] = lambda _name: None
    model: Identity = MODEL

    def restore_file(
        self, source: Path, target: Path, *, options: RestoreOptions, overwrite: Any, label: str, **_: Any
    ) -> FileResult:
        name = target.name
        self.made.append(name)
        if name in self.bad:
            raise NotAudioError("is not a recording", path=label)
        staged = StagedFile(target, overwrite=overwrite)
        try:
            os.write(staged.fd, b"restored " + source.read_bytes() + str(options.cutoff_hz).encode())
            staged.commit()
        finally:
            staged.discard()
        self.die(name)
        return FileResult(label, str(target), "restored", seconds=1.0)

    def run(
        self, *inputs: Path, options: RestoreOptions | None = None, in_place: bool = False, **settings: Any
    ) -> dict[str, str]:
        """Status by name of the input, with the note of what was skipped."""
        with self.opened(*inputs, options=options, in_place=in_place, **settings) as run:
            results = list(run.results())
        return {Path(r.input).name: r.warnings[0] if r.status == "skipped" else r.status for r in results}

    def opened(
        self,
        *inputs: Path,
        options: RestoreOptions | None = None,
        in_place: bool = False,
        backups: Path | None = None,
        shard: Shard | None = None,
        **settings: Any,
    ) -> Run:
        """A run in this process, by the one door."""
        model: Any = SimpleNamespace(identity=self.model, device="cpu")
        out = None if in_place else str(self.out)
        chosen = options or RestoreOptions()
        return open_run(
            RunRequest(
                inputs or (self.source,), out, chosen, model, RunSettings(**settings), backups=backups, shard=shard
            )
        )


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("a", "sub/b", "sub/c"):
        (tmp_path / "in" / f"{name}.wav").write_bytes(name.encode())
    made = Tool(tmp_path / "in", tmp_path / "out")
    monkeypatch.setattr(recording, "restoring", in_steps(made.restore_file))
    return made


ALL = dict.fromkeys(("a.wav", "b.wav", "c.wav"), "restored")
DONE = dict.fromkeys(ALL, DONE_BEFORE)


def touch(path: Path, content: bytes | None = None) -> None:
    """Another mtime, and another content if there is one."""
    if content is not None:
        path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1000))


def test_what_is_done_is_not_done_again(tool: Tool) -> None:
    assert tool.run() == ALL
    journal = journal_path(tool.out).read_bytes()
    assert tool.run() == DONE
    assert len(tool.made) == 3
    assert journal_path(tool.out).read_bytes() == journal
    assert not (tool.out / LOCK_NAME).exists()


def test_the_journal_has_the_hashes(tool: Tool) -> None:
    tool.run()
    for record in read_journal(tool.out):
        assert record.output is not None
        source, output = tool.source / record.input.relative, tool.out / record.output.path
        assert record.input.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
        assert record.output.sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
        assert record.output.size == output.stat().st_size
        assert record.input.mtime_ns == source.stat().st_mtime_ns
        assert record.model == ModelUsed.of(MODEL)
        assert {"hifisr", "resampler", "outputs"} <= set(record.software)


def test_a_changed_input_is_done_again_alone(tool: Tool) -> None:
    tool.run()
    touch(tool.source / "sub" / "b.wav", b"another")
    assert tool.run() == DONE | {"b.wav": "restored"}
    assert b"another" in (tool.out / "sub" / "b.wav").read_bytes()
    assert tool.run() == DONE


def test_another_mtime_is_another_input_unless_its_content_counts(tool: Tool) -> None:
    tool.run()
    touch(tool.source / "a.wav")
    assert tool.run(checksum=True) == DONE
    assert tool.run() == DONE | {"a.wav": "restored"}
    status = (tool.source / "a.wav").stat()
    (tool.source / "a.wav").write_bytes(b"A")  # as long, and as old
    os.utime(tool.source / "a.wav", ns=(1, status.st_mtime_ns))
    assert tool.run() == DONE
    assert tool.run(checksum=True) == DONE | {"a.wav": "restored"}


def test_other_options_or_another_model_are_another_output(tool: Tool) -> None:
    tool.run()
    given = RestoreOptions(cutoff_hz=3_400.0)
    assert tool.run(options=given) == ALL
    assert tool.run(options=given) == DONE
    assert tool.run(options=replace(given, chunk_seconds=2.0, batch_size=3)) == DONE
    tool.model = replace(MODEL, parameter_hash="1" * 64)
    assert tool.run(options=given) == ALL
    tool.model = replace(tool.model, precision="bfloat16")
    assert tool.run(options=given) == ALL


def test_a_lost_or_cut_output_is_made_again(tool: Tool) -> None:
    tool.run()
    (tool.out / "a.wav").unlink()
    assert tool.run() == DONE | {"a.wav": "restored"}


def test_an_output_that_was_changed_is_left_alone(tool: Tool) -> None:
    tool.run()
    (tool.out / "a.wav").write_bytes(b"edited by some hand")
    assert "changed after it was made" in tool.run()["a.wav"]
    assert (tool.out / "a.wav").read_bytes() == b"edited by some hand"
    assert tool.run(options=RestoreOptions(overwrite=True)) == ALL
    assert b"edited" not in (tool.out / "a.wav").read_bytes()


def test_overwriting_makes_everything_again_and_an_interrupted_run_starts_over(tool: Tool) -> None:
    again = RestoreOptions(overwrite=True)
    tool.run()
    before = {path: path.stat().st_ino for path in tool.out.rglob("*.wav")}
    assert tool.run(options=again) == ALL
    assert {path: path.stat().st_ino for path in tool.out.rglob("*.wav")} != before
    assert tool.run() == DONE, "what it made is done as any other output is"

    def die(name: str) -> None:
        if name == "b.wav":
            raise Killed

    tool.die, tool.made = die, []
    with pytest.raises(Killed):
        tool.run(options=again)
    assert tool.made == ["a.wav", "b.wav"]
    tool.die = lambda _name: None
    assert tool.run(options=again) == ALL
    assert tool.run() == DONE
    assert not (tool.out / LOCK_NAME).exists()


def test_overwriting_with_other_options_goes_on_without_it(tool: Tool) -> None:
    """Without --overwrite, what an interrupted run has made with these options is done, the rest is made again."""
    tool.run()
    tool.die = lambda name: (_ for _ in ()).throw(Killed) if name == "b.wav" else None
    with pytest.raises(Killed):
        tool.run(options=RestoreOptions(cutoff_hz=500.0, overwrite=True))
    tool.die = lambda _name: None
    assert tool.run(options=RestoreOptions(cutoff_hz=500.0)) == ALL | {"a.wav": DONE_BEFORE}
    assert all(path.read_bytes().endswith(b"500.0") for path in tool.out.rglob("*.wav"))


def test_an_output_of_somebody_else_is_left_alone(tool: Tool) -> None:
    tool.out.mkdir()
    (tool.out / "a.wav").write_bytes(b"precious")
    for _ in range(2):
        assert "exists already" in tool.run()["a.wav"]
    assert (tool.out / "a.wav").read_bytes() == b"precious"
    assert not (tool.out / LOCK_NAME).exists()


def test_another_input_of_that_name_does_not_replace_the_output(tool: Tool, tmp_path: Path) -> None:
    tool.run()
    other = tmp_path / "other" / "a.wav"
    other.parent.mkdir()
    other.write_bytes(b"somebody else's a")
    assert "exists already" in tool.run(other.parent)["a.wav"]


def test_a_tree_that_has_moved_is_known_again(tool: Tool, tmp_path: Path) -> None:
    tool.run()
    shutil.copytree(tool.source, tmp_path / "moved")
    assert tool.run(tmp_path / "moved") == DONE


def test_failures_are_recorded_and_tried_again(tool: Tool) -> None:
    tool.bad = {"b.wav"}
    assert tool.run() == ALL | {"b.wav": "failed"}
    (record,) = [item for item in read_journal(tool.out) if item.output is None]
    assert record.result["error"]["code"] == "not-audio"
    assert tool.run() == DONE | {"b.wav": "failed"}
    tool.bad = set()
    assert tool.run() == DONE | {"b.wav": "restored"}


def test_a_run_that_dies_after_an_output_and_before_its_record(tool: Tool) -> None:
    """The output is ours, and it is found to be: made again, compared, recorded."""

    def die(name: str) -> None:
        if name == "b.wav":
            raise Killed

    tool.die = die
    with pytest.raises(Killed):
        tool.run()
    assert [Path(r.input.relative).name for r in read_journal(tool.out)] == ["a.wav"]
    before = (tool.out / "sub" / "b.wav").stat().st_ino
    tool.die = lambda _name: None
    assert tool.run() == ALL | {"a.wav": DONE_BEFORE}
    assert (tool.out / "sub" / "b.wav").stat().st_ino == before
    assert len(read_journal(tool.out)) == 3
    assert not (tool.out / LOCK_NAME).exists()


def test_what_somebody_put_in_its_place_meanwhile_is_not_taken_for_ours(tool: Tool) -> None:
    def die(_name: str) -> None:
        raise Killed

    tool.die = die
    with pytest.raises(Killed):
        tool.run()
    (tool.out / "a.wav").write_bytes(b"precious")
    tool.die = lambda _name: None
    assert "exists already" in tool.run()["a.wav"]
    assert (tool.out / "a.wav").read_bytes() == b"precious"


def test_a_run_that_dies_while_it_replaces_its_own_output(tool: Tool) -> None:
    tool.run()
    tool.die = lambda name: (_ for _ in ()).throw(Killed)
    given = RestoreOptions(cutoff_hz=1_000.0)
    with pytest.raises(Killed):
        tool.run(options=given)
    tool.die = lambda _name: None
    assert tool.run(options=given) == ALL
    assert all(str(1_000.0).encode() in path.read_bytes() for path in tool.out.rglob("*.wav"))
    assert tool.run(options=given) == DONE


def test_stray_temporary_files_are_swept(tool: Tool) -> None:
    (tool.out / "sub").mkdir(parents=True)
    for stray in (tool.out / ".hifisr-0123.part", tool.out / "sub" / ".hifisr-4567.part"):
        stray.write_bytes(b"half")
    (tool.out / "mine.part").touch()
    alive = StagedFile(tool.out / "other.wav", overwrite=False)
    tool.run()
    assert sorted(path.name for path in tool.out.rglob("*.part")) == sorted(["mine.part", alive.path.name])
    alive.discard()


def test_a_second_run_is_refused(tool: Tool) -> None:
    with tool.opened(), pytest.raises(LockedError):
        tool.run()
    assert tool.run() == ALL


def test_the_time_limit_ends_the_run_and_the_next_one_goes_on(tool: Tool) -> None:
    with pytest.raises(TimeLimitError):
        tool.run(time_limit=1e-9)
    assert tool.run() == ALL


@pytest.mark.posix
def test_sidecars_satisfy_coreutils(tool: Tool) -> None:
    names = ["two\nlines.wav", "back\\slash.wav", os.fsdecode(b"caf\xe9.wav"), "--help.wav", " space .wav", "cr\r.wav"]
    for name in names:
        (tool.source / name).write_bytes(b"x")
    tool.run()
    assert not list(tool.out.rglob("*.sha256"))
    (tool.out / "a.wav").unlink()
    assert tool.run(sidecars=True)["a.wav"] == "restored"
    sidecars = sorted(path.name for path in tool.out.glob("*.sha256"))
    assert len(sidecars) == len(names) + 1, "those that were done before have theirs, too"
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("there is no sha256sum here")
    checked = subprocess.run(
        [program, "--check", "--strict", "--", *sidecars], cwd=tool.out, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    (tool.out / "two\nlines.wav").write_bytes(b"y")
    assert (
        subprocess.run([program, "-c", "--", *sidecars], cwd=tool.out, capture_output=True, check=False).returncode == 1
    )


def test_a_name_that_leaves_no_room_for_its_sidecars(tool: Tool) -> None:
    """The longest name that a file may have: its output is made, and nobody else's work ends."""
    name = "n" * 251 + ".wav"
    (tool.source / name).write_bytes(b"x")
    assert tool.run(sidecars=True) == ALL | {name: "restored"}
    assert len(list(tool.out.rglob("*.sha256"))) == 3
    (record,) = [record for record in read_journal(tool.out) if record.input.relative == name]
    assert any("no checksum file" in warning for warning in record.result["warnings"])
    assert tool.run(sidecars=True) == DONE | {name: DONE_BEFORE}


def test_a_disk_that_is_full_ends_the_run_before_the_next_file(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal cannot be written to: the output is there, without its record, and is found again."""

    def full(*_: object) -> None:
        raise OutputError("no space left", path=tool.out)

    with monkeypatch.context() as patch:
        patch.setattr("hifisr_cli.batch.history.journal.Journal.append", full)
        with pytest.raises(OutputError):
            tool.run()
    assert len(tool.made) == 1
    assert tool.run() == ALL


class TestInPlace:
    def contents(self, tool: Tool) -> dict[str, bytes]:
        return {str(p.relative_to(tool.source)): p.read_bytes() for p in tool.source.rglob("*.*") if p.is_file()}

    def test_the_originals_are_kept(self, tool: Tool) -> None:
        before = self.contents(tool)
        assert tool.run(in_place=True) == ALL
        after = self.contents(tool)
        for name, content in before.items():
            assert after[name + ".orig"] == content
            assert after[name] == b"restored " + content + b"None"
        records = list(iter_journal(tool.source))
        assert {record.input.backup for record in records} == {Path(name + ".orig").as_posix() for name in before}
        assert tool.run(in_place=True) == DONE, "what was restored is not restored again"
        assert self.contents(tool).keys() == after.keys()

    def test_other_options_start_from_the_original(self, tool: Tool) -> None:
        tool.run(in_place=True)
        assert tool.run(in_place=True, options=RestoreOptions(cutoff_hz=500.0)) == ALL
        assert (tool.source / "a.wav").read_bytes() == b"restored a500.0"
        assert (tool.source / "a.wav.orig").read_bytes() == b"a"

    def test_overwriting_starts_from_the_originals(self, tool: Tool) -> None:
        tool.run(in_place=True)
        again = RestoreOptions(overwrite=True)
        assert tool.run(in_place=True, options=again) == ALL
        assert (tool.source / "a.wav").read_bytes() == b"restored aNone", "once, not twice"
        (tool.source / "a.wav").write_bytes(b"a new take")
        assert tool.run(in_place=True, options=again) == ALL | {"a.wav": "failed"}
        assert (tool.source / "a.wav").read_bytes() == b"a new take", "its backup is another's"

    def test_a_failed_file_is_as_it_was(self, tool: Tool) -> None:
        tool.bad = {"b.wav"}
        before = (tool.source / "sub" / "b.wav").stat()
        assert tool.run(in_place=True) == ALL | {"b.wav": "failed"}
        after = (tool.source / "sub" / "b.wav").stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
        assert not (tool.source / "sub" / "b.wav.orig").exists()

    def test_a_run_that_dies_between_replacing_and_recording(self, tool: Tool) -> None:
        tool.die = lambda name: (_ for _ in ()).throw(Killed)
        with pytest.raises(Killed):
            tool.run(in_place=True)
        assert (tool.source / "a.wav.orig").read_bytes() == b"a"
        tool.die = lambda _name: None
        assert tool.run(in_place=True) == ALL
        assert (tool.source / "a.wav").read_bytes() == b"restored aNone", "once, not twice"
        assert (tool.source / "a.wav.orig").read_bytes() == b"a"

    def test_a_run_that_dies_between_backup_and_replacing(self, tool: Tool) -> None:
        os.link(tool.source / "a.wav", tool.source / "a.wav.orig")
        assert tool.run(in_place=True) == ALL
        assert (tool.source / "a.wav.orig").read_bytes() == b"a"

    def test_a_backup_of_something_else_is_never_touched(self, tool: Tool) -> None:
        (tool.source / "a.wav.orig").write_bytes(b"precious")
        assert tool.run(in_place=True) == ALL | {"a.wav": "failed"}
        assert (tool.source / "a.wav.orig").read_bytes() == b"precious"
        assert (tool.source / "a.wav").read_bytes() == b"a"

    def test_a_new_recording_under_an_old_name(self, tool: Tool) -> None:
        tool.run(in_place=True)
        (tool.source / "a.wav").write_bytes(b"a new take")
        assert tool.run(in_place=True) == DONE | {"a.wav": "failed"}
        assert (tool.source / "a.wav").read_bytes() == b"a new take"
        (tool.source / "a.wav.orig").rename(tool.source / "a.first")
        assert tool.run(in_place=True) == DONE | {"a.wav": "restored"}
        assert (tool.source / "a.wav.orig").read_bytes() == b"a new take"

    @pytest.mark.parametrize("links", [True, False])
    def test_backups_elsewhere(self, tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
        if not links:
            import errno

            from hifisr_cli.batch.plan import backup

            class Os:
                def __getattr__(self, name: str) -> object:
                    return getattr(os, name)

                def link(self, *_: object, **__: object) -> None:
                    raise OSError(errno.EXDEV, "another disk")

            monkeypatch.setattr(backup, "os", Os())
        mtime = (tool.source / "a.wav").stat().st_mtime_ns
        for expected in (ALL, DONE):
            with tool.opened(in_place=True, backups=tool.source / "originals") as run:
                results = list(run.results())
            assert len(results) == 3, "the backups are no recordings to be restored"
            assert {r.status for r in results} == {"restored" if expected is ALL else "skipped"}
        assert (tool.source / "originals" / "sub" / "b.wav").read_bytes() == b"sub/b"
        assert (tool.source / "originals" / "a.wav").stat().st_mtime_ns == mtime


def test_records_are_json_lines(tool: Tool) -> None:
    tool.run()
    lines = journal_path(tool.out).read_bytes().splitlines()
    assert [json.loads(line)["result"]["status"] for line in lines] == ["restored"] * 3


def test_nothing_is_recorded_of_what_ended_the_run(tool: Tool) -> None:
    (job, *_) = tool.opened().plan.jobs
    with OutputFolder(tool.out, options=RestoreOptions(), settings=RunSettings(), model=MODEL) as folder:
        decided = folder.decide(0, job)
        assert isinstance(decided, WorkItem)
        folder.announce([decided])
        folder.finish(job, WorkOutcome(FileResult("a", None, "failed"), end=OutputError("full")))
    assert not journal_path(tool.out).exists()
