from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hifisr_cli.batch.library import restore_folder
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.run import UNEXPECTED, iterate, run
from hifisr_cli.batch.workers.in_process import Here
from hifisr_cli.batch.workers.work_item import Task
from hifisr_cli.errors import DeviceError, ModelError, NotAudioError, OutputError, OutputExistsError, RunError
from hifisr_cli.restore import file as recording
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileResult, FileStarted
from tests.conftest import in_steps

OPTIONS = RestoreOptions()


@dataclass
class Engine:
    """Restores by copying; raises what is wanted for a name; counts how often the model was loaded."""

    errors: dict[str, BaseException] = field(default_factory=dict)
    loads: int = 0
    name: str = "copier"
    parameter_hash: str = "0" * 64
    precision: str = "float32"
    contents: list[bytes] = field(default_factory=list)

    def load(self) -> Any:
        self.loads += 1
        return self

    def restore_file(
        self, source: Path, target: Path | None, *, model: Any, options: Any, on_progress: Any, label: str, **_: Any
    ) -> FileResult:
        if source.name in self.errors:
            raise self.errors[source.name]
        on_progress("restore", 0.5, 1.0)
        self.contents.append(source.read_bytes())
        if target is not None:
            target.write_bytes(source.read_bytes())
        return FileResult(label, str(target), "restored", seconds=1.0)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    stand_in = Engine()
    monkeypatch.setattr(recording, "restoring", in_steps(stand_in.restore_file))
    return stand_in


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    result = []
    for name in ("a", "b", "c"):
        source = tmp_path / f"{name}.wav"
        source.write_bytes(name.encode())
        result.append(Job(source, tmp_path / "out" / "deep" / f"{name}.wav", f"in/{name}.wav", 1))
    return result


def test_every_job_has_its_result_and_the_model_is_loaded_once(engine: Engine, jobs: list[Job]) -> None:
    summary = run(jobs, load=engine.load, options=OPTIONS)
    assert [result.status for result in summary.results] == ["restored"] * 3
    assert [result.input for result in summary.results] == ["in/a.wav", "in/b.wav", "in/c.wav"]
    assert engine.loads == 1
    assert summary.audio_seconds == 3.0


def test_events_come_in_order(engine: Engine, jobs: list[Job]) -> None:
    events: list[Event] = []
    run(jobs[:1], load=engine.load, options=OPTIONS, on_event=events.append)
    assert [type(event) for event in events] == [FileStarted, FileProgressed, FileFinished]


def test_results_come_as_they_are_made(engine: Engine, jobs: list[Job]) -> None:
    results = iterate(jobs, load=engine.load, options=OPTIONS)
    next(results)
    assert engine.contents == [b"a"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotAudioError("is not a recording"), "not-audio"),
        (PermissionError(errno.EACCES, "Permission denied"), "unreadable"),
        (MemoryError(), "memory"),
        (ZeroDivisionError("oh"), UNEXPECTED),
    ],
)
def test_a_failed_file_is_not_a_failed_run(engine: Engine, jobs: list[Job], error: Exception, code: str) -> None:
    engine.errors["b.wav"] = error
    summary = run(jobs, load=engine.load, options=OPTIONS)
    assert [result.status for result in summary.results] == ["restored", "failed", "restored"]
    failure = summary.results[1].error
    assert failure is not None
    assert failure.code == code


@pytest.mark.parametrize(
    "error", [OutputError("disk full"), DeviceError("out of memory"), OSError(errno.ENOSPC, "full")]
)
def test_an_error_of_the_run_ends_it_after_the_file_it_struck(
    engine: Engine, jobs: list[Job], error: Exception
) -> None:
    engine.errors["b.wav"] = error
    events: list[Event] = []
    with pytest.raises(RunError):
        run(jobs, load=engine.load, options=OPTIONS, on_event=events.append)
    finished = [event.result.status for event in events if isinstance(event, FileFinished)]
    assert finished == ["restored", "failed"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokenPipeError()])
def test_interruptions_pass(engine: Engine, jobs: list[Job], error: BaseException) -> None:
    engine.errors["b.wav"] = error
    with pytest.raises(type(error)):
        run(jobs, load=engine.load, options=OPTIONS)


def test_existing_output_is_skipped_without_loading_the_model(engine: Engine, jobs: list[Job]) -> None:
    run(jobs, load=engine.load, options=OPTIONS)
    summary = run(jobs, load=engine.load, options=OPTIONS)
    assert summary.count("skipped") == 3
    assert engine.loads == 1
    assert run(jobs, load=engine.load, options=RestoreOptions(overwrite=True)).count("restored") == 3


