"""The bench: the very path of `upsample`, measured against the original."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hifisr_cli.engines.hifisr.generator import Generator, freeze
from hifisr_cli.engines.load import load_model
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.errors import NoAudioError
from hifisr_cli.evaluate.bench import UNTOUCHED, assess, evaluate, find_recordings, read_full_band, score_finished
from hifisr_cli.evaluate.conditions import Condition, input_rates
from hifisr_cli.evaluate.pictures import draw_triples, ranked
from hifisr_cli.evaluate.replicator import Replicator
from hifisr_cli.evaluate.table import summarize, to_json, to_markdown
from tests.restore.conftest import TINY


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    freeze(Generator(TINY), path, name="tiny", training="none", licence="Apache-2.0", resampler="test")
    return load_model(str(path), device="cpu")


@pytest.fixture
def recordings(tmp_path: Path, speech_like: Callable[..., np.ndarray]) -> Path:
    folder = tmp_path / "full-band"
    for name in ("speech/a.wav", "music/b.wav"):
        (folder / name).parent.mkdir(parents=True)
        soundfile.write(folder / name, speech_like(1.5)[0], 48_000)
    return folder


def test_scores_and_tables(recordings: Path, model: Engine) -> None:
    heard: list[tuple[int, int]] = []
    scores = evaluate(
        recordings,
        find_recordings(recordings),
        [model],
        input_rates([8_000, 16_000]),
        on_progress=lambda done, count: heard.append((done, count)),
    )
    assert heard == [(1, 2), (2, 2)]
    assert {(score.recording, score.condition) for score in scores} == {
        (name, rate) for name in ("speech/a.wav", "music/b.wav") for rate in ("8000 Hz", "16000 Hz")
    }
    for score in scores:
        assert score.kept_band_error_db is not None
        assert score.kept_band_error_db < -60
        assert score.restored.lsd_high > score.restored.lsd_low
        assert score.cpu_seconds > 0
    rows = summarize(scores, "tiny")
    assert [row["condition"] for row in rows] == ["8000 Hz", "16000 Hz"]
    assert rows[0]["lsd"] == pytest.approx(np.mean([s.restored.lsd for s in scores if s.condition == "8000 Hz"]))
    table = to_markdown(rows)
    assert table.count("\n") == 4
    assert "ViSQOL" not in table  # not measured, no column
    report = json.loads(json.dumps(to_json(scores, "tiny", "0" * 64), allow_nan=False))
    assert report["summary"][0]["condition"] == "8000 Hz"
    assert len(report["by_source"]) == 4
    assert [row["kind"] for row in report["by_kind"]] == ["speech", "speech", "music", "music"]


def test_baselines_are_told_the_same_cutoff(recordings: Path, model: Engine) -> None:
    systems = [Replicator(), model]
    scores = evaluate(recordings, find_recordings(recordings), systems, input_rates([16_000]), with_untouched=True)
    assert [score.system for score in scores] == 2 * [UNTOUCHED, "SBR", "tiny"]
    assert len(summarize(scores, "tiny")) == 1
    for untouched, sbr, restored in (scores[:3], scores[3:]):
        assert untouched.restored.lsd_high > 1.5 * sbr.restored.lsd_high, "SBR fills the band"
        assert sbr.cutoff_hz == restored.cutoff_hz
        assert sbr.kept_band_error_db is not None
        assert sbr.kept_band_error_db < -60


def test_without_replacement_the_low_band_is_the_networks(recordings: Path, model: Engine) -> None:
    """The same network, the same noise: above the crossover nothing changes, below it everything does."""
    wave = read_full_band(recordings / "speech/a.wav")
    plain = Condition("plain", 4_000.0, input_rates([8_000])[0].degrade)
    degraded = plain.degrade(wave)
    kept = assess("a", degraded, plain, model)
    bare = assess("a", degraded, replace(plain, replace=False), model)
    assert bare.score.restored.lsd_high == pytest.approx(kept.score.restored.lsd_high, abs=0.02)
    assert bare.score.restored.lsd_low > 2 * kept.score.restored.lsd_low
    assert bare.score.kept_band_error_db is None


def test_pictures_of_best_median_and_worst(recordings: Path, model: Engine, tmp_path: Path) -> None:
    conditions = input_rates([8_000])
    scores = evaluate(recordings, find_recordings(recordings), [model], conditions)
    ranks = ranked(scores)
    assert ranks["best"].restored.lsd <= ranks["median"].restored.lsd <= ranks["worst"].restored.lsd
    pictures = draw_triples(recordings, scores, conditions, model, tmp_path / "pictures")
    assert [picture.name for picture in pictures] == [f"8000-hz-{rank}.png" for rank in ("best", "median", "worst")]
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)


def test_finished_files_are_scored_by_name(recordings: Path, tmp_path: Path) -> None:
    estimates = tmp_path / "estimates"
    (estimates / "speech").mkdir(parents=True)
    wave, rate = soundfile.read(recordings / "speech/a.wav")
    soundfile.write(estimates / "speech/a.flac", wave, rate, subtype="PCM_24")
    soundfile.write(estimates / "other.wav", wave, rate)
    (pair,) = score_finished(recordings, estimates, 4_000.0)
    assert pair.recording == "speech/a.wav"
    assert pair.measures.lsd < 0.05
    with pytest.raises(NoAudioError):
        score_finished(recordings / "music", estimates, 4_000.0)


def test_recordings_can_be_left_out(recordings: Path) -> None:
    assert [path.name for path in find_recordings(recordings, ["speech/"])] == ["b.wav"]
    with pytest.raises(NoAudioError):
        find_recordings(recordings, ["wav"])
