"""How loud outputs become: measured on the written files by pyloudnorm and by an interpolation of the whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.audio.resample import resample
from hifisr_cli.dsp.loudness.integrated import LoudnessMeter
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.errors import OutputError
from hifisr_cli.restore import levelled as loudness_module
from hifisr_cli.restore.file import RestoreOptions, restore_file
from hifisr_cli.restore.levelled import gain_to
from hifisr_cli.results import FileResult

pyloudnorm = pytest.importorskip("pyloudnorm")
Speech = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def narrow(speech_like: Speech) -> np.ndarray:
    """Speech in stereo that is to be restored, at 16 kHz."""
    return resample(speech_like(2.0, 48_000, channels=2, cutoff_hz=6000), 48_000, 16_000)


@pytest.fixture
def source(tmp_path: Path, narrow: np.ndarray) -> Path:
    """The same as a file."""
    soundfile.write(tmp_path / "in.wav", narrow.T, 16_000, subtype="PCM_16")
    return tmp_path / "in.wav"


def restored(source: Path, model: Engine, **options: object) -> tuple[Path, FileResult]:
    target = source.with_name("out.wav")
    settings = RestoreOptions(overwrite=True, **options)  # type: ignore[arg-type]
    return target, restore_file(source, target, model=model, options=settings)


def lufs(path: Path) -> float:
    wave, rate = soundfile.read(path)
    return float(pyloudnorm.Meter(rate).integrated_loudness(wave))


def crest_db(path: Path) -> float:
    """The true peak by an interpolation of the whole file at once."""
    wave, _ = soundfile.read(path)
    spectrum = np.fft.rfft(np.pad(wave, ((8000, 8000), (0, 0))), axis=0)
    count = len(wave) + 16_000
    fine = 8 * np.fft.irfft(spectrum, 8 * count, axis=0)
    return float(20 * np.log10(np.abs(fine).max()))


def test_keep_changes_nothing_and_measures(source: Path, tiny_model: Engine) -> None:
    target, result = restored(source, tiny_model)
    assert result.loudness_gain_db == 0.0
    assert result.loudness_lufs == pytest.approx(lufs(source), abs=0.001)
    assert result.output_loudness_lufs == pytest.approx(lufs(target), abs=0.001)
    assert result.true_peak_dbtp == pytest.approx(crest_db(target), abs=0.15)
    plain, _ = soundfile.read(target)
    _, limited = restored(source, tiny_model, true_peak_dbtp=0.0)  # the second pass, with a gain of exactly 1
    assert limited.loudness_gain_db == 0.0
    assert np.array_equal(soundfile.read(target)[0], plain)


def test_match_is_as_loud_as_the_input(source: Path, tiny_model: Engine) -> None:
    target, result = restored(source, tiny_model, loudness="match")
    assert lufs(target) == pytest.approx(lufs(source), abs=0.01)
    assert result.output_loudness_lufs == pytest.approx(lufs(target), abs=0.001)
    assert result.warnings == ()


@pytest.mark.parametrize("wanted", [-35.0, -23.0])
@pytest.mark.parametrize("bit_depth", ["16", "24", "32f"])
def test_a_target_is_reached(source: Path, tiny_model: Engine, wanted: float, bit_depth: str) -> None:
    _, plain = restored(source, tiny_model)
    target, result = restored(source, tiny_model, loudness=wanted, bit_depth=bit_depth)
    assert lufs(target) == pytest.approx(wanted, abs=0.02)
    assert result.loudness_gain_db == pytest.approx(wanted - (plain.output_loudness_lufs or 0.0), abs=0.1)
    assert result.kept_band_error_db is not None
    assert result.kept_band_error_db < -60  # the gain is undone before the comparison
    assert not list(source.parent.glob(".hifisr-*"))


@pytest.mark.parametrize("ceiling", [-20.0, -9.0])
def test_the_ceiling_holds_and_is_spoken_of(source: Path, tiny_model: Engine, ceiling: float) -> None:
    target, result = restored(source, tiny_model, loudness=-5.0, true_peak_dbtp=ceiling)
    assert result.true_peak_dbtp == pytest.approx(ceiling, abs=0.001)
    assert crest_db(target) == pytest.approx(ceiling, abs=0.15)
    (warning,) = (text for text in result.warnings if "true-peak ceiling" in text)
    assert f"{lufs(target):.1f} LUFS instead of -5.0" in warning
    _, kept = restored(source, tiny_model, true_peak_dbtp=ceiling)
    assert kept.true_peak_dbtp is not None
    assert kept.true_peak_dbtp <= ceiling + 0.001
    assert kept.warnings == ()


def test_silence_has_no_loudness(tmp_path: Path, tiny_model: Engine) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros(16_000), 16_000)
    for wanted in ("match", -23.0):
        target, result = restored(tmp_path / "in.wav", tiny_model, loudness=wanted)
        assert (result.loudness_lufs, result.output_loudness_lufs, result.true_peak_dbtp) == (None, None, None)
        assert result.loudness_gain_db == 0.0
        assert any("too quiet" in warning for warning in result.warnings)
        assert not soundfile.read(target)[0].any()


def test_a_full_band_recording_is_levelled_too(tmp_path: Path, tiny_model: Engine, speech_like: Speech) -> None:
    soundfile.write(tmp_path / "in.wav", speech_like(1.5, 48_000).T, 48_000, subtype="PCM_24")
    target, result = restored(tmp_path / "in.wav", tiny_model, loudness="match")
    assert result.status == "copied"
    assert result.loudness_gain_db == 0.0  # it is the input, so it is as loud
    assert np.array_equal(soundfile.read(target)[0], soundfile.read(tmp_path / "in.wav")[0])
    target, result = restored(tmp_path / "in.wav", tiny_model, loudness=-30.0)
    assert lufs(target) == pytest.approx(-30.0, abs=0.01)


def test_chunks_do_not_matter(source: Path, tiny_model: Engine) -> None:
    runs = [restored(source, tiny_model, loudness=-23.0, chunk_seconds=seconds)[1] for seconds in (0.5, 60.0)]
    assert runs[0].loudness_gain_db == pytest.approx(runs[1].loudness_gain_db, abs=0.001)


def test_to_standard_output_the_temporary_file_lies_elsewhere(
    source: Path, tiny_model: Engine, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    folders: list[object] = []
    real = loudness_module.tempfile.TemporaryFile

    def noted(*arguments: object, **keywords: object) -> object:
        folders.append(keywords["dir"])
        return real(*arguments, **keywords)  # type: ignore[call-overload]

    monkeypatch.setattr(loudness_module.tempfile, "TemporaryFile", noted)
    result = restore_file(source, None, model=tiny_model, options=RestoreOptions(loudness=-23.0))
    assert len(capfdbinary.readouterr().out) > 4 * 2 * 48_000
    assert result.output_loudness_lufs == pytest.approx(-23.0, abs=0.01)
    assert folders == [None]


def test_no_room_for_the_temporary_file_is_an_output_error(
    source: Path, tiny_model: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_keywords: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(loudness_module.tempfile, "TemporaryFile", full)
    with pytest.raises(OutputError, match="no space left"):
        restored(source, tiny_model, loudness="match")
    assert not list(source.parent.glob("out*"))


def test_the_gate_is_thought_of() -> None:
    """Half of it is below the absolute gate and comes up with the gain: the loudness moves by less than the gain."""
    rng = np.random.default_rng(0)
    levels = np.repeat([-70.0, -76.0], 5 * 48_000)
    meter = LoudnessMeter(48_000)
    meter.push((10 ** (levels / 20) * rng.standard_normal(len(levels)))[None])
    gain = gain_to(meter, -30.0)
    assert gain is not None
    assert meter.integrated(gain) == pytest.approx(-30.0, abs=1e-4)
    assert gain != pytest.approx(-30.0 - (meter.integrated() or 0.0), abs=0.5)
