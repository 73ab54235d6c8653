from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hifisr_cli.batch.folder import restore_folder
from hifisr_cli.batch.history.journal import iter_journal
from hifisr_cli.batch.request import ModelRequest, RunRequest, RunSettings
from hifisr_cli.batch.run import open_run
from hifisr_cli.batch.workers.perform import InProcess
from hifisr_cli.batch.workers.work_item import WorkItem
from hifisr_cli.engines import load as loading
from hifisr_cli.engines.protocol import Identity
from hifisr_cli.errors import (
    UNEXPECTED,
    DeviceError,
    ModelError,
    NotAudioError,
    OutputError,
    OutputExistsError,
    RunError,
)
from hifisr_cli.restore import file as recording
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileResult, FileStarted
from tests.conftest import in_steps


@dataclass
class Copier:
    """Restores by copying; raises what is wanted for a name; counts how often the model was loaded."""

    errors: dict[str, BaseException] = field(default_factory=dict)
    loads: int = 0
    contents: list[bytes] = field(default_factory=list)

    def load(self) -> Any:
        self.loads += 1
        return SimpleNamespace(identity=Identity("copier", "copier", "0" * 64), device="cpu")

    def restore_file(self, source: Path, target: Path | None, *, on_progress: Any, label: str, **_: Any) -> FileResult:
        if source.name in self.errors:
            raise self.errors[source.name]
        on_progress("restore", 0.5, 1.0)
        self.contents.append(source.read_bytes())
        if target is not None:
            target.write_bytes(source.read_bytes())
        return FileResult(label, str(target), "restored", seconds=1.0)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Copier:
    stand_in = Copier()
    monkeypatch.setattr(recording, "restoring", in_steps(stand_in.restore_file))
    monkeypatch.setattr(ModelRequest, "load", stand_in.load)
    return stand_in


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder of three recordings."""
    for name in ("a", "b", "c"):
        path = tmp_path / "in" / "deep" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "in"


def run(
    source: Path | str, output: Path, on_event: Callable[[Event], None] = lambda _event: None, **more: Any
) -> list[FileResult]:
    """All results of a run in this process."""
    options = RestoreOptions(overwrite=more.pop("overwrite", False))
    with open_run(RunRequest([source], str(output), options, settings=RunSettings(jobs=0), **more)) as going:
        return list(going.results(on_event))


def test_every_job_has_its_result_and_the_model_is_loaded_once(engine: Copier, inputs: Path, tmp_path: Path) -> None:
    results = run(inputs, tmp_path / "out")
    assert [result.status for result in results] == ["restored"] * 3
    assert [Path(result.input).name for result in results] == ["a.wav", "b.wav", "c.wav"]
    assert engine.loads == 1


def test_whoever_computes_is_told_the_precision_of_the_record(
    engine: Copier, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(request: ModelRequest) -> Any:
        asked.append(request.precision)
        return engine.load()

    monkeypatch.setattr(ModelRequest, "load", load)
    monkeypatch.setattr(loading, "has_bfloat16", lambda: True)
    cpu = ModelRequest(device="cpu")
    run(inputs / "deep" / "a.wav", tmp_path / "out", model=cpu)
    run(inputs / "deep" / "b.wav", tmp_path / "out", model=replace(cpu, precision="float32"))
    assert asked == ["bfloat16", "float32"]
    used = [record.model for record in iter_journal(tmp_path / "out")]
    assert [model.precision for model in used if model is not None] == asked


def test_events_come_in_order(engine: Copier, inputs: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    run(inputs / "deep" / "a.wav", tmp_path / "out", events.append)
    assert [type(event) for event in events] == [FileStarted, FileProgressed, FileFinished]


def test_results_come_as_they_are_made_and_leaving_ends_the_run(engine: Copier, inputs: Path, tmp_path: Path) -> None:
    request = RunRequest([inputs], str(tmp_path / "out"), RestoreOptions(), settings=RunSettings(jobs=0))
    with open_run(request) as going:
        results = going.results()
        next(results)
        assert engine.contents == [b"a"]
    assert list(results) == []
    assert [result.status for result in run(inputs, tmp_path / "out")] == ["skipped", "restored", "restored"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotAudioError("is not a recording"), "not-audio"),
        (PermissionError(errno.EACCES, "Permission denied"), "unreadable"),
        (MemoryError(), "memory"),
        (ZeroDivisionError("oh"), UNEXPECTED),
    ],
)
def test_a_failed_file_is_not_a_failed_run(
    engine: Copier, inputs: Path, tmp_path: Path, error: Exception, code: str
) -> None:
    engine.errors["b.wav"] = error
    results = run(inputs, tmp_path / "out")
    assert [result.status for result in results] == ["restored", "failed", "restored"]
    failure = results[1].error
    assert failure is not None
    assert failure.code == code


@pytest.mark.parametrize(
    "error", [OutputError("disk full"), DeviceError("out of memory"), OSError(errno.ENOSPC, "full")]
)
def test_an_error_of_the_run_ends_it_after_the_file_it_struck(
    engine: Copier, inputs: Path, tmp_path: Path, error: Exception
) -> None:
    engine.errors["b.wav"] = error
    events: list[Event] = []
    with pytest.raises(RunError):
        run(inputs, tmp_path / "out", events.append)
    finished = [event.result.status for event in events if isinstance(event, FileFinished)]
    assert finished == ["restored", "failed"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokenPipeError()])
def test_interruptions_pass(engine: Copier, inputs: Path, tmp_path: Path, error: BaseException) -> None:
    engine.errors["b.wav"] = error
    with pytest.raises(type(error)):
        run(inputs, tmp_path / "out")


def test_existing_output_is_skipped_without_loading_the_model(engine: Copier, inputs: Path, tmp_path: Path) -> None:
    run(inputs, tmp_path / "out")
    assert [result.status for result in run(inputs, tmp_path / "out")] == ["skipped"] * 3
    assert engine.loads == 1
    assert [result.status for result in run(inputs, tmp_path / "out", overwrite=True)] == ["restored"] * 3


@pytest.mark.parametrize("record", ["beside", None])
def test_existing_output_that_was_named_is_a_failure(engine: Copier, inputs: Path, tmp_path: Path, record: Any) -> None:
    (tmp_path / "named.wav").write_bytes(b"mine")
    (result,) = run(inputs / "deep" / "a.wav", tmp_path / "named.wav", record=record)
    assert result.error is not None
    assert result.error.code == OutputExistsError.code
    assert (tmp_path / "named.wav").read_bytes() == b"mine"


def test_output_that_appears_meanwhile_is_skipped(
    engine: Copier, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out" / "a.wav"

    def appear(*_: object, **__: object) -> FileResult:
        target.write_bytes(b"theirs")
        raise OutputExistsError("there already", path=target)

    monkeypatch.setattr(recording, "restoring", in_steps(appear))
    (result,) = run(inputs / "deep" / "a.wav", tmp_path / "out")
    assert result.status == "skipped"


def test_short_neighbours_are_done_together(engine: Copier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[list[str]] = []
    start = InProcess.start

    def spy(crew: InProcess, items: Sequence[WorkItem]) -> Any:
        groups.append([Path(item.job.label).stem for item in items])
        return start(crew, items)

    monkeypatch.setattr(InProcess, "start", spy)
    (tmp_path / "in").mkdir()
    names = [f"{index:02}" for index in range(40)]
    for name in names:
        (tmp_path / "in" / f"{name}.wav").write_bytes(b"sound" * (1 << 18 if name == "10" else 1))
    assert [result.status for result in run(tmp_path / "in", tmp_path / "out")] == ["restored"] * 40
    assert [name for group in groups for name in group] == names
    assert ["10"] in groups, "a long one is done alone"
    assert max(map(len, groups)) == 8
    assert len(groups[-1]) == 1, "at the end there is something to do for every worker"


def test_planned_failures_need_no_model(engine: Copier, tmp_path: Path) -> None:
    (result,) = run(tmp_path / "missing.wav", tmp_path / "out")
    assert (result.status, result.output) == ("failed", None)
    assert engine.loads == 0


def test_a_model_that_does_not_load_is_no_files_failure(
    engine: Copier, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_request: ModelRequest) -> Any:
        raise ModelError("damaged")

    monkeypatch.setattr(ModelRequest, "load", load)
    events: list[Event] = []
    with pytest.raises(ModelError):
        run(inputs, tmp_path / "out", events.append)
    assert not any(isinstance(event, FileFinished) for event in events)


def test_standard_input_is_read_through_a_file(engine: Copier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    (result,) = run("-", tmp_path / "out")
    assert result.input == "-"
    assert engine.contents == [b"piped"]


def test_errors_about_standard_input_do_not_name_its_temporary_file(
    engine: Copier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, *_: object, **__: object) -> FileResult:
        raise NotAudioError("is not a recording", path=source)

    monkeypatch.setattr(recording, "restoring", in_steps(fail))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    (result,) = run("-", tmp_path / "out")
    assert result.error is not None
    assert result.error.message == "is not a recording"


def test_blocked_output_folder_fails_the_file(engine: Copier, inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_bytes(b"in the way")
    assert [result.status for result in run(inputs, tmp_path / "out")] == ["failed"] * 3


def test_dry_run_writes_nothing_and_loads_nothing(
    engine: Copier, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "plan_file", lambda source, *_, label, **__: FileResult(label, None, "planned"))
    assert [result.status for result in run(inputs, tmp_path / "out", dry_run=True)] == ["planned"] * 3
    assert engine.loads == 0
    assert not (tmp_path / "out").exists()


def test_the_result_of_what_ends_the_run_comes_before_the_error(engine: Copier, inputs: Path, tmp_path: Path) -> None:
    engine.errors["b.wav"] = OutputError("disk full")
    statuses = []
    with pytest.raises(OutputError):
        for result in restore_folder(inputs, tmp_path / "out", model=engine.load()):
            statuses.append(result.status)  # noqa: PERF401
    assert statuses == ["restored", "failed"]


def test_restore_folder_yields_results(engine: Copier, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(b"a")
    results: Iterator[FileResult] = restore_folder(tmp_path / "in", tmp_path / "out", model=engine.load())
    assert [result.status for result in results] == ["restored"]
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"a"
