"""Runs with worker processes: the same bytes, whoever dies on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hifisr_cli.batch.history.journal import read_journal
from hifisr_cli.batch.workers import pool
from hifisr_cli.batch.workers.pool import Launched
from tests.cli.runs.conftest import PYTHON_M, Command, Make, leftovers, outputs


@pytest.fixture
def tree(tmp_path: Path, make: Make) -> Path:
    """Recordings, short and in two folders."""
    for index in range(6):
        make(tmp_path / "in" / f"{index % 2}" / f"{index}.wav", 0.4 + 0.1 * index)
    return tmp_path / "in"


def contents(folder: Path) -> dict[str, bytes]:
    """The outputs below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.wav")}


WINDOWS = sys.platform == "win32"
ENDINGS: dict[Any, int] = {"kill": 1} if WINDOWS else {"kill": -9, signal.SIGTERM: 143, signal.SIGINT: 130}
"""What ends a run from outside, and its exit status then."""


def workers(checkpoint: Path, jobs: int) -> list[str]:
    """The options of a run with worker processes."""
    return ["--model", str(checkpoint), "--device", "cpu", "--threads", "1", "--jobs", str(jobs)]


def test_a_run_that_is_killed_again_and_again_is_worth_an_undisturbed_one(  # noqa: PLR0917  # fixtures
    environment: Mapping[str, str], upsample: Command, hifisr: Command, checkpoint: Path, tree: Path, make: Make
) -> None:
    for index in range(6, 9):
        make(tree / "1" / f"{index}.wav", 0.6)
    make(tree / "1" / "long.wav", 20.0)  # short ones end together: there must still be work when a signal comes
    undisturbed, out = tree.with_name("undisturbed"), tree.with_name("out")
    assert upsample(tree, "-o", undisturbed).status == 0
    expected = contents(undisturbed)
    command = [*PYTHON_M, "upsample", *workers(checkpoint, 1), tree, "-o", out, "--json"]
    for done, (number, ending) in enumerate(ENDINGS.items()):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert process.stderr is not None
        for line in process.stderr:
            event = json.loads(line)
            if event["event"] == "finished" and event["status"] == "restored":
                process.kill() if number == "kill" else process.send_signal(number)
                break
        said = process.stderr.read().splitlines()
        status = process.wait(timeout=60)
        assert status == ending
        assert "Traceback" not in "".join(said)
        found = contents(out)
        assert len(found) > done
        assert found.items() <= expected.items(), "what stands there is whole"
        if number != "kill":
            assert not [path for path in leftovers(out) if path.suffix == ".part"]
    recorded = {str(out / record.output.path) for record in read_journal(out) if record.output is not None}
    assert len(recorded) >= len(ENDINGS), "what was said to be restored had been recorded before"
    ended = hifisr("upsample", *workers(checkpoint, 2), tree, "-o", out, "--json")
    assert ended.status == 0
    done_before = {result["output"] for result in ended.results if result["warnings"] == ["done before"]}
    assert done_before == recorded, "that, and nothing else, is not done again"
    assert contents(out) == expected
    assert not leftovers(out)
    assert hifisr("verify", out).status == 0


