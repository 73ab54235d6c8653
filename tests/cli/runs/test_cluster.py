"""Runs on a cluster: the bytes and the journal of one computer, whoever dies on the way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hifisr_cli.batch.history.journal import read_journal
from tests.cli.runs.conftest import PYTHON_M, Command, Make, leftovers
from tests.cli.runs.test_workers import contents

psutil = pytest.importorskip("psutil", reason="needs what hifisr[cluster] installs")
pytest.importorskip("distributed", reason="needs hifisr[cluster]")
pytestmark = pytest.mark.posix

DASK = [sys.executable, "-m", "dask"]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def tree(tmp_path: Path, make: Make) -> Path:
    """Recordings, one of them longer than the others."""
    for index in range(7):
        make(tmp_path / "in" / f"{index}.wav", 0.5)
    make(tmp_path / "in" / "long.wav", 24.0)
    return tmp_path / "in"


@pytest.fixture
def expected(tree: Path, upsample: Command, tmp_path: Path) -> dict[str, bytes]:
    """What one computer makes of them."""
    assert upsample(tree, "-o", tmp_path / "undisturbed", "--threads", "1").status == 0
    return contents(tmp_path / "undisturbed")


@pytest.fixture
def start(environment: Mapping[str, str]) -> Iterator[Start]:
    """`start(*command)`: a process whose standard error is read; what is left of it and below is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def call(*command: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        )
        started.append(process)
        return process

    yield call
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def run(start: Start, checkpoint: Path, tree: Path, tmp_path: Path) -> Start:
    """`run(cluster, *options)`: a run as a process of its own."""

    def call(cluster: str | Path, *options: str) -> subprocess.Popen[str]:
        given = ["--cluster", str(cluster), "--model", str(checkpoint), "--device", "cpu", "--json", *options]
        return start(*PYTHON_M, "upsample", tree, "-o", tmp_path / "out", *given)

    return call


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What a run says, as it says it."""
    assert process.stderr is not None
    for line in process.stderr:
        assert line.startswith("{"), line
        yield json.loads(line)


def restored(process: subprocess.Popen[str], count: int) -> None:
    """Wait until so many recordings are done."""
    for event in events(process):
        count -= event["event"] == "finished"
        if count == 0:
            return


def below(process: subprocess.Popen[str], what: str) -> list[Any]:
    """The processes that a run has started, and those that these have started, with `what` in their command."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if what in " ".join(child.cmdline()):
                found.append(child)
    return found


CHILD, DASK_WORKER = "batch.workers.worker", "multiprocessing.spawn"


def assert_whole(out: Path, expected: Mapping[str, bytes], hifisr: Command) -> None:
    """Nothing is missing, other, left over, or not in the journal."""
    until = time.monotonic() + 10.0
    while leftovers(out) and time.monotonic() < until:  # the processes of a node that was killed end by themselves
        time.sleep(0.1)
    assert not leftovers(out)
    assert contents(out) == expected
    recorded = [record.output.path for record in read_journal(out) if record.output is not None]
    assert sorted(recorded) == sorted(expected), "each once"
    assert hifisr("verify", out).status == 0


def test_the_bytes_are_those_of_one_computer_whoever_is_killed(
    run: Start, tree: Path, expected: Mapping[str, bytes], hifisr: Command
) -> None:
    out = tree.with_name("out")
    process = run("local:2")
    restored(process, 1)
    everybody = below(process, "python")
    for each in everybody:
        with contextlib.suppress(psutil.Error):  # it has just ended
            listening = [one for one in each.net_connections() if one.status == psutil.CONN_LISTEN]
            assert {one.laddr.ip for one in listening} <= {"127.0.0.1"}
    below(process, CHILD)[0].kill()
    below(process, DASK_WORKER)[0].kill()
    said = list(events(process))
    assert process.wait() == 0
    assert [event["event"] for event in said if event["event"] == "error"] == []
    assert_whole(out, expected, hifisr)
    records = list(read_journal(out))
    assert all(record.computed is not None and record.computed["threads"] == "1" for record in records)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in everybody)


