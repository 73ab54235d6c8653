"""Each recording of a run gets its own network, and the records say which and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.batch.history.journal import read_journal
from hifisr_cli.batch.request import ModelRequest, RunRequest, RunSettings
from hifisr_cli.batch.run import open_run
from hifisr_cli.checkpoints.registry import AUTO, find_model
from hifisr_cli.engines.load import identify
from hifisr_cli.evaluate.bench import find_recordings
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.results import FileResult

RATE = 16_000
SPEECH, OTHER = (model.name for model in find_model(AUTO).files)


@pytest.fixture
def source(shared_speech: Path, tmp_path: Path) -> Path:
    """A held chord, a second of somebody who speaks, and a click."""
    folder = tmp_path / "source"
    folder.mkdir()
    voice, rate = soundfile.read(find_recordings(shared_speech / "validation")[20])
    soundfile.write(folder / "voice.wav", voice[: 3 * rate : 3], rate // 3, "PCM_24")
    time = np.arange(2 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * k * hz * time) / k for hz in (220.0, 277.2, 329.6) for k in range(1, 20))
    soundfile.write(folder / "chord.wav", 0.05 * chord, RATE, "PCM_24")
    click = np.zeros(RATE // 8)
    click[1_000:1_200] = np.random.default_rng(0).uniform(-0.3, 0.3, 200)
    soundfile.write(folder / "click.wav", click, RATE, "PCM_24")
    return folder


def run(source: Path, out: Path, model: str | None = None) -> dict[str, FileResult]:
    request = RunRequest(
        [source],
        str(out),
        RestoreOptions(),
        ModelRequest(model, device="cpu", threads=1),
        RunSettings(jobs=0),
    )
    with open_run(request) as opened:
        return {Path(result.input).name: result for result in opened.results()}


def test_each_recording_gets_its_own(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    results = run(source, out)
    assert {name: result.model for name, result in results.items() if result.status == "restored"} == {
        "voice.wav": SPEECH,
        "chord.wav": OTHER,
        "click.wav": SPEECH,
    }
    told = {name: result.model_reason for name, result in results.items()}
    assert told["click.wav"] == "too little was heard to tell"
    assert str(told["voice.wav"]).startswith("it sounds like speech (")
    assert str(told["chord.wav"]).startswith("it sounds like music or other sound (")
    for record in read_journal(out):
        assert record.model is not None
        used = identify(record.result["model"], device="cpu")
        assert (record.model.name, record.model.parameter_sha256) == (used.name, used.parameter_hash)
        assert record.model.chosen_from == identify(AUTO, device="cpu").parameter_hash
    assert {result.status for result in run(source, out, AUTO).values()} == {"skipped"}


def test_a_named_network_is_for_all_and_another_run(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    chosen = run(source, out)
    named = run(source, out, OTHER)
    assert {result.status for result in named.values()} == {"restored"}
    assert {(result.model, result.model_reason) for result in named.values()} == {(OTHER, None)}
    assert all(record.model is None or record.model.chosen_from is None for record in list(read_journal(out))[-3:])
    alike = {name for name, result in chosen.items() if result.model == OTHER}
    assert alike == {"chord.wav"}
