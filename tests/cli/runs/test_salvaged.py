"""Damaged recordings as whole runs: refused, or restored as far as they can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from tests.cli.runs.conftest import Command, Make


def test_salvage_is_a_success_that_says_so(upsample: Command, make: Make, tmp_path: Path) -> None:
    cut = make(tmp_path / "in" / "cut.wav", 2.0)
    cut.write_bytes(cut.read_bytes()[: 44 + 16_000])
    wave = np.full(8_000, 0.1, np.float32)
    wave[100] = np.nan
    soundfile.write(tmp_path / "in" / "holes.wav", wave, 8_000, subtype="FLOAT")
    make(tmp_path / "in" / "whole.wav")
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out", "--json", "--jobs", "0")
    assert ended.status == 3
    assert [result["status"] for result in ended.results] == ["failed", "failed", "restored"]
    ended = upsample(tmp_path / "in", "-o", tmp_path / "out2", "--json", "--jobs", "0", "--salvage")
    assert ended.status == 0
    assert [result["salvaged"] for result in ended.results] == [True, True, False]
    assert any("salvaged: 1.000 of 2.000 s readable" in warning for warning in ended.results[0]["warnings"])
    assert any("1 sample that is no number" in warning for warning in ended.results[1]["warnings"])
    assert soundfile.info(tmp_path / "out2" / "cut.wav").frames == 48_000
