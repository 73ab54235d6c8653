"""Several recordings in one batch: each comes out as if it were alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.errors import DeviceError
from hifisr_cli.restore.model import Model
from hifisr_cli.restore.recording import RestoreOptions, restore_file, restore_files
from hifisr_cli.results import FileResult

OPTIONS = RestoreOptions(cutoff_hz=3500.0, bit_depth="32f")


@pytest.fixture
def recordings(tmp_path: Path, speech_like) -> list[Path]:  # type: ignore[no-untyped-def]
    """Short recordings of different rates, lengths and channels."""
    paths = []
    for index, (rate, seconds, channels) in enumerate(
        [(8000, 0.7, 1), (16_000, 0.7, 2), (8000, 0.35, 1), (8000, 2.6, 1)]
    ):
        path = tmp_path / f"{index}.wav"
        wave = speech_like(seconds * rate / 48_000, channels=channels)
        soundfile.write(path, wave.T, rate, subtype="FLOAT")
        paths.append(path)
    return paths


def test_together_is_as_alone(tiny_model: Model, recordings: list[Path], tmp_path: Path) -> None:
    options = replace(OPTIONS, batch_size=3, chunk_seconds=1.0)
    pairs = [(path, tmp_path / f"together-{path.name}") for path in recordings]
    outcomes = restore_files(pairs, model=tiny_model, options=options)
    assert [outcome.status for outcome in outcomes if isinstance(outcome, FileResult)] == ["restored"] * 4
    for path, target in pairs:
        alone = tmp_path / f"alone-{path.name}"
        restore_file(path, alone, model=tiny_model, options=replace(options, batch_size=1))
        one, other = soundfile.read(alone)[0], soundfile.read(target)[0]
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 1e-5


def test_one_that_fails_does_not_touch_the_others(tiny_model: Model, recordings: list[Path], tmp_path: Path) -> None:
    recordings[1].write_bytes(b"not audio")
    pairs = [(path, tmp_path / f"out-{path.name}") for path in recordings]
    outcomes = restore_files(pairs, model=tiny_model, options=OPTIONS)
    assert [isinstance(outcome, FileResult) for outcome in outcomes] == [True, False, True, True]
    assert [target.exists() for _, target in pairs] == [True, False, True, True]


def test_a_failing_network_leaves_nothing_behind(
    tiny_model: Model, recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise DeviceError("out of memory")

    monkeypatch.setattr(type(tiny_model.generator), "synthesize", full)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DeviceError):
        restore_files([(path, out / path.name) for path in recordings], model=tiny_model, options=OPTIONS)
    assert list(out.iterdir()) == []