def test_existing_output_that_was_named_is_a_failure(engine: Engine, jobs: list[Job], tmp_path: Path) -> None:
    (tmp_path / "named.wav").write_bytes(b"mine")
    job = Job(jobs[0].source, tmp_path / "named.wav", "a.wav", explicit=True)
    (result,) = run([job], load=engine.load, options=OPTIONS).results
    assert result.error is not None
    assert result.error.code == OutputExistsError.code
    assert (tmp_path / "named.wav").read_bytes() == b"mine"


def test_output_that_appears_meanwhile_is_skipped(
    engine: Engine, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = jobs[0].target
    assert target is not None
    target.parent.mkdir(parents=True)

    def appear(*_: object, **__: object) -> FileResult:
        target.write_bytes(b"theirs")
        raise OutputExistsError("there already", path=target)

    monkeypatch.setattr(recording, "restoring", in_steps(appear))
    (result,) = run(jobs[:1], load=engine.load, options=OPTIONS).results
    assert result.status == "skipped"


def test_short_neighbours_are_done_together(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[list[str]] = []
    start = Here.start

    def spy(here: Here, tasks: Sequence[Task]) -> None:
        groups.append([Path(task.job.label).stem for task in tasks])
        start(here, tasks)

    monkeypatch.setattr(Here, "start", spy)
    many = []
    for index in range(40):
        source = tmp_path / f"{index}.wav"
        source.write_bytes(b"sound")
        many.append(Job(source, tmp_path / "out" / source.name, source.name, 1 << 20 if index == 10 else 1))
    summary = run(many, load=engine.load, options=OPTIONS)
    assert [result.status for result in summary.results] == ["restored"] * 40
    assert [name for group in groups for name in group] == [str(index) for index in range(40)]
    assert ["10"] in groups, "a long one is done alone"
    assert max(map(len, groups)) == 8
    assert len(groups[-1]) == 1, "at the end there is something to do for every worker"


def test_planned_failures_need_no_model(engine: Engine) -> None:
    job = Job(None, None, "x.wav", error=NotAudioError("is not a recording", path="x.wav", hint="look"))
    (result,) = run([job], load=engine.load, options=OPTIONS).results
    assert result.output is None
    assert result.error is not None
    assert (result.error.message, result.error.hint) == ("is not a recording", "look")
    assert engine.loads == 0


def test_a_model_that_does_not_load_is_no_files_failure(engine: Engine, jobs: list[Job]) -> None:
    def load() -> Any:
        raise ModelError("damaged")

    events: list[Event] = []
    with pytest.raises(ModelError):
        run(jobs, load=load, options=OPTIONS, on_event=events.append)
    assert not any(isinstance(event, FileFinished) for event in events)


def test_standard_input_is_read_through_a_file(engine: Engine, tmp_path: Path) -> None:
    job = Job(None, tmp_path / "stdin.wav", "-")
    (result,) = run([job], load=engine.load, options=OPTIONS, stdin=io.BytesIO(b"piped")).results
    assert result.input == "-"
    assert engine.contents == [b"piped"]


def test_errors_about_standard_input_do_not_name_its_temporary_file(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, *_: object, **__: object) -> FileResult:
        raise NotAudioError("is not a recording", path=source)

    monkeypatch.setattr(recording, "restoring", in_steps(fail))
    job = Job(None, tmp_path / "stdin.wav", "-")
    (result,) = run([job], load=engine.load, options=OPTIONS, stdin=io.BytesIO(b"piped")).results
    assert result.error is not None
    assert result.error.message == "is not a recording"


def test_blocked_output_folder_fails_the_file(engine: Engine, jobs: list[Job], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_bytes(b"in the way")
    summary = run(jobs, load=engine.load, options=OPTIONS)
    assert summary.count("failed") == 3


def test_dry_run_writes_nothing_and_loads_nothing(
    engine: Engine, jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "plan_file", lambda source, *_, label, **__: FileResult(label, None, "planned"))
    summary = run(jobs, load=engine.load, options=OPTIONS, dry_run=True)
    assert summary.count("planned") == 3
    assert engine.loads == 0
    assert not (tmp_path / "out").exists()


def test_restore_folder_yields_results(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(b"a")
    results: Iterator[FileResult] = restore_folder(tmp_path / "in", tmp_path / "out", model=engine)  # type: ignore[arg-type]
    assert [result.status for result in results] == ["restored"]
    assert (tmp_path / "out" / "a.wav").read_bytes() == b"a"
