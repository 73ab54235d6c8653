"""`--engine-set`: other settings are other bytes, and a journal of before there were any speaks of the defaults."""

from __future__ import annotations

import json
from pathlib import Path

from hifisr_cli.batch.history.journal import JOURNAL_NAME
from tests.cli.runs.conftest import Command


def statuses(upsample: Command, good: Path, out: Path, *settings: str) -> list[str]:
    ended = upsample(good, "-o", out, "--json", *settings)
    assert ended.status == 0
    return [result["status"] for result in ended.results]


def test_other_settings_are_other_bytes(upsample: Command, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert statuses(upsample, good, out) == ["restored"]
    before = (out / "good.wav").read_bytes()
    assert statuses(upsample, good, out, "--engine-set", "seed=0") == ["skipped"]
    assert statuses(upsample, good, out, "--engine-set", "seed=1") == ["restored"]
    assert (out / "good.wav").read_bytes() != before
    assert statuses(upsample, good, out, "--engine-set", "seed=1") == ["skipped"]
    assert statuses(upsample, good, out) == ["restored"]
    assert (out / "good.wav").read_bytes() == before


def test_a_record_without_settings_means_the_defaults(upsample: Command, good: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert statuses(upsample, good, out) == ["restored"]
    (line,) = (out / JOURNAL_NAME).read_text("ascii").splitlines()
    record = json.loads(line)
    assert (record["model"].pop("engine"), record["model"].pop("settings")) == ("hifisr", {"seed": 0})
    (out / JOURNAL_NAME).write_text(json.dumps(record) + "\n", "ascii")
    assert statuses(upsample, good, out) == ["skipped"]
