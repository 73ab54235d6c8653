"""`hifisr inspect` as a command: table, JSON, CSV, streams, failures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hifisr_cli.restore.cutoff_track import parse_cutoff_track
from tests.cli.runs.conftest import Command, Make, Spawn


@pytest.fixture
def folder(tmp_path: Path, make: Make) -> Path:
    """Two recordings, and one that is none."""
    make(tmp_path / "a.wav", seconds=1.0)
    make(tmp_path / "sub" / "b.flac", seconds=1.0, rate=16_000, channels=2)
    (tmp_path / "bad.wav").write_bytes(b"nothing to hear")
    return tmp_path


def test_a_single_file_is_a_list(hifisr: Command, good: Path) -> None:
    ended = hifisr("inspect", good)
    assert ended.status == 0
    rows = dict(line.split("  ", 1) for line in ended.out.splitlines())
    assert rows["file"].strip() == str(good)
    assert rows["sample rate"].strip() == "8000 Hz"
    assert rows["would be restored"].startswith("yes")
    assert {"loudness", "true peak", "clipping", "DC offset", "noise floor"} <= rows.keys()


def test_a_folder_is_a_table_and_failures_are_named(hifisr: Command, folder: Path) -> None:
    ended = hifisr("inspect", folder)
    assert ended.status == 3
    head, *lines = ended.out.splitlines()
    assert head.split()[:3] == ["file", "format", "codec"]
    assert [line.split()[0] for line in lines] == [str(folder / "a.wav"), str(folder / "sub" / "b.flac")]
    assert len({line.index("PCM_16") for line in lines}) == 1
    (failure,) = (line for line in ended.said if line.startswith("failed"))
    assert str(folder / "bad.wav") in failure


def test_json_is_an_object_a_file(hifisr: Command, folder: Path) -> None:
    ended = hifisr("inspect", "--json", folder)
    assert ended.status == 3
    first, bad, second = ended.results
    assert {result["version"] for result in ended.results} == {1}
    assert [result["status"] for result in ended.results] == ["inspected", "failed", "inspected"]
    assert first["info"]["sample_rate"] == 8000
    assert first["restorable"] is True
    assert first["error"] is None
    assert second["info"]["channels"] == 2
    assert bad["error"]["code"] == "not-audio"
    assert all(json.loads(line)["event"] == "progress" for line in ended.said)


@pytest.mark.posix
def test_csv_is_a_line_a_file(hifisr: Command, folder: Path, make: Make) -> None:
    make(folder / 'odd, "name".wav')
    ended = hifisr("inspect", "--csv", folder)
    assert ended.status == 3
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [row["status"] for row in rows] == ["inspected", "failed", "inspected", "inspected"]
    assert rows[0]["sample_rate"] == "8000"
    assert rows[0]["would_be_restored"] == "yes"
    assert float(rows[0]["loudness_lufs"]) < 0
    assert rows[1]["error"] == "not-audio"
    assert rows[2]["input"] == str(folder / 'odd, "name".wav')


def test_standard_input(hifisr: Command, feed: Callable[[bytes], None], good: Path) -> None:
    feed(good.read_bytes())
    (result,) = hifisr("inspect", "--json", "-").results
    assert result["input"] == "-"
    assert result["seconds"] == 0.5
    feed(b"no sound")
    ended = hifisr("inspect", "-")
    assert ended.status == 3
    assert ended.said[-1].startswith("failed    -: ")


def test_the_cutoffs_can_be_given_back(hifisr: Command, good: Path) -> None:
    ended = hifisr("inspect", "--cutoff-track", good)
    assert ended.status == 0
    (result,) = hifisr("inspect", "--json", good).results
    track = parse_cutoff_track(ended.out)
    assert track.changes(1, 0.5) == ((0.0, pytest.approx(result["bandwidth"]["cutoff_hz"], abs=0.05)),)
    assert [each["channel"] for each in result["stretches"]] == [None]


def test_two_forms_at_once_are_refused(hifisr: Command, good: Path, folder: Path) -> None:
    assert hifisr("inspect", "--json", "--csv", good).status == 2
    assert hifisr("inspect", "--json", "--cutoff-track", good).status == 2
    assert hifisr("inspect", "--cutoff-track", folder).status == 2


def test_nothing_there(hifisr: Command, tmp_path: Path) -> None:
    assert hifisr("inspect", tmp_path).status == 4
    assert hifisr("inspect", tmp_path / "missing.wav").status == 3


def test_quiet_says_nothing_but_results(spawn: Spawn, good: Path) -> None:
    ended = spawn("inspect", "-q", good)
    assert ended.returncode == 0
    assert not ended.stderr
    assert b"8000 Hz" in ended.stdout


def test_loudness_from_the_command_line(upsample: Command, tmp_path: Path, make: Make) -> None:
    source = make(tmp_path / "in.wav", seconds=1.0)
    ended = upsample("--json", "--loudness", "-30", source, "-o", tmp_path / "out.wav")
    (result,) = ended.results
    assert result["output_loudness_lufs"] == pytest.approx(-30.0, abs=0.02)
    assert result["loudness_gain_db"] != 0.0
    assert upsample("--loudness", "loud", source, "-o", tmp_path / "b.wav").status == 2
