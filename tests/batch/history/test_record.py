from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import pytest

from hifisr_cli.batch.history import record as module
from hifisr_cli.batch.history.record import (
    RESULT_VERSION,
    InputFile,
    ModelUsed,
    OutputFile,
    Record,
    options_data,
    options_key,
    read_record,
    result_data,
)
from hifisr_cli.cli.render import JSON_VERSION, result_json
from hifisr_cli.errors import JournalError
from hifisr_cli.restore.cutoff_track import parse_cutoff_track
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import Bandwidth, FileResult, Stretch

STRETCHES = (
    Stretch(None, 0.0, 1.5, Bandwidth(3_400.0, 0.9, "edge")),
    Stretch(None, 1.5, 2.0, Bandwidth(24_000.0, 1.0, "full-band")),
)
RESULT = FileResult(
    "in/caf\udce9.wav",
    "out/a.wav",
    "restored",
    stretches=STRETCHES,
    kept_band_error_db=float("-inf"),
    warnings=("one",),
)
RECORD = Record(
    time="2026-11-21T15:00:00Z",
    software={"hifisr": "0.1.0", "resampler": "x", "outputs": "1"},
    input=InputFile("in/caf\udce9.wav", "caf\udce9.wav", 10, 20, "a" * 64, "/in/caf\udce9.wav"),
    output=OutputFile("a.wav", 30, "b" * 64, 40),
    model=ModelUsed("m", "c" * 64, "float32"),
    options=options_data(RestoreOptions()),
    result=result_data(RESULT),
)


def test_a_line_says_it_all_in_ascii() -> None:
    line = RECORD.to_line()
    assert line.isascii()
    assert "\n" not in line
    assert Record.from_line(line) == RECORD
    failed = replace(RECORD, output=None, model=None)
    assert Record.from_line(failed.to_line()) == failed


def test_what_it_was_computed_with_is_said_where_it_is_known() -> None:
    computed = {"processor": "AuthenticAMD", "capability": "AVX2", "threads": "1"}
    told = replace(RECORD, computed=computed)
    assert Record.from_line(told.to_line()) == told
    assert "computed" not in RECORD.to_line(), "older records have none"


def test_the_result_is_what_is_printed() -> None:
    printed = json.loads(result_json(FileResult("a", "b", "restored", kept_band_error_db=float("-inf"))))
    assert result_data(FileResult("a", "b", "restored", kept_band_error_db=float("-inf"))) == printed
    assert RESULT_VERSION == JSON_VERSION


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "{}", '{"version": 2}', RECORD.to_line()[:-5]])
def test_what_is_no_record(line: str) -> None:
    with pytest.raises(JournalError):
        Record.from_line(line)


def test_fields_of_later_versions_are_left_out() -> None:
    data = json.loads(RECORD.to_line())
    data["input"]["colour"] = data["shape"] = "new"
    assert Record.from_line(json.dumps(data)) == RECORD


def test_the_stretches_of_a_record() -> None:
    assert RECORD.stretches == STRETCHES
    old = {name: value for name, value in RECORD.result.items() if name != "stretches"}
    whole = Bandwidth(3_400.0, 0.9, "edge")
    told = replace(RECORD, result={**old, "seconds": 2.0, "bandwidth": asdict(whole)})
    assert told.stretches == (Stretch(None, 0.0, 2.0, whole),), "of a version that knew one cutoff"
    assert replace(RECORD, result=old).stretches == ()
    assert replace(RECORD, result={**old, "stretches": [{"length": 1}]}).stretches == ()


def test_only_options_with_a_say_in_the_bytes_tell_outputs_apart() -> None:
    plain = options_key(options_data(RestoreOptions()))
    assert options_key(options_data(RestoreOptions(overwrite=True, chunk_seconds=3.0, batch_size=2))) == plain
    assert options_key(options_data(RestoreOptions(cutoff_hz=3_400.0))) != plain
    first, second = (
        options_key(options_data(RestoreOptions(cutoff_track=parse_cutoff_track(text))))
        for text in ("0,*,3400\n1,*,full", "# the same\n1,*,full\n0,*,3400.0")
    )
    assert first == second != plain
    assert options_key({}) == plain, "a record of a version without an option had its default"


def test_records_follow_the_published_schema() -> None:
    schema = json.loads(Path(module.__file__).with_name("record.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    failed = replace(RECORD, output=None, model=None, result=result_data(FileResult("a", None, "failed")))
    for record in (RECORD, failed):
        jsonschema.validate(json.loads(record.to_line()), schema)
    wrong = ({"bandwidth": {}}, {"stretches": [{"channel": 0}]})
    for broken in (replace(RECORD, time="now"), *(replace(RECORD, result={**RECORD.result, **part}) for part in wrong)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(broken.to_line()), schema)


def test_one_object_on_a_line_or_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "out.wav.hifisr.json"
    path.write_text(RECORD.to_text(), encoding="ascii")
    assert json.loads(RECORD.to_text()) == json.loads(RECORD.to_line())
    assert read_record(path) == read_record(tmp_path / "out.wav") == RECORD


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{}", "x" * (1 << 21)])
def test_a_file_that_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(JournalError, match=r"r\.json"):
        read_record(path)
    with pytest.raises(JournalError, match="cannot be read"):
        read_record(tmp_path / "none.wav")
