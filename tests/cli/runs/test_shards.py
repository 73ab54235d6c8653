"""`--shard`, as a scheduler starts it: processes of their own, killed, given again, put together."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hifisr_cli.batch.history.journal import journal_path
from hifisr_cli.batch.history.lock import FolderLock
from hifisr_cli.batch.plan.shard import Shard
from tests.cli.runs.conftest import PYTHON_M, Command, Make, leftovers


@pytest.fixture
def archive(tmp_path: Path, make: Make) -> Path:
    for index in range(12):
        make(tmp_path / "in" / f"{index % 3}" / f"{index}.wav", 0.3 + 0.1 * index)
    return tmp_path / "in"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.wav")}


def test_shards_one_of_which_is_killed(
    environment: Mapping[str, str], upsample: Command, hifisr: Command, quick: Sequence[str], archive: Path
) -> None:
    alone, out = archive.with_name("alone"), archive.with_name("out")
    assert upsample(archive, "-o", alone).status == 0

    def start(index: int) -> subprocess.Popen[str]:
        command = [*PYTHON_M, "upsample", *quick, archive, "-o", out, "--json", "--shard", f"{index}/3"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)

    shards = [start(index) for index in (1, 2, 3)]
    victim = shards[0]
    assert victim.stderr is not None
    for line in victim.stderr:
        if json.loads(line)["event"] == "finished":
            victim.kill()
            break
    assert [shard.wait(timeout=120) for shard in shards] == [-signal.SIGKILL, 0, 0]
    for shard in shards:
        assert shard.stderr is not None
        shard.stderr.close()
    ended = hifisr("verify", out, "--json")
    assert ended.status in (0, 11), "11: its output had its name, its record was not written"
    again = upsample(archive, "-o", out, "--shard", "1/3", "--json")
    assert again.status == 0
    assert any(result["warnings"] == ["done before"] for result in again.results)
    assert contents(out) == contents(alone)
    whole = upsample(archive, "-o", out, "--json", "--report", "--premis")
    assert whole.status == 0
    assert {result["status"] for result in whole.results} == {"skipped"}
    assert hifisr("verify", out).status == 0
    assert len(journal_path(out).read_text().splitlines()) == 12
    assert (out / "report.html").read_text().count(".wav") >= 12
    assert not leftovers(out)


def test_verify_names_the_shards_that_are_missing(upsample: Command, hifisr: Command, archive: Path) -> None:
    out = archive.with_name("out")
    for index in (1, 4):
        assert upsample(archive, "-o", out, "--shard", f"{index}/4").status == 0
    ended = hifisr("verify", out)
    assert ended.status == 0
    assert ended.said[-1] == "2 of 4 shards have a journal; none: 2, 3"
    assert hifisr("verify", out, "--json").events[-1]["silent_shards"] == {"4": [2, 3]}
    assert hifisr("verify", next(out.rglob("*.wav"))).status == 0, "a single output is known by its shard's part"
    for index in (2, 3):
        assert upsample(archive, "-o", out, "--shard", f"{index}/4").status == 0
    assert "shards" not in hifisr("verify", out).err
    assert "silent_shards" not in hifisr("verify", out, "--json").events[-1]


def test_the_same_shard_twice_and_a_run_beside_one(upsample: Command, archive: Path) -> None:
    out = archive.with_name("out")
    out.mkdir()
    lock = FolderLock(out, Shard(3, 2))
    for options, who in (
        (["--shard", "2/3"], "another run of shard 2/3"),
        ([], "shard 2/3"),
        (["--shard", "2/2"], "shard 2/3"),
    ):
        ended = upsample(archive, "-o", out, *options)
        assert ended.status == 8
        assert ended.said == [
            f"hifisr: {out}: {who} is at work on this output folder "
            "(wait for its end, or name another folder with --output)"
        ]
    assert upsample(archive, "-o", out, "--shard", "1/3", "--quiet").status == 0
    lock.release()


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/", "a/b", "-1/3", "1/3/5", ""])
def test_what_is_no_share(upsample: Command, archive: Path, text: str) -> None:
    ended = upsample(archive, "-o", archive.with_name("out"), "--shard", text)
    assert ended.status == 2
    assert "--shard 3/16" in ended.err
    assert not archive.with_name("out").exists()


@pytest.mark.parametrize("option", ["--report", "--premis", "--bagit"])
def test_what_is_made_of_a_whole_run(upsample: Command, archive: Path, option: str) -> None:
    ended = upsample(archive, "-o", archive.with_name("out"), "--shard", "1/2", option)
    assert ended.status == 2
    assert "run once more without --shard" in ended.err


def test_into_a_bag(upsample: Command, hifisr: Command, archive: Path, make: Make) -> None:
    """Shards put their outputs into it and leave the sealing to the run that comes after them."""
    bagit = pytest.importorskip("bagit")
    out = archive.with_name("bag")
    assert upsample(archive, "-o", out, "--bagit").status == 0
    for index in range(3):
        make(archive / f"new {index}.wav", 0.3)
    for index in (1, 2):
        assert upsample(archive, "-o", out, "--shard", f"{index}/2").status == 0
    assert len(contents(out / "data")) == 15
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(out)).validate()
    assert upsample(archive, "-o", out).status == 0
    bagit.Bag(str(out)).validate()
    assert hifisr("verify", out).status == 0


def test_a_dry_run_lists_the_share(upsample: Command, archive: Path) -> None:
    listed = [
        {result["input"] for result in upsample(archive, "-o", "out", "--dry-run", "--shard", shard, "--json").results}
        for shard in ("1/2", "2/2")
    ]
    assert len(listed[0] | listed[1]) == len(listed[0]) + len(listed[1]) == 12


def test_nothing_to_do_is_no_failure(upsample: Command, make: Make, tmp_path: Path) -> None:
    make(tmp_path / "in" / "a.wav", 0.3)
    statuses = [upsample(tmp_path / "in", "-o", tmp_path / "out", "--shard", f"{i}/3").status for i in (1, 2, 3)]
    assert statuses == [0, 0, 0]
    assert len(contents(tmp_path / "out")) == 1
