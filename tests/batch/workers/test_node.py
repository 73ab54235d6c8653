"""A node does a run's work in worker processes of its own; no Dask is needed for that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.request import ModelRequest
from hifisr_cli.batch.workers import pool
from hifisr_cli.batch.workers.messages import Hello
from hifisr_cli.batch.workers.node import Node, SharedFile
from hifisr_cli.batch.workers.work_item import Manner, WorkItem
from hifisr_cli.restore.file import RestoreOptions

HELLO = Hello(ModelRequest(device="cpu", threads=1), RestoreOptions(), Manner(hashes=True), verbose=False)

POISON = (
    "import os; from hifisr_cli.restore import file as recording; survey = recording.survey_file; "
    "recording.survey_file = lambda first, *others, **named: "
    "os._exit(86) if str(first).endswith('poison.wav') else survey(first, *others, **named); "
)


@pytest.fixture
def item(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> Callable[..., WorkItem]:
    """`item(index, name, seconds=0.4)`: a recording to be restored."""

    def make(index: int, name: str, seconds: float = 0.4) -> WorkItem:
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, speech_like(seconds, 8_000, cutoff_hz=3_200).T, 8_000)
        return WorkItem(index, Job(path, tmp_path / "out" / path.name, path.name, path.stat().st_size), stray=True)

    return make


def test_a_file_is_shared_where_it_is_seen_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"four")
    assert SharedFile(tmp_path).is_here()
    assert SharedFile(tmp_path / "a", 4).is_here()
    assert not SharedFile(tmp_path / "a", 5).is_here(), "another file under that name"
    assert not SharedFile(tmp_path / "b").is_here()


def test_poison_fails_alone_and_a_node_ends_at_once(
    item: Callable[..., WorkItem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, imports = pool._START.split("from hifisr_cli", 1)
    monkeypatch.setattr(pool, "_START", begin + POISON + "from hifisr_cli" + imports)
    told: list[Mapping[str, Any]] = []
    node = Node(HELLO, told.append)
    try:
        while (ready := node.ready()) is None:
            pass
        assert ready.computed["threads"] == "1"
        outcomes = dict(node.work([item(0, "good"), item(1, "poison"), item(2, "fine")]))
        assert {index: outcome.result.status for index, outcome in outcomes.items()} == {
            0: "restored",
            1: "failed",
            2: "restored",
        }
        assert outcomes[0].computed == ready.computed
        assert outcomes[1].result.error is not None
        assert outcomes[1].result.error.message == "two processes that worked on it died: exit status 86"
        # It is told to end while it has a minute of work.
        long = item(3, "long", 60.0)
        working = threading.Thread(target=lambda: outcomes.update(node.work([long])))
        working.start()
        while not any(word["progressed"]["index"] == 3 for word in told if "progressed" in word):
            working.join(0.1)
    finally:
        node.close()
    working.join()
    assert 3 not in outcomes
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["fine.wav", "good.wav"]
