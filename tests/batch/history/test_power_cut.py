"""The power goes at any moment of a run: the disk then holds enough to go on, and nothing is lost that was there.

`disk.py` notes what a run does to the disk; every beginning of that is a moment at which the power may go.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hifisr_cli.batch.history import journal
from hifisr_cli.batch.history.journal import JOURNAL_NAME, journal_path, journal_shards, read_journal
from hifisr_cli.batch.history.lock import LOCK_NAME
from hifisr_cli.batch.history.output_folder import DONE_BEFORE
from hifisr_cli.batch.history.verify import verify_folder
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.batch.request import RunRequest
from hifisr_cli.batch.run import Run, open_run
from hifisr_cli.engines.protocol import Identity
from hifisr_cli.restore import file as recording
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import FileResult
from hifisr_cli.system.staged_file import FileTarget, StagedFile
from tests.batch.history.disk import Fate, Recorder
from tests.conftest import in_steps

pytestmark = [
    pytest.mark.posix,
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads the names of open files from /proc"),
]

MODEL: Any = SimpleNamespace(identity=Identity("copier", "m", "0" * 64), device="cpu")
NAMES = ("a.wav", "sub/b.wav", "sub/c.wav")
FATES: tuple[tuple[Fate, int], ...] = (("all", 0), ("nothing", 0), ("chance", 1), ("chance", 2))


def restore_file(
    source: Path, target: Path, *, overwrite: Any, label: str, layer: FileTarget | None = None, **_: Any
) -> FileResult:
    """As the real one writes an output, and its layer, but what it writes."""
    files = [] if layer is None else [(StagedFile(layer.path, overwrite=layer.overwrite), b"the layer of ")]
    files.append((StagedFile(target, overwrite=overwrite), b"restored "))
    try:
        for staged, words in files:
            os.write(staged.fd, words)
            os.write(staged.fd, source.read_bytes())
        for staged, _words in files:
            staged.commit()
    finally:
        for staged, _words in files:
            staged.discard()
    return FileResult(label, str(target), "restored", seconds=1.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "restoring", in_steps(restore_file))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"the recording {name}".encode())
    return tmp_path / "in"


def opened(
    source: Path,
    out: Path | None,
    backups: Path | None = None,
    layers: Path | None = None,
    shard: Shard | None = None,
) -> Run:
    """In place where there is no output folder."""
    into, apart = (None if folder is None else str(folder) for folder in (out, layers))
    return open_run(RunRequest([source], into, RestoreOptions(), MODEL, layer=apart, backups=backups, shard=shard))


def run(
    source: Path,
    out: Path | None,
    backups: Path | None = None,
    layers: Path | None = None,
    shard: Shard | None = None,
) -> dict[str, str]:
    """Status by name of the input, or why it was skipped."""
    with opened(source, out, backups, layers, shard) as going:
        results = list(going.results())
    return {Path(r.input).name: r.warnings[0] if r.status == "skipped" else str(r.error or r.status) for r in results}


def moments(top: Path, patch: pytest.MonkeyPatch, work: Callable[[], object]) -> Iterator[tuple[str, Fate]]:
    """Does the work once; then every moment of it as it may be found on the disk afterwards."""
    with patch.context() as noted:
        recorder = Recorder(top, noted)
        work()
    patch.setattr(os, "fsync", lambda _fd: None)  # this disk is no part of the experiment
    for count in range(len(recorder.steps) + 1):
        for fate, seed in FATES:
            shutil.rmtree(top)
            recorder.after(count).write_out(top, fate, random.Random(1_000 * seed + count))
            where = recorder.names[count - 1] if count else "the beginning"
            yield f"{fate} after step {count}, {where}", fate


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_the_next_run_goes_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(journal, "_SYNC_SECONDS", seconds)  # what waits for the disk, and what does not
    out = tmp_path / "out"
    out.mkdir()
    seen = 0
    for moment, fate in moments(out, monkeypatch, lambda: run(source, out)):
        recorded = {record.output.path for record in read_journal(out) if record.output is not None}
        whole = {name for name in NAMES if (out / name).exists()}
        for name in whole:
            assert (out / name).read_bytes() == b"restored " + (source / name).read_bytes(), f"{moment}: partial"
        results = run(source, out)
        assert set(results.values()) <= {"restored", DONE_BEFORE}, moment
        if fate == "all":
            assert [results[Path(name).name] == DONE_BEFORE for name in NAMES] == [n in recorded for n in NAMES], moment
        for name in NAMES:
            assert (out / name).read_bytes() == b"restored " + (source / name).read_bytes(), moment
        assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == {*NAMES, JOURNAL_NAME}, moment
        assert {item.state for item in verify_folder(out)} == {"ok"}, moment
        assert run(source, out) == dict.fromkeys(("a.wav", "b.wav", "c.wav"), DONE_BEFORE), moment
        seen += 1
    assert seen > 100, "a run does that much to a disk"


def test_the_parts_of_shards_become_one_journal(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment is a record lost; afterwards each stands there once, and what a dead shard left is known."""
    out = tmp_path / "out"
    for index in (1, 2):
        run(source, out, shard=Shard(2, index))
    parts = [journal_path(out, shard) for shard in journal_shards(out)]
    records = sorted(line for part in parts for line in part.read_bytes().splitlines())
    assert len(parts) == 2
    assert len(records) == 3
    (last,) = (line for line in records if b'"relative": "sub/c.wav"' in line)
    (part,) = (path for path in parts if last in path.read_bytes())
    part.write_bytes(part.read_bytes().replace(last + b"\n", b""))  # its shard died before it wrote that down
    announcement = f'{{"outputs": ["sub/c.wav"], "journal": {part.stat().st_size}}}\n'
    (out / part.name.replace(JOURNAL_NAME.removesuffix(".jsonl"), LOCK_NAME).removesuffix(".jsonl")).write_text(
        announcement
    )
    before = {record.input.relative for record in read_journal(out)}
    for moment, _ in moments(out, monkeypatch, lambda: run(source, out)):
        assert {record.input.relative for record in read_journal(out)} >= before, moment
        results = run(source, out)
        assert results.items() >= {"a.wav": DONE_BEFORE, "b.wav": DONE_BEFORE}.items(), moment
        assert results["c.wav"] in ("restored", DONE_BEFORE), f"{moment}: it is nobody else's"
        assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == {*NAMES, JOURNAL_NAME}, moment
        left = (out / JOURNAL_NAME).read_bytes().splitlines()
        assert [left.count(line) for line in records if line != last] == [1, 1], f"{moment}: doubled"
        assert {item.state for item in verify_folder(out)} == {"ok"}, moment


