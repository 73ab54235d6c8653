"""What a run does with the nodes of a cluster, told by nodes that are made up: no Dask is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hifisr_cli.batch.history.record import software
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.request import ModelRequest
from hifisr_cli.batch.workers import cluster as module
from hifisr_cli.batch.workers.cluster import Cluster, Heard
from hifisr_cli.batch.workers.messages import Hello, Progressed
from hifisr_cli.batch.workers.perform import perform
from hifisr_cli.batch.workers.work_item import Manner, WorkItem, WorkOutcome
from hifisr_cli.engines.protocol import Identity
from hifisr_cli.errors import ClusterError, DeviceError, ModelError
from hifisr_cli.restore import file as recording
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import FileResult
from hifisr_cli.system.staged_file import StagedFile
from tests.batch.workers.test_crew import MODEL
from tests.conftest import in_steps

KNOWN = Identity("hifisr", "m", "0" * 64, "float32")
HELLO = Hello(ModelRequest(), RestoreOptions(), Manner(hashes=True), verbose=False)
COMPUTED = {"processor": "GenuineIntel", "capability": "AVX512", "torch": "2", "threads": "1"}

Work = Callable[[str, tuple[WorkItem, ...]], object]


def at_once(_address: str, items: tuple[WorkItem, ...]) -> object:
    """Everything is restored."""
    return [
        (item.index, WorkOutcome(FileResult(item.job.label, None, "restored"), computed=COMPUTED)) for item in items
    ]


class MadeUp:
    """Dask as a run sees it. What nodes work on is answered when `answer` is called; what is raised there, they raise.

    Attributes:
        there: the threads of each node.
        versions, computed: what nodes say of themselves, by their addresses, where it is not the usual.
        unable: what nodes that are to attend raise instead, once each.
        waiting: calls of `work`, each with its address and its items.
    """

    def __init__(self, **there: int) -> None:
        self.there, self.scheduler_is_there = dict(there), True
        self.versions: dict[str, Mapping[str, str]] = {}
        self.computed: dict[str, Mapping[str, str]] = {}
        self.waiting: dict[str, tuple[str, tuple[WorkItem, ...], Heard]] = {}
        self.attending: dict[str, str] = {}
        self.unable: list[Exception] = []
        self.most: Counter[str] = Counter()

    def connect(self, _run: str, told: Callable[[Mapping[str, Any]], None]) -> MadeUp:
        self.tell = told
        return self

    def nodes(self) -> Mapping[str, int]:
        if not self.scheduler_is_there:
            raise ClusterError("gone")
        return dict(self.there)

    def call(self, ticket: str, address: str, heard: Heard, function: Callable[..., object], *given: Any) -> None:
        match function.__name__:
            case "software":
                heard({**software(), **self.versions.get(address, {})})
            case "attend":
                if self.unable:
                    heard(self.unable.pop())
                    return
                self.attending[ticket] = address
                computed = {**COMPUTED, **self.computed.get(address, {})}
                known = {"model": KNOWN.parameter_hash, "precision": KNOWN.precision}
                self.tell({"node": address, **known, "computed": computed})
            case "work":
                self.waiting[ticket] = address, given[1], heard
                self.most[address] = max(self.most[address], sum(at == address for at, *_ in self.waiting.values()))

    def answer(self, work: Work = at_once) -> None:
        """The nodes have worked. Where `work` raises, the node does."""
        for ticket, (address, items, heard) in list(self.waiting.items()):
            if address in self.there:
                del self.waiting[ticket]
                try:
                    heard(work(address, items))
                except Exception as error:
                    heard(error)

    def forget(self, ticket: str) -> None:
        self.waiting.pop(ticket, None)
        self.attending.pop(ticket, None)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes are looked after all the time."""
    monkeypatch.setattr(module, "_LOOK", 0.0)


def hired(dask: MadeUp, *, mixed: bool = False) -> Cluster:
    return Cluster(dask.connect, HELLO, shared=(), model=KNOWN, mixed=mixed)