CRASH = """
import os, signal
from hifisr_cli.restore import file as recording
before = recording.{where}
def crash(first, *others, **named):
    if {name!r} in str(first) and not os.path.exists({unless!r}):
        open({unless!r}, "w").close() if {once} else None
        os.kill(os.getpid(), signal.SIGSEGV)
    return before(first, *others, **named)
recording.{where} = crash
"""
"""As a codec does it: the process is gone, without a word, and with it what it did for other files."""


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Makes a function kill the worker that calls it for a file of some name, or the first that calls it for any."""

    def prepare(where: str, name: str) -> None:
        begin, imports = pool._START.split("from hifisr_cli", 1)
        prelude = CRASH.format(where=where, name=name, once=not name, unless=str(tmp_path / "crashed"))
        monkeypatch.setattr(pool, "_START", begin + prelude + "from hifisr_cli" + imports)

    return prepare


def test_a_crash_takes_one_file(
    hifisr: Command, checkpoint: Path, tree: Path, crash: Callable[[str, str], None]
) -> None:
    out = tree.with_name("out")
    crash("survey_file", "2.wav")
    ended = hifisr("upsample", *workers(checkpoint, 1), tree, "-o", out, "--json")
    assert ended.status == 3
    failed = [result for result in ended.results if result["status"] == "failed"]
    assert [Path(result["input"]).name for result in failed] == ["2.wav"]
    assert failed[0]["error"]["code"] == "crashed"
    assert ("exit status 11" if WINDOWS else "SIGSEGV") in failed[0]["error"]["message"]
    assert [result["status"] for result in ended.results].count("restored") == 5
    assert len(contents(out)) == 5
    assert not leftovers(out)
    assert hifisr("verify", out).status == 0


def test_a_crash_after_outputs_had_their_names(
    hifisr: Command, upsample: Command, checkpoint: Path, tree: Path, crash: Callable[[str, str], None]
) -> None:
    undisturbed, out = tree.with_name("undisturbed"), tree.with_name("out")
    assert upsample(tree, "-o", undisturbed).status == 0
    crash("make_result", "")
    ended = hifisr("upsample", *workers(checkpoint, 1), tree, "-o", out, "--json")
    assert (tree.parent / "crashed").exists()
    assert ended.status == 0, "each is done again, alone, and finds its own bytes"
    assert [result["status"] for result in ended.results] == ["restored"] * 6
    assert contents(out) == contents(undisturbed)
    assert not leftovers(out)
    assert hifisr("verify", out).status == 0


def test_a_recording_whose_worker_died_has_a_second_chance(
    hifisr: Command, checkpoint: Path, good: Path, tmp_path: Path, crash: Callable[[str, str], None]
) -> None:
    crash("survey_file", "")
    ended = hifisr("upsample", *workers(checkpoint, 1), good, "-o", tmp_path / "out", "--json")
    assert (tmp_path / "crashed").exists()
    assert [result["status"] for result in ended.results] == ["restored"]
    assert not leftovers(tmp_path / "out")


def test_a_model_that_does_not_load_ends_the_run_once(hifisr: Command, checkpoint: Path, tree: Path) -> None:
    data = bytearray(checkpoint.read_bytes())
    data[-5_000] ^= 1
    model = tree.with_name("bit.safetensors")
    model.write_bytes(data)
    ended = hifisr("upsample", *workers(model, 1), tree, "-o", tree.with_name("out"))
    assert ended.status == 5
    assert len([line for line in ended.said if line.startswith("hifisr: ")]) == 1
    assert "failed" not in ended.err
    assert not list(tree.with_name("out").iterdir())


def test_a_second_run_is_refused_while_the_first_lives(upsample: Command, tree: Path, tmp_path: Path) -> None:
    from hifisr_cli.batch.history.lock import FolderLock

    (tmp_path / "out").mkdir()
    lock = FolderLock(tmp_path / "out")
    ended = upsample(tree, "-o", tmp_path / "out")
    assert ended.status == 8
    assert ended.said == [
        f"hifisr: {tmp_path / 'out'}: another run is at work on this output folder "
        "(wait for its end, or name another folder with --output)"
    ]
    lock.release()
    assert upsample(tree, "-o", tmp_path / "out").status == 0


def test_the_time_limit(upsample: Command, make: Make, tree: Path, tmp_path: Path) -> None:
    make(tree / "0" / "long.wav", 120.0)
    out = tmp_path / "out"
    ended = upsample(tree, "-o", out, "--time-limit", "0.5", "--chunk-seconds", "1")
    assert ended.status == 9
    assert ended.said[-1] == "hifisr: the time limit is reached (the same command goes on from here)"
    assert not leftovers(out)
    done = len(contents(out))
    (tree / "0" / "long.wav").unlink()
    ended = upsample(tree, "-o", out, "--json")
    assert ended.status == 0
    assert sum(result["status"] == "skipped" for result in ended.results) == done
    assert len(contents(out)) == 6


@pytest.mark.parametrize("value", ["0", "-1", "1:2:3:4", "soon", "", "1:60:x", "nan"])
def test_what_is_no_time(upsample: Command, tree: Path, value: str) -> None:
    assert upsample(tree, "-o", tree.with_name("out"), "--time-limit", value).status == 2


def test_in_place(upsample: Command, hifisr: Command, tree: Path) -> None:
    before = contents(tree)
    assert upsample(tree, "--in-place").status == 0
    after = contents(tree)
    assert after.keys() == before.keys()
    assert not {*before.values()} & {*after.values()}
    assert {name: (tree / f"{name}.orig").read_bytes() for name in before} == before
    ended = upsample(tree, "--in-place")
    assert ended.status == 0
    assert "6 skipped" in ended.err
    assert contents(tree) == after
    assert hifisr("verify", tree).status == 0


@pytest.mark.parametrize(
    "options", [["-o", "x"], ["--suffix", "_a"], ["--format", "flac"], ["another"], ["--backup-dir", "{tree}"]]
)
def test_what_does_not_fit_in_place(upsample: Command, tree: Path, options: Sequence[str]) -> None:
    before = sorted(tree.parent.rglob("*"))
    ended = upsample(tree, "--in-place", *(option.format(tree=tree) for option in options))
    assert ended.status == 2, ended.err
    assert len(ended.said) == 1
    assert sorted(tree.parent.rglob("*")) == before


def test_a_suffix_for_names(upsample: Command, tree: Path, tmp_path: Path) -> None:
    (tree / "1" / "1.flac").write_bytes((tree / "1" / "1.wav").read_bytes())
    assert upsample(tree, "-o", tmp_path / "out", "--suffix", "_48k").status == 0
    assert outputs(tmp_path / "out" / "0") == ["0_48k.wav", "2_48k.wav", "4_48k.wav"]
    assert outputs(tmp_path / "out" / "1") == ["1.flac_48k.wav", "1.wav_48k.wav", "3_48k.wav", "5_48k.wav"]
    assert upsample(tree, "-o", tmp_path / "out", "--suffix", "a/b").status == 2
    assert upsample(tree / "1" / "1.wav", "-o", tmp_path / "one.wav", "--suffix", "_48k").status == 2


def test_a_worker_that_was_started_early_does_the_same(
    hifisr: Command, upsample: Command, checkpoint: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, out = tree.with_name("undisturbed"), tree.with_name("out")
    assert upsample(tree, "-o", undisturbed).status == 0
    early: list[Launched] = []
    monkeypatch.setattr("hifisr_cli.batch.plan.discover._MANY", 2)
    monkeypatch.setattr("hifisr_cli.batch.run.Launched", lambda: early.append(Launched()) or early[-1])
    monkeypatch.setattr("hifisr_cli.batch.workers.pool.Launched", None)  # no other is started
    assert hifisr("upsample", *workers(checkpoint, 1), tree, "-o", out).status == 0
    assert len(early) == 1
    assert contents(out) == contents(undisturbed)
    again = hifisr("upsample", *workers(checkpoint, 1), tree, "-o", out)
    assert again.status == 0, "there is nothing to do, and nobody waits for the worker"
    assert len(early) == 2
    assert early[-1].process.poll() is not None


def test_a_worker_is_started_early_for_recordings_restored_in_place(
    hifisr: Command, checkpoint: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early: list[Launched] = []
    monkeypatch.setattr("hifisr_cli.batch.plan.discover._MANY", 2)
    monkeypatch.setattr("hifisr_cli.batch.run.Launched", lambda: early.append(Launched()) or early[-1])
    monkeypatch.setattr("hifisr_cli.batch.workers.pool.Launched", None)  # no other is started
    assert hifisr("upsample", *workers(checkpoint, 1), tree, "--in-place").status == 0
    assert len(early) == 1
    assert outputs(tree / "0") == [f"{i}.wav{end}" for i in (0, 2, 4) for end in ("", ".orig")]