def test_ctrl_c_ends_all(
    run: Start, tree: Path, expected: Mapping[str, bytes], hifisr: Command, upsample: Command
) -> None:
    out = tree.with_name("out")
    process = run("local:2")
    for event in events(process):
        if event["event"] == "started":  # the longest of them
            break
    everybody = below(process, "python")
    for each in everybody:  # as a terminal does it
        if DASK_WORKER in " ".join(each.cmdline()):
            each.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    said = list(events(process))
    assert process.wait() == 130
    assert said[-1]["message"] == "interrupted"
    psutil.wait_procs(everybody, timeout=10)
    assert not any(each.is_running() for each in everybody)
    assert not [path for path in leftovers(out) if path.suffix == ".part"]
    assert contents(out).items() <= expected.items()
    assert upsample(tree, "-o", out, "--threads", "1").status == 0
    assert_whole(out, expected, hifisr)


def test_the_end_of_the_scheduler_ends_the_run_and_another_goes_on(  # noqa: PLR0917  # fixtures
    run: Start, start: Start, tree: Path, expected: Mapping[str, bytes], hifisr: Command, upsample: Command
) -> None:
    out, file = tree.with_name("out"), tree.with_name("scheduler.json")
    here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(file)]
    scheduler = start(*DASK, "scheduler", "--port", "0", *here)
    worker = start(*DASK, "worker", "--nthreads", "2", "--no-nanny", *here)
    process = run(file)
    restored(process, 1)
    scheduler.kill()
    said = list(events(process))
    assert process.wait() == 6
    assert said[-1]["code"] == "cluster"
    assert said[-1]["message"] == "the scheduler of the cluster is gone (the same command goes on from here)"
    assert upsample(tree, "-o", out, "--threads", "1").status == 0, "at once"
    assert_whole(out, expected, hifisr)
    worker.terminate()
    worker.wait(timeout=60)


def test_a_cluster_that_is_not_there(hifisr: Command, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("[]")
    for place, why in {
        "tcp://127.0.0.1:9": "cannot connect to tcp://127.0.0.1:9: ",
        "tls://127.0.0.1:9": "no key for tls://127.0.0.1:9 (distributed.comm.tls",
        str(tmp_path / "none.json"): "no such file",
        str(tmp_path / "other.json"): "it is not the file of a scheduler",
    }.items():
        ended = hifisr("upsample", tree, "-o", tmp_path / "out", "--cluster", place)
        assert ended.status == 6, ended.err
        assert why in ended.said[-1].lower()
        assert "Traceback" not in ended.err
        assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--cluster", "local:0"], "is no cluster"),
        (["--cluster", "somewhere"], "is no cluster"),
        (["--cluster", "local:2", "--jobs", "2"], "--jobs"),
        (["--cluster", "local:2", "--shard", "1/2"], "--shard"),
        (["--cluster", "local:2", "--threads", "4"], "--threads"),
        (["--cluster", "local:2", "--device", "cuda:1"], "CUDA_VISIBLE_DEVICES"),
        (["--mixed"], "--mixed goes with --cluster"),
    ],
)
def test_what_does_not_fit_a_cluster(
    hifisr: Command, tree: Path, tmp_path: Path, options: Sequence[str], why: str
) -> None:
    ended = hifisr("upsample", tree, "-o", tmp_path / "out", *options)
    assert ended.status == 2
    assert len(ended.said) == 1
    assert why in ended.said[0]
    assert not os.path.lexists(tmp_path / "out")


def test_streams_and_in_place_runs_do_not_fit_a_cluster(hifisr: Command, tree: Path) -> None:
    before = sorted(tree.parent.rglob("*"))
    for given in (["--in-place"], ["-o", "-"]):
        ended = hifisr("upsample", tree / "0.wav", *given, "--cluster", "local:2")
        assert ended.status == 2
        assert len(ended.said) == 1
    assert sorted(tree.parent.rglob("*")) == before


def test_without_dask_it_is_said_what_to_install(
    hifisr: Command, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    ended = hifisr("upsample", tree, "-o", tmp_path / "out", "--cluster", "local:2")
    assert ended.status == 2
    assert ended.said == ["hifisr: --cluster needs Dask (pip install 'hifisr[cluster]')"]