@pytest.mark.parametrize("in_place", [False, True])
def test_an_output_has_its_layer(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_place: bool) -> None:
    """At no moment is an output recorded that lacks its layer, and the next run makes what is missing, and no more."""
    out = source if in_place else tmp_path / "out"
    out.mkdir(exist_ok=True)
    into, layers = None if in_place else out, out / "layers"
    originals = {name: (source / name).read_bytes() for name in NAMES}
    for moment, fate in moments(out, monkeypatch, lambda: run(source, into, None, layers)):
        recorded = {record.input.relative for record in read_journal(out) if record.layer is not None}
        for name in recorded if fate == "all" else ():
            assert (layers / name).exists(), moment
        results = run(source, into, None, layers)
        assert set(results.values()) <= {"restored", DONE_BEFORE}, moment
        for name, content in originals.items():
            assert (out / name).read_bytes() == b"restored " + content, moment
            assert (layers / name).read_bytes() == b"the layer of " + content, moment
        assert {item.state for item in verify_folder(out)} == {"ok"}, moment
        assert set(run(source, into, None, layers).values()) == {DONE_BEFORE}, moment
        assert not list(out.rglob(".hifisr*")), moment


@pytest.mark.parametrize("elsewhere", [False, True])
def test_no_original_is_lost(source: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool) -> None:
    """At every moment an original stands under its own name or its backup's, and the next run goes on from it."""
    originals = {name: (source / name).read_bytes() for name in NAMES}
    backups = source / "new" / "originals" if elsewhere else None

    def backup(name: str) -> Path:
        return source / f"{name}.orig" if backups is None else backups / name

    for moment, _ in moments(source, monkeypatch, lambda: run(source, None, backups)):
        for name, content in originals.items():
            standing = [path.read_bytes() for path in (source / name, backup(name)) if path.exists()]
            assert content in standing, moment
        results = run(source, None, backups)
        assert set(results.values()) <= {"restored", DONE_BEFORE}, moment
        for name, content in originals.items():
            assert backup(name).read_bytes() == content, moment
            assert (source / name).read_bytes() == b"restored " + content, f"{moment}: once, not twice"
        assert not [path for path in source.rglob(".hifisr*") if path.name == LOCK_NAME], moment


def test_the_order_of_an_output(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Announced, written, synced, named, its name synced, and only then recorded."""
    monkeypatch.setattr(journal, "_SYNC_SECONDS", 0.0)
    out = tmp_path / "out"
    out.mkdir()
    with monkeypatch.context() as noted:
        recorder = Recorder(out, noted)
        run(source, out)
    steps = recorder.names
    announced = steps.index(f"sync {LOCK_NAME}")
    assert "sync folder out" in steps[announced : steps.index("create part")], "the announcement's name, too"
    for name in ("a.wav", "b.wav", "c.wav"):
        named = steps.index(f"link {name}")
        assert "sync part" in steps[:named]
        before = steps[:named][::-1]
        assert before.index("sync part") < before.index("write part"), "nothing is written after that"
        after = steps[named:]
        assert announced < named
        folder = next(index for index, step in enumerate(after) if step.startswith("sync folder"))
        assert folder < after.index(f"write {JOURNAL_NAME}") < after.index(f"sync {JOURNAL_NAME}")


def test_a_journal_that_lost_its_end_does_not_make_work(source: Path, tmp_path: Path) -> None:
    """A line that is cut is cut off before anybody says how long the journal is."""
    out = tmp_path / "out"
    run(source, out)
    path = out / JOURNAL_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:700])
    for name in NAMES[1:]:
        (out / name).unlink()
    with opened(source, out) as going:
        works = going.results()
        assert [next(works).status for _ in range(2)] == ["skipped", "restored"]
        left = (out / LOCK_NAME).read_bytes()
        assert isinstance(works, Generator)
        works.close()
    (out / LOCK_NAME).write_bytes(left)  # as if it had been killed
    assert run(source, out) == {"a.wav": DONE_BEFORE, "b.wav": DONE_BEFORE, "c.wav": "restored"}
