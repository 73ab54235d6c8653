"""A run knows nothing of its crew but the protocol: one that reports late and in the wrong order will do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hifisr_cli.batch.history.journal import read_journal
from hifisr_cli.batch.request import RunRequest
from hifisr_cli.batch.run import Run, open_run
from hifisr_cli.batch.workers.crew import Crew, News
from hifisr_cli.batch.workers.messages import Progressed
from hifisr_cli.batch.workers.perform import perform
from hifisr_cli.batch.workers.work_item import Manner, WorkItem, WorkOutcome
from hifisr_cli.engines.protocol import Identity
from hifisr_cli.restore import file as recording
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileResult, FileStarted
from tests.conftest import in_steps

KNOWN = Identity("hifisr", "m", "0" * 64, "float32")
MODEL: Any = SimpleNamespace(identity=KNOWN, device="cpu")


class Lagging:
    """Takes three groups at once and reports the last one first."""

    size = 3

    def __init__(self) -> None:
        self.groups: list[list[WorkItem]] = []

    @property
    def free(self) -> bool:
        return len(self.groups) < self.size

    @property
    def busy(self) -> bool:
        return bool(self.groups)

    def start(self, items: Sequence[WorkItem]) -> tuple[()]:
        assert self.free
        self.groups.append(list(items))
        return ()

    def wait(self, timeout: float | None) -> Iterator[News]:
        for item in self.groups.pop():
            yield Progressed(item.index, "restore", 0.5, 1.0)
            yield item, self.outcome(item)

    def close(self) -> list[tuple[WorkItem, WorkOutcome]]:
        return [(item, self.outcome(item)) for group in self.groups for item in group]

    def outcome(self, item: WorkItem) -> WorkOutcome:
        ((_, outcome),) = perform(
            [item], model=MODEL, options=RestoreOptions(), manner=Manner(hashes=True), progress_of=lambda _: print
        )
        assert isinstance(outcome, WorkOutcome)
        return outcome


def copy(source: Path, target: Path, *, label: str, **_: Any) -> FileResult:
    target.write_bytes(source.read_bytes())
    return FileResult(label, str(target), "restored", seconds=1.0)


def recorded(folder: Path) -> set[str]:
    """The outputs that the journal speaks of."""
    return {str(record.output and record.output.path) for record in read_journal(folder)}


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run over twenty recordings with such a crew."""
    monkeypatch.setattr(recording, "restoring", in_steps(copy))
    crew: Crew = Lagging()
    monkeypatch.setattr(Run, "_hire", lambda _run: crew)
    (tmp_path / "in").mkdir()
    for index in range(20):
        (tmp_path / "in" / f"{index:02}.wav").write_bytes(b"sound")
    return open_run(RunRequest([tmp_path / "in"], str(tmp_path / "out"), RestoreOptions(), MODEL))


def test_every_job_has_its_events_its_result_and_its_record(opened: Run, tmp_path: Path) -> None:
    events: list[Event] = []
    with opened as run:
        results = list(run.results(events.append))
    names = [Path(result.input).name for result in results]
    assert sorted(names) == [f"{index:02}.wav" for index in range(20)] != names
    for kind in (FileStarted, FileProgressed, FileFinished):
        assert sorted(event.index for event in events if isinstance(event, kind)) == list(range(20))
    assert recorded(tmp_path / "out") == set(names)


def test_what_is_finished_when_the_run_is_left_is_recorded(opened: Run, tmp_path: Path) -> None:
    with opened as run:
        next(run.results())
    assert recorded(tmp_path / "out") == {path.name for path in (tmp_path / "out").glob("*.wav")}
    assert len(recorded(tmp_path / "out")) > 1
