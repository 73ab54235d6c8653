"""`hifisr evaluate --protocol tfnet`: the table of another paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hifisr_cli.cli.app import run as command
from hifisr_cli.engines.tfnet.config import TfnetConfig
from hifisr_cli.engines.tfnet.network import Tfnet, freeze


@pytest.fixture
def speech(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> Path:
    folder = tmp_path / "speech"
    folder.mkdir()
    soundfile.write(folder / "a.wav", speech_like(1.5)[0], 48_000)
    return folder


def test_a_row_for_every_factor_and_way(tmp_path: Path, speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    model = tmp_path / "small.safetensors"
    network = Tfnet(TfnetConfig(patch=1024, filters=(4, 8), taps=(9, 5)))
    freeze(network, model, name="small", training="none", licence="CC0-1.0", resampler="none")
    options = ("--protocol", "tfnet", "--data", str(speech), "--model", str(model), "--threads", "1")
    assert command(["evaluate", *options, "-o", str(tmp_path / "scores")]) == 0
    table = capsys.readouterr().out
    for factor in (4, 6, 8):
        for way in ("resampled input", "cubic spline", "small"):
            assert f"| {factor}x, {way} | 1 |" in table
    report = json.loads((tmp_path / "scores" / "eval.json").read_text())
    assert (report["protocol"], report["model"], len(report["scores"])) == ("tfnet", "small", 9)


@pytest.mark.parametrize("option", [["--rates", "8000"], ["--rows", "all"], ["--given-cutoff"]])
def test_it_has_rows_of_its_own(tmp_path: Path, speech: Path, option: list[str]) -> None:
    options = ["--protocol", "tfnet", "--data", str(speech), *option]
    assert command(["evaluate", *options, "-o", str(tmp_path / "scores")]) == 2
    assert not (tmp_path / "scores").exists()