def item(index: int) -> WorkItem:
    return WorkItem(index, Job(Path(f"{index}.wav"), Path(f"out/{index}.wav"), f"{index}.wav", 1))


def news(crew: Cluster) -> Iterator[tuple[WorkItem, WorkOutcome]]:
    for word in crew.wait(0.0):
        assert not isinstance(word, Progressed)
        yield word


def test_no_node_has_more_at_once_than_it_has_threads() -> None:
    dask = MadeUp(a=2, b=1)
    crew = hired(dask)
    done, waiting = set[int](), [item(index) for index in range(50)]
    assert crew.size == 3
    while waiting or crew.busy:
        while waiting and crew.free:
            crew.start([waiting.pop()])
        dask.answer()
        done |= {found.index for found, _ in news(crew)}
    assert done == set(range(50))
    assert dask.most == {"a": 2, "b": 1}
    assert not dask.waiting
    assert len(dask.attending) == 2


def test_what_a_lost_node_had_is_done_elsewhere_and_alone() -> None:
    dask = MadeUp(a=1, b=1)
    crew = hired(dask)
    assert crew.free
    crew.start([item(0), item(1)])
    ((ticket, (address, items, _)),) = dask.waiting.items()
    assert all(each.stray for each in items), "what it may have finished is adopted"
    del dask.there[address], dask.waiting[ticket]
    assert not list(news(crew))
    while crew.busy:
        assert all(len(group) == 1 for _, group, _ in dask.waiting.values())
        dask.answer()
        for _, outcome in news(crew):
            assert outcome.result.status == "restored"
    assert not crew._again


def test_what_loses_three_nodes_has_failed_and_nothing_else_has() -> None:
    dask = MadeUp(a=1, b=1, c=1, d=1)
    crew = hired(dask)
    assert crew.free

    def poisoned(address: str, items: tuple[WorkItem, ...]) -> object:
        if any(each.index == 0 for each in items):
            del dask.there[address]
            raise RuntimeError("KilledWorker")
        return at_once(address, items)

    crew.start([item(0), item(1)])
    crew.start([item(2)])
    found = {}
    while crew.busy:
        dask.answer(poisoned)
        found |= {each.index: outcome.result for each, outcome in news(crew)}
    assert {index: result.status for index, result in found.items()} == {0: "failed", 1: "restored", 2: "restored"}
    assert found[0].error is not None
    assert found[0].error.code == "crashed"
    assert "3 nodes were lost" in found[0].error.message
    assert len(dask.there) == 1


def test_a_node_whose_worker_processes_do_not_start_introduces_itself_again() -> None:
    dask = MadeUp(a=1)
    crew = hired(dask)
    assert crew.free
    failing = iter([DeviceError("died before it was ready")])

    def work(address: str, items: tuple[WorkItem, ...]) -> object:
        for error in failing:
            raise error
        return at_once(address, items)

    crew.start([item(0)])
    before = set(dask.attending)
    results = []
    while crew.busy:
        dask.answer(work)
        results += [outcome.result.status for _, outcome in news(crew)]
    assert results == ["restored"]
    assert not before & dask.attending.keys()


@pytest.mark.parametrize("failures", [1, 3])
def test_a_node_may_fail_to_start_but_not_for_ever(failures: int) -> None:
    dask = MadeUp(a=1)
    dask.unable = [DeviceError("a worker process died before it was ready")] * failures
    crew = hired(dask)
    if failures < 3:
        assert crew.free
    else:
        with pytest.raises(ClusterError, match="no worker can take part: a: a worker process died"):
            _ = crew.free


def test_a_model_that_does_not_load_ends_the_run() -> None:
    dask = MadeUp(a=1)
    crew = hired(dask)
    assert crew.free
    crew.start([item(0)])

    def work(_address: str, _items: tuple[WorkItem, ...]) -> object:
        raise ModelError("damaged")

    dask.answer(work)
    with pytest.raises(ModelError):
        list(news(crew))


def test_a_node_that_joins_late_is_used() -> None:
    dask = MadeUp(a=1)
    crew = hired(dask)
    assert crew.size == 1
    crew.start([item(0)])
    assert not crew.free
    dask.there["b"] = 3
    list(news(crew))
    list(news(crew))
    assert crew.size == 4
    assert crew.free


