"""The record of a single output: beside a file, anywhere for a stream, never partial, never in the place of others."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile

from hifisr_cli.batch.history import record as record_module
from hifisr_cli.batch.history.journal import read_journal
from hifisr_cli.batch.history.record import Record, read_record
from hifisr_cli.errors import EXIT_STATUSES
from hifisr_cli.system.staged_file import StagedFile
from tests.cli.runs.conftest import PYTHON_M, Command, Make, leftovers

RECORD = "out.wav.hifisr.json"


Piped = Callable[..., bytes]


@pytest.fixture
def piped(upsample: Command) -> Piped:
    """`piped(*arguments)`: what `hifisr upsample` sends into the pipe that standard output is, in this process."""

    def call(*arguments: str | Path) -> bytes:
        reading, writing = os.pipe()
        before = os.dup(1)
        os.dup2(writing, 1)
        os.close(writing)
        with ThreadPoolExecutor(1) as reader, os.fdopen(reading, "rb") as end:
            received = reader.submit(end.read)
            try:
                ended = upsample(*arguments)
            finally:
                os.dup2(before, 1)
                os.close(before)
            assert ended.status == 0, ended.err
            return received.result()

    return call


def sha256(data: bytes | Path) -> str:
    return hashlib.sha256(data.read_bytes() if isinstance(data, Path) else data).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def load(path: Path) -> Any:
    """The record as plain data, valid by the published schema."""
    data = json.loads(path.read_text(encoding="ascii"))
    schema = json.loads(Path(record_module.__file__).with_name("record.schema.json").read_text("utf-8"))
    jsonschema.validate(data, schema)
    return data


def test_it_lies_beside_the_output(upsample: Command, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.wav"
    assert upsample(good, "-o", out).status == 0
    assert names(out.parent) == ["out.wav", RECORD]
    data = load(out.parent / RECORD)
    assert data["input"]["sha256"] == sha256(good)
    assert data["output"] == {
        "path": "out.wav",
        "size": out.stat().st_size,
        "sha256": sha256(out),
        "mtime_ns": out.stat().st_mtime_ns,
        "synthetic_above_hz": data["result"]["bandwidth"]["cutoff_hz"],
    }
    assert read_record(out) == read_record(out.parent / RECORD)


def test_it_is_what_the_journal_would_say(upsample: Command, good: Path, tmp_path: Path) -> None:
    assert upsample(good, "-o", tmp_path / "out.wav", "--loudness", "match").status == 0
    assert upsample(good, "-o", tmp_path / "folder", "--loudness", "match").status == 0
    (journal,) = read_journal(tmp_path / "folder")
    single = read_record(tmp_path / "out.wav")

    def told(record: Record) -> Any:
        data = json.loads(record.to_line())
        del data["time"], data["output"]["path"], data["output"]["mtime_ns"]
        del data["result"]["output"], data["result"]["wall_seconds"]
        return data

    assert told(single) == told(journal)


def test_no_record_and_another_place(upsample: Command, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert upsample(good, "-o", out / "a.wav", "--no-record").status == 0
    assert upsample(good, "-o", out / "b.wav", "--record", tmp_path / "records" / "b.json").status == 0
    assert names(out) == ["a.wav", "b.wav"]
    assert load(tmp_path / "records" / "b.json")["output"]["path"] == "../out/b.wav"


@pytest.mark.parametrize("container", ["wav", "flac", "raw"])
def test_of_standard_output(piped: Piped, good: Path, tmp_path: Path, container: str) -> None:
    said = piped(good, "-o", "-", "--format", container, "--record", tmp_path / "r.json")
    data = load(tmp_path / "r.json")
    cutoff = data["result"]["bandwidth"]["cutoff_hz"]
    assert data["output"] == {
        "path": "-",
        "size": len(said),
        "sha256": sha256(said),
        "synthetic_above_hz": cutoff,
    }
    assert data["input"]["sha256"] == sha256(good)
    assert names(tmp_path) == ["good.wav", "r.json"]


@pytest.mark.parametrize(("kind", "tail"), [("wav", b"LIST\x04\0\0\0INFO" * 20_000), ("flac", b""), ("ogg", b"")])
def test_of_a_stream(
    piped: Piped, feed: Callable[[bytes], None], make: Make, tmp_path: Path, *, kind: str, tail: bytes
) -> None:
    """The hash of the input is that of all of it, whatever the decoder had use for."""
    given = make(tmp_path / f"in.{kind}", 1.0, 16_000).read_bytes() + tail
    feed(given)
    said = piped("-", "-o", "-", "--record", tmp_path / "r.json")
    data = load(tmp_path / "r.json")
    assert data["input"] == {
        "path": "-",
        "relative": "stdin",
        "size": len(given),
        "mtime_ns": 0,
        "sha256": sha256(given),
    }
    assert data["output"]["sha256"] == sha256(said)


def test_of_a_stream_that_is_kept_first(
    upsample: Command, feed: Callable[[bytes], None], make: Make, tmp_path: Path
) -> None:
    given = make(tmp_path / "in.aiff").read_bytes()
    feed(given)
    assert upsample("-", "-o", tmp_path / "out.wav").status == 0
    data = load(tmp_path / RECORD)
    assert (data["input"]["sha256"], data["input"]["mtime_ns"]) == (sha256(given), 0)
    feed(given)
    assert upsample("-", "-o", tmp_path / "folder").status == 0
    (journal,) = read_journal(tmp_path / "folder")
    assert journal.output is not None
    assert journal.input.sha256 == sha256(given)


def test_a_reader_that_leaves_leaves_no_record(
    environment: Mapping[str, str], quick: Sequence[str], make: Make, tmp_path: Path
) -> None:
    source = make(tmp_path / "in.wav", 4.0)
    command = [*PYTHON_M, "upsample", *quick, str(source), "-o", "-", "--record", str(tmp_path / "r.json")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(60) == 141
    assert names(tmp_path) == ["in.wav"]


def test_a_failure_leaves_no_record(upsample: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    assert upsample(tmp_path / "bad.wav", "-o", tmp_path / "out.wav").status == 3
    assert upsample(tmp_path / "bad.wav", "-o", tmp_path / "out.wav", "--record", tmp_path / "new" / "r").status == 3
    assert names(tmp_path) == ["bad.wav", "new"]
    assert names(tmp_path / "new") == []


def test_a_dry_run_writes_nothing(upsample: Command, good: Path, tmp_path: Path) -> None:
    for more in ([], ["--record", str(tmp_path / "new" / "r.json")]):
        assert upsample(good, "-o", tmp_path / "out.wav", "--dry-run", *more).status == 0
    assert names(tmp_path) == ["good.wav"]


@pytest.mark.parametrize("more", [[], ["--overwrite"], ["--dry-run"]])
def test_what_is_no_record_is_never_replaced(upsample: Command, good: Path, tmp_path: Path, more: list[str]) -> None:
    for text in ("mine", '{"version": 1}', "[" * 100_000):
        (tmp_path / RECORD).write_text(text)
        ended = upsample(good, "-o", tmp_path / "out.wav", "--quiet", *more)
        assert ended.status == 3
        assert "is no record of hifisr's" in ended.out + ended.err
        assert (tmp_path / RECORD).read_text() == text
        assert not (tmp_path / "out.wav").exists()
    (tmp_path / RECORD).unlink()
    (tmp_path / RECORD).mkdir()
    assert upsample(good, "-o", tmp_path / "out.wav", *more).status == 3
    assert upsample(good, "-o", tmp_path / "out.wav", *more, "--no-record").status == 0


def test_our_own_record_is_replaced_on_request(upsample: Command, good: Path, tmp_path: Path) -> None:
    out, beside = tmp_path / "out.wav", tmp_path / RECORD
    assert upsample(good, "-o", out).status == 0
    first = beside.read_bytes()
    ended = upsample(good, "-o", out)
    assert ended.status == 3
    assert "the output exists already" in ended.err
    out.unlink()
    ended = upsample(good, "-o", out)
    assert ended.status == 3
    assert "is the record of an earlier output (--overwrite replaces it)" in ended.err
    assert beside.read_bytes() == first
    assert upsample(good, "-o", out, "--overwrite", "--bit-depth", "32f").status == 0
    assert load(beside)["output"]["sha256"] == sha256(out)
    assert load(beside)["options"]["bit_depth"] == "32f"


def test_no_record_becomes_untrue(upsample: Command, good: Path, tmp_path: Path) -> None:
    """A record that would stay beside other bytes than it speaks of, or be lost to another output."""
    out = tmp_path / "out.wav"
    assert upsample(good, "-o", out).status == 0
    first = out.read_bytes()
    for more in (["--no-record"], ["--record", str(tmp_path / "r.json")]):
        ended = upsample(good, "-o", out, "--overwrite", *more)
        assert ended.status == 3
        assert "would become untrue" in ended.err
    assert out.read_bytes() == first
    ended = upsample(good, "-o", tmp_path / "b.wav", "--overwrite", "--record", tmp_path / RECORD)
    assert ended.status == 3
    assert "is the record of another output" in ended.err
    assert names(tmp_path) == ["good.wav", "out.wav", RECORD]


def test_options_that_contradict_each_other(upsample: Command, good: Path, tmp_path: Path) -> None:
    out, place = tmp_path / "out.wav", str(tmp_path / "r.json")
    assert upsample(good, "-o", out, "--record", place, "--no-record").status == 2
    assert upsample(good, "-o", out, "--record", "-").status == 2
    assert upsample(good, "-o", out, "--record", out).status == 2
    assert upsample(good, "-o", tmp_path / "folder", "--record", place).status == 2
    assert upsample(good, "-o", tmp_path / "folder", "--no-record").status == 2
    assert upsample(good, "--in-place", "--no-record").status == 2
    assert upsample(good, "-o", out, "--overwrite", "--record", good).status == 3
    assert names(tmp_path) == ["good.wav"]


def test_a_full_disk_does_not_take_the_output_with_it(
    upsample: Command, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: StagedFile, data: bytes) -> None:
        os.write(file.fd, data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(StagedFile, "write", full)
    ended = upsample(good, "-o", tmp_path / "out.wav", "--quiet")
    assert ended.status == 7
    assert "record" in EXIT_STATUSES[7]
    assert len(ended.said) == 1
    assert "the record cannot be written: no space left on device (the output itself is complete;" in ended.err
    assert names(tmp_path) == ["good.wav", "out.wav"]
    assert not leftovers(tmp_path)
    ended = upsample(good, "-o", tmp_path / "b.wav", "--json")
    assert ended.results[0]["status"] == "restored"
    assert (ended.events[-1]["event"], ended.events[-1]["code"]) == ("error", "record")


def test_a_place_that_cannot_be_written_is_noticed_before_the_work(
    upsample: Command, good: Path, tmp_path: Path
) -> None:
    ended = upsample(good, "-o", tmp_path / "out.wav", "--record", good / "r.json")
    assert ended.status == 7
    assert names(tmp_path) == ["good.wav"]


def test_a_name_that_is_too_long(upsample: Command, good: Path, tmp_path: Path) -> None:
    out = tmp_path / f"{'x' * 246}.wav"
    ended = upsample(good, "-o", out)
    assert ended.status == 3
    assert "--no-record" in ended.err
    assert upsample(good, "-o", out, "--no-record").status == 0


def test_checksums_of_a_single_output(upsample: Command, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    assert upsample(good, "-o", out, "--no-record", "--checksums").status == 0
    assert (tmp_path / "out.wav.sha256").read_text() == f"{sha256(out)}  out.wav\n"
    assert upsample(good, "-o", "-", "--checksums").status == 2


def test_records_in_a_folder_are_no_recordings(upsample: Command, hifisr: Command, good: Path, tmp_path: Path) -> None:
    assert upsample(good, "-o", tmp_path / "in" / "out.wav").status == 0
    ended = upsample(tmp_path / "in", "-o", tmp_path / "folder", "--json")
    assert (ended.status, len(ended.results)) == (0, 1)
    assert len(hifisr("inspect", tmp_path / "in", "--json").results) == 1


def test_verify(upsample: Command, hifisr: Command, piped: Piped, good: Path) -> None:
    folder = good.parent / "folder"
    out, kept = folder / "out.wav", folder / "sub" / "kept.wav"
    assert upsample(good, "-o", out).status == 0
    kept.parent.mkdir()
    kept.write_bytes(piped(good, "-o", "-", "--record", kept.parent / "r.hifisr.json"))

    def states(*arguments: str | Path) -> tuple[int, list[str]]:
        ended = hifisr("verify", *arguments, "--json")
        return ended.status, [item["state"] for item in ended.results]

    record = kept.parent / "r.hifisr.json"
    assert states(out) == states(folder / RECORD) == states(kept, "--record", record) == (0, ["ok"])
    assert states(folder) == (11, ["ok", "extra"]), "nobody knows what standard output became"
    ended = hifisr("verify", record)
    assert ended.status == 2
    assert "verify FILE --record RECORD" in ended.err
    assert hifisr("verify", kept).status == hifisr("verify", folder, "--record", record).status == 2
    assert states(good, "--record", record) == (10, ["changed"])

    moved = folder / "moved.wav"
    out.rename(moved)
    (folder / RECORD).rename(folder / "moved.wav.hifisr.json")
    assert states(moved) == states(folder / "moved.wav.hifisr.json") == (0, ["ok"])
    with moved.open("r+b") as file:
        file.seek(1_000)
        file.write(b"damage")
    assert states(moved) == (10, ["changed"])
    moved.unlink()
    assert states(moved) == (10, ["missing"])
    assert states(folder) == (10, ["missing", "extra"])


def test_verify_an_output_of_a_run_alone(upsample: Command, hifisr: Command, make: Make, tmp_path: Path) -> None:
    make(tmp_path / "in" / "sub" / "a.wav")
    out = tmp_path / "out"
    assert upsample(tmp_path / "in", "-o", out).status == 0
    assert hifisr("verify", out / "sub" / "a.wav").status == 0
    assert upsample(make(tmp_path / "b.flac"), "-o", out / "sub" / "a.wav", "--overwrite").status == 0
    assert hifisr("verify", out).status == 0, "the later word counts"
    (out / "sub" / "a.wav").write_bytes(b"other")
    assert hifisr("verify", out).status == hifisr("verify", out / "sub" / "a.wav").status == 10
    assert hifisr("verify", tmp_path / "b.flac").status == hifisr("verify", tmp_path / "nothing.wav").status == 2


def test_a_copy_has_nothing_synthetic(upsample: Command, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(4_000), 8_000)
    assert upsample(tmp_path / "silence.wav", "-o", tmp_path / "out.wav").status == 0
    data = load(tmp_path / RECORD)
    assert (data["result"]["status"], data["model"]) == ("copied", None)
    assert "synthetic_above_hz" not in data["output"]


def test_what_dead_runs_have_left_beside_the_output_is_swept(upsample: Command, good: Path, tmp_path: Path) -> None:
    (tmp_path / ".hifisr-0123456789ab.part").write_bytes(b"a killed run's")
    assert upsample(good, "-o", tmp_path / "out.wav").status == 0
    assert not leftovers(tmp_path)


def test_a_folder_of_single_outputs_knows_their_layers(upsample: Command, hifisr: Command, good: Path) -> None:
    folder = good.parent / "made"
    assert upsample(good, "-o", folder / "sub" / "out.wav", "--layer", folder / "layers" / "out.wav").status == 0
    assert hifisr("verify", folder).said == ["2 ok"]
    (folder / "layers" / "out.wav").unlink()
    ended = hifisr("verify", folder)
    assert ended.status == 10
    assert ended.out == "missing    layers/out.wav\n"
