"""`hifisr report`, `hifisr spectrogram` and what `hifisr upsample` leaves beside its outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hifisr_cli.batch.history.journal import iter_lines
from tests.cli.runs.conftest import Command, Make, checkpoint, hifisr, make, quick, upsample
from tests.report.conftest import failed, make_restored, write_journal

__all__ = ["checkpoint", "hifisr", "make", "quick", "upsample"]  # fixtures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_journal(tmp_path / "out", [make_restored(tmp_path, "a.wav", seconds=0.1), failed("b.wav")])


def test_a_report_is_written_into_the_folder(hifisr: Command, folder: Path, tmp_path: Path) -> None:
    ended = hifisr("report", folder)
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == f"{folder / 'report.html'}: 2 files, pictures of 1\n"
    ended = hifisr("report", folder, "-o", tmp_path / "page.html", "--pictures", "none")
    assert ended.status == 0 and "pictures of 0" in ended.err
    assert (tmp_path / "page.html").is_file()


def test_what_cannot_be_reported_on(hifisr: Command, folder: Path, tmp_path: Path) -> None:
    assert hifisr("report", tmp_path / "nowhere").status == 7
    assert hifisr("report", folder, "--pictures", "many").status == 2
    (tmp_path / "notes.html").write_text("mine", encoding="utf-8")
    ended = hifisr("report", folder, "-o", tmp_path / "notes.html")
    assert ended.status == 3 and "no report of hifisr's" in ended.err


def test_a_spectrogram_of_one_file_and_of_a_pair(hifisr: Command, folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    source, output = tmp_path / "in" / "a.wav", folder / "a.wav"
    assert hifisr("spectrogram", source, "-o", tmp_path / "one.png").status == 0
    assert hifisr("spectrogram", source, output, "-o", tmp_path / "two.png", "--cutoff", "3400").status == 0
    assert Image.open(tmp_path / "one.png").width < Image.open(tmp_path / "two.png").width
    assert hifisr("spectrogram", source, "-o", tmp_path / "one.png").status == 3, "it is there already"
    assert hifisr("spectrogram", source, "-o", tmp_path / "one.png", "--overwrite").status == 0
    assert hifisr("spectrogram", source, "-o", tmp_path / "one.jpg").status == 2
    assert hifisr("spectrogram", source, "-o", tmp_path / "two.png", "--cutoff", "treble").status == 2
    assert hifisr("spectrogram", tmp_path / "none.wav", "-o", tmp_path / "none.png").status == 3


@pytest.mark.parametrize("command", ["report", "spectrogram"])
def test_torch_is_never_loaded(command: str, folder: Path, tmp_path: Path) -> None:
    arguments = [str(folder)] if command == "report" else [str(folder / "a.wav"), "-o", str(tmp_path / "a.png")]
    code = (
        "import sys; from hifisr_cli.cli.app import run; status = run(sys.argv[1:]); "
        "print(status, 'torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, command, *arguments], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["0", "False", "False"]


def test_a_run_leaves_report_events_and_bag(upsample: Command, make: Make, tmp_path: Path) -> None:
    """The whole way, twice: a folder that is a bag stays one, and what is done is not done again."""
    bagit = pytest.importorskip("bagit")
    make(tmp_path / "in" / "a.wav", seconds=0.2)
    (tmp_path / "in" / "b.wav").write_text("no recording", encoding="utf-8")
    out = tmp_path / "out"
    ended = upsample(tmp_path / "in", "-o", out, "--jobs", "0", "--report", "--premis", "--bagit")
    assert ended.status == 3
    assert [line.partition(":")[0] for line in ended.said[-3:]] == ["PREMIS events", "report", "bag"]
    bagit.Bag(str(out)).validate()
    assert (out / "data" / "a.wav").is_file()
    assert {"report.html", "premis.xml"} <= {path.name for path in out.iterdir()}

    make(tmp_path / "in" / "c.wav", seconds=0.2)
    before = (out / "data" / "a.wav").stat().st_mtime_ns
    ended = upsample(tmp_path / "in", "-o", out, "--jobs", "0")
    assert ended.status == 3
    assert (out / "data" / "a.wav").stat().st_mtime_ns == before
    assert not (out / "c.wav").exists()
    bagit.Bag(str(out)).validate()
    assert len(bagit.Bag(str(out)).payload_entries()) == 2


def test_the_records_of_a_real_run_obey_the_published_schema(upsample: Command, make: Make, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    import hifisr_cli.batch.history

    make(tmp_path / "in" / "a.wav", seconds=0.2)
    (tmp_path / "in" / "b.wav").write_text("no recording", encoding="utf-8")
    assert upsample(tmp_path / "in", "-o", tmp_path / "out", "--jobs", "0").status == 3
    schema = json.loads(
        (Path(hifisr_cli.batch.history.__file__).parent / "record.schema.json").read_text(encoding="utf-8")
    )
    validator = jsonschema.Draft202012Validator(schema)
    records = [json.loads(line) for _, _, line in iter_lines(tmp_path / "out")]
    assert {record["result"]["status"] for record in records} == {"restored", "failed"}
    for record in records:
        validator.validate(record)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**records[0], "time": "yesterday"})


@pytest.mark.parametrize("option", ["--report", "--premis", "--bagit"])
def test_they_need_a_folder(upsample: Command, make: Make, tmp_path: Path, option: str) -> None:
    source = make(tmp_path / "a.wav", seconds=0.1)
    ended = upsample(source, "-o", tmp_path / "b.wav", option)
    assert ended.status == 2 and "folder" in ended.err
    assert not (tmp_path / "b.wav").exists()


def test_a_folder_of_another_kind_of_run_is_no_bag(upsample: Command, make: Make, tmp_path: Path) -> None:
    make(tmp_path / "in" / "a.wav", seconds=0.1)
    assert upsample(tmp_path / "in", "-o", tmp_path / "out", "--jobs", "0").status == 0
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out", "--bagit", "--jobs", "0")
    assert ended.status == 2 and "without --bagit" in ended.err
