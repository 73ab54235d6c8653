from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hifisr_cli.batch import record as module
from hifisr_cli.batch.record import (
    RESULT_VERSION,
    InputFile,
    ModelUsed,
    OutputFile,
    Record,
    options_data,
    options_key,
    result_data,
)
from hifisr_cli.cli.render import JSON_VERSION, result_json
from hifisr_cli.errors import JournalError
from hifisr_cli.restore.recording import RestoreOptions
from hifisr_cli.results import FileResult

RESULT = FileResult("in/caf\udce9.wav", "out/a.wav", "restored", kept_band_error_db=float("-inf"), warnings=("one",))
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


def test_only_options_with_a_say_in_the_bytes_tell_outputs_apart() -> None:
    plain = options_key(options_data(RestoreOptions()))
    assert options_key(options_data(RestoreOptions(overwrite=True, chunk_seconds=3.0, batch_size=2))) == plain
    assert options_key(options_data(RestoreOptions(cutoff_hz=3_400.0))) != plain
    assert options_key({}) == plain, "a record of a version without an option had its default"


def check(schema: dict[str, object], value: object, root: dict[str, object]) -> None:
    """The few words of JSON Schema that ours uses."""
    import re

    if "$ref" in schema:
        schema = root["$defs"][str(schema["$ref"]).rsplit("/", 1)[1]]  # type: ignore[index]
    if "anyOf" in schema:
        fits = []
        for option in schema["anyOf"]:  # type: ignore[attr-defined]
            try:
                check(option, value, root)
            except AssertionError:
                continue
            fits.append(option)
        assert fits, value
    kinds = {"object": dict, "string": str, "integer": int, "number": (int, float), "array": list, "null": type(None)}
    wanted = schema.get("type", [])
    names = [wanted] if isinstance(wanted, str) else list(wanted)  # type: ignore[call-overload]
    assert not names or any(isinstance(value, kinds[name]) for name in names), (value, names)
    assert "const" not in schema or value == schema["const"]
    assert "enum" not in schema or value in schema["enum"]  # type: ignore[operator]
    if "pattern" in schema:
        assert re.search(str(schema["pattern"]), str(value))
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value)  # type: ignore[call-overload]
        for name, part in dict(schema.get("properties", {})).items():  # type: ignore[call-overload]
            if name in value:
                check(part, value[name], root)


def test_records_follow_the_published_schema() -> None:
    schema = json.loads(Path(module.__file__).with_name("record.schema.json").read_text("utf-8"))
    failed = replace(RECORD, output=None, model=None, result=result_data(FileResult("a", None, "failed")))
    for record in (RECORD, failed):
        check(schema, json.loads(record.to_line()), schema)
    with pytest.raises(AssertionError):
        check(schema, json.loads(replace(RECORD, time="now").to_line()), schema)