def test_the_end_of_the_scheduler_is_the_end_of_the_run() -> None:
    dask = MadeUp(a=1)
    crew = hired(dask)
    assert crew.free
    crew.start([item(0)])
    dask.scheduler_is_there = False
    with pytest.raises(ClusterError):
        list(news(crew))
    assert crew.close() == []


def test_a_run_waits_for_another_node_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    dask = MadeUp(a=1)
    crew = hired(dask)
    assert crew.free
    crew.start([item(0)])
    dask.there.clear()
    assert not list(news(crew))
    assert crew.busy
    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    with pytest.raises(ClusterError, match="no worker for"):
        list(news(crew))


def test_what_is_finished_while_the_run_ends_is_not_lost() -> None:
    dask = MadeUp(a=2)
    crew = hired(dask)
    assert crew.free
    crew.start([item(0), item(1)])
    crew.start([item(2)])
    dask.answer(lambda address, items: at_once(address, items[:1]))  # a node that is told to end gives what it has
    assert {found.index for found, _ in crew.close()} == {0, 2}
    assert not dask.attending


@pytest.mark.parametrize(
    ("versions", "computed", "what"),
    [
        ({"numpy": "1.0"}, {}, "numpy is 1.0 there"),
        ({}, {"capability": "AVX2"}, "capability is AVX2 there and AVX512 elsewhere"),
        ({}, {"mkl": "2024"}, "mkl is 2024 there and None elsewhere"),
    ],
)
def test_who_computes_differently_is_refused_by_name_unless_that_is_wanted(
    versions: Mapping[str, str], computed: Mapping[str, str], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    dask = MadeUp(a=1, b=1)
    dask.versions["b"], dask.computed["b"] = versions, computed
    assert hired(dask).size == 1
    assert f"b takes no part: {what}" in caplog.text
    assert [*dask.attending.values()] == ["a"]
    crew = hired(dask, mixed=True)
    assert crew.size == 2
    for index in (0, 1):
        crew.start([item(index)])
    dask.answer()
    told = {outcome.computed["node"]: outcome.computed for _, outcome in news(crew) if outcome.computed is not None}
    assert told.keys() == {"a", "b"}
    assert versions.items() <= told["b"].items()


@pytest.mark.parametrize("name", ["hifisr", "outputs", "resampler"])
def test_another_hifisr_is_never_let_in(name: str) -> None:
    dask = MadeUp(a=1)
    dask.versions["a"] = {name: "0"}
    crew = hired(dask, mixed=True)
    with pytest.raises(ClusterError, match=f"no worker can take part: a: {name} is 0 there"):
        _ = crew.size


def test_an_output_that_a_lost_node_had_finished_is_adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "restoring", in_steps(copy))
    (tmp_path / "a.wav").write_bytes(b"sound")
    made = tmp_path / "out" / "a.wav"
    given = WorkItem(0, Job(tmp_path / "a.wav", made, "a.wav", 5))
    dask = MadeUp(a=1, b=1)
    crew = hired(dask)
    assert crew.free
    crew.start([given])

    def work(address: str, items: tuple[WorkItem, ...]) -> object:
        outcomes = perform(items, model=MODEL, options=HELLO.options, manner=HELLO.manner, progress_of=lambda _: print)
        results = [(each.index, outcome) for each, outcome in outcomes]
        if len(dask.there) == 2:
            del dask.there[address]
            raise RuntimeError("lost before anybody heard of it")
        return results

    found = []
    while crew.busy:
        dask.answer(work)
        found += [outcome.result.status for _, outcome in news(crew)]
    assert found == ["restored"], "neither skipped nor failed"
    assert made.read_bytes() == b"sound"


def copy(source: Path, target: Path, *, label: str, overwrite: Any, **_: Any) -> FileResult:
    with StagedFile(target, overwrite=overwrite) as file:
        file.write(source.read_bytes())
    return FileResult(label, str(target), "restored", seconds=1.0)
