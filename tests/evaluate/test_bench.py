"""The bench: the very path of `upsample`, measured against the original."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hifisr_cli.checkpoints.frozen import freeze
from hifisr_cli.errors import NoAudioError
from hifisr_cli.evaluate.bench import evaluate, find_recordings
from hifisr_cli.evaluate.table import summarize, to_json, to_markdown
from hifisr_cli.nets.generator import Generator
from hifisr_cli.restore.model import Model, load_model
from tests.restore.conftest import TINY


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    freeze(Generator(TINY), path, name="tiny", training="none", licence="Apache-2.0", resampler="test")
    return load_model(str(path), device="cpu")


@pytest.fixture
def recordings(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> Path:
    folder = tmp_path / "full-band"
    for name in ("one/a.wav", "two/b.wav"):
        (folder / name).parent.mkdir(parents=True)
        soundfile.write(folder / name, speech_like(1.5)[0], 48_000)
    return folder


def test_scores_and_tables(recordings: Path, model: Model) -> None:
    heard: list[tuple[int, int]] = []
    scores = evaluate(
        recordings,
        find_recordings(recordings),
        model,
        rates=(8_000, 16_000),
        on_progress=lambda done, count: heard.append((done, count)),
    )
    assert heard == [(1, 2), (2, 2)]
    assert {(score.recording, score.rate) for score in scores} == {
        (name, rate) for name in ("one/a.wav", "two/b.wav") for rate in (8_000, 16_000)
    }
    for score in scores:
        assert score.kept_band_error_db is not None
        assert score.kept_band_error_db < -60
        assert score.lsd_high > score.lsd_low
    rows = summarize(scores)
    assert [row["rate"] for row in rows] == [8_000, 16_000]
    assert rows[0]["lsd"] == pytest.approx(np.mean([s.lsd for s in scores if s.rate == 8_000]))
    assert to_markdown(rows).count("\n") == 4
    assert json.loads(json.dumps(to_json(scores, "tiny", "0" * 64), allow_nan=False))["summary"][0]["rate"] == 8_000


def test_recordings_can_be_left_out(recordings: Path) -> None:
    assert [path.name for path in find_recordings(recordings, ["one/"])] == ["b.wav"]
    with pytest.raises(NoAudioError):
        find_recordings(recordings, ["wav"])
