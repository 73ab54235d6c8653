"""`hifisr train` and `hifisr evaluate`, from recordings to a model to its figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.cli.app import app

CONFIG = """
steps = {steps}
batch_size = 2
crop_seconds = 0.3
warmup_steps = 1
validate_every = 2
save_every = 100
[network.latent]
width = 32
latent = 32
blocks = 1
qk_width = 32
fsmn_width = 16
[network.head]
channels = 16
"""


@pytest.fixture
def speech(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> Path:
    folder = tmp_path / "speech"
    folder.mkdir()
    for seed in range(2):
        soundfile.write(folder / f"{seed}.wav", speech_like(1.5, seed=seed)[0], 48_000)
    return folder


def test_train_resume_evaluate(tmp_path: Path, speech: Path) -> None:
    run, config = tmp_path / "run", tmp_path / "run.toml"
    command = [
        "train",
        str(config),
        "--data",
        str(speech),
        "--validation",
        str(speech),
        "-o",
        str(run),
        "--threads",
        "1",
    ]
    config.write_text(CONFIG.format(steps=2))
    first = CliRunner().invoke(app, [*command, "--name", "mini"])
    assert first.exit_code == 0, first.output
    assert read_info(run / "model.safetensors").name == "mini"
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 2  # a run that is there already is not overwritten
    config.write_text(CONFIG.format(steps=4))
    resumed = CliRunner().invoke(app, [*command, "--resume"])
    assert resumed.exit_code == 0, resumed.output

    figures = tmp_path / "figures"
    measured = CliRunner().invoke(
        app,
        ["evaluate", "--data", str(speech), "--model", str(run / "model.safetensors"), "--rates", "8000",
         "-o", str(figures), "--exclude", "1.wav", "--threads", "1", "--no-pictures"],
    )  # fmt: skip
    assert measured.exit_code == 0, measured.output
    assert "| 8000 Hz | 1 |" in measured.output
    report = json.loads((figures / "eval.json").read_text())
    assert [score["recording"] for score in report["scores"]] == ["0.wav"]
    assert (figures / "table.md").read_text() in measured.output


def test_nothing_to_resume(tmp_path: Path, speech: Path) -> None:
    (tmp_path / "run.toml").write_text(CONFIG.format(steps=2))
    ended = CliRunner().invoke(
        app, ["train", str(tmp_path / "run.toml"), "--data", str(speech), "-o", str(tmp_path / "run"), "--resume"]
    )
    assert ended.exit_code == 2


@pytest.mark.parametrize("rates", ["", "fast", "8000,", "100"])
def test_rates_that_make_no_sense(tmp_path: Path, speech: Path, rates: str) -> None:
    ended = CliRunner().invoke(app, ["evaluate", "--data", str(speech), "--rates", rates, "-o", str(tmp_path)])
    assert ended.exit_code == 2
