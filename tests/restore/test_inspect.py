"""An inspection: every figure on recordings that were made to have it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.errors import NotAudioError
from hifisr_cli.restore.inspect import Inspection, inspect_file

Speech = Callable[..., np.ndarray]


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Inspection]:
    """`look(wave [C, T], rate, subtype, suffix)`: written to a file and inspected."""

    def call(wave: np.ndarray, rate: int, subtype: str = "PCM_24", suffix: str = ".wav") -> Inspection:
        path = tmp_path / f"in{suffix}"
        soundfile.write(path, wave.T, rate, subtype=subtype)
        return inspect_file(path)

    return call


def test_what_was_put_in_is_found(look: Callable[..., Inspection], rng: np.random.Generator) -> None:
    """Bursts in known noise, with an offset, hum and clipped crests, of 16 bits in a 24-bit file."""
    rate, seconds = 16_000, 12
    t = np.arange(rate * seconds) / rate
    loud = np.sin(2 * np.pi * 0.5 * t) > 0
    wave = 10 ** (-70 / 20) * rng.standard_normal(len(t)) + np.where(loud, 0.05 * rng.standard_normal(len(t)), 0.0)
    wave += 0.01 + 0.003 * np.sin(2 * np.pi * 60 * t)
    wave[5000:5010] = 2.0
    wave[9000:9004] = -2.0
    wave = np.clip(np.rint(wave * 32_768), -32_768, 32_767)[None] / 32_768
    found = look(np.concatenate([wave, 0.5 * np.rint(wave * 32_768) / 32_768]), rate)
    assert (found.info.container, found.info.codec, found.info.channels, found.info.bits) == ("WAV", "PCM_24", 2, 24)
    assert found.seconds == seconds
    assert found.frames == rate * seconds
    assert found.effective_bits == 17  # the second channel is the first at half its level
    assert (found.clipped_runs, found.clipped_samples, found.longest_clip) == (2, 14, 10)
    assert found.peak_dbfs == 0.0
    assert found.true_peak_dbtp is not None
    assert found.true_peak_dbtp > 0.0
    assert found.dc_offset == pytest.approx(0.01, abs=1e-3)
    assert found.hum is not None
    assert found.hum.frequency_hz == 60
    assert found.hum.level_db == pytest.approx(20 * np.log10(0.003 / 2**0.5) + 10 * np.log10(1.25 / 2), abs=0.3)
    assert found.noise_floor_dbfs == pytest.approx(20 * np.log10(0.003 / 2**0.5), abs=1.0)  # the hum is above the hiss


def test_a_full_scale_sine(look: Callable[..., Inspection]) -> None:
    sine = 0.999 * np.sin(2 * np.pi * 997 * np.arange(3 * 48_000) / 48_000)
    found = look(sine[None], 48_000)
    assert found.peak_dbfs == pytest.approx(0.0, abs=0.02)
    assert found.loudness_lufs == pytest.approx(-3.0, abs=0.1)
    assert found.clipped_runs == 0
    assert found.hum is not None
    assert not found.hum.present


def test_silence(look: Callable[..., Inspection]) -> None:
    found = look(np.zeros((2, 8000)), 8000)
    assert not found.restorable
    assert found.reason == found.cutoff_evidence == "silence"
    figures = (found.peak_dbfs, found.true_peak_dbtp, found.loudness_lufs, found.noise_floor_dbfs, found.hum)
    assert figures == (None,) * 5
    assert found.dc_offset == 0.0
    assert found.effective_bits == 0


@pytest.mark.parametrize("samples", [1, 10, 300, 2000])
def test_very_short(look: Callable[..., Inspection], samples: int, rng: np.random.Generator) -> None:
    found = look(0.1 * rng.standard_normal((1, samples)), 48_000)
    assert found.frames == samples
    assert found.hum is None


def test_narrow_speech_would_be_restored(look: Callable[..., Inspection], speech_like: Speech) -> None:
    found = look(speech_like(2.0, 48_000, cutoff_hz=4000), 48_000)
    assert found.restorable
    assert found.cutoff_evidence == "edge"
    assert found.bandwidth.cutoff_hz == pytest.approx(4000, rel=0.08)
    assert "content ends at" in found.reason
    low = look(speech_like(2.0, 8000), 8000)
    assert low.restorable
    assert low.cutoff_evidence == "nyquist"
    assert "sample rate ends at" in low.reason


def test_full_band_would_be_copied(look: Callable[..., Inspection], speech_like: Speech) -> None:
    found = look(speech_like(2.0, 48_000), 48_000)
    assert not found.restorable
    assert found.cutoff_evidence == "full-band"
    assert found.reason.startswith("full band already")


def test_a_lossy_file_with_a_shelf(look: Callable[..., Inspection], speech_like: Speech) -> None:
    found = look(speech_like(2.0, 44_100, cutoff_hz=8000), 44_100, "MPEG_LAYER_III", ".mp3")
    assert found.info.lossy
    assert found.effective_bits is None
    assert found.cutoff_evidence == "codec-shelf"


def test_progress_is_told(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "in.wav"
    soundfile.write(path, rng.standard_normal((1, 160_000)).T / 10, 16_000)
    heard: list[tuple[float, float | None]] = []
    named = inspect_file(path, label="another", on_progress=lambda *place: heard.append(place))
    assert named.input == "another"
    assert heard[-1] == (10.0, 10.0)
    assert heard == sorted(heard)


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio at all")
    with pytest.raises(NotAudioError):
        inspect_file(tmp_path / "text.wav")


def test_it_loads_no_torch_and_no_scipy(tmp_path: Path, speech_like: Speech) -> None:
    soundfile.write(tmp_path / "in.wav", speech_like(0.5, 8000).T, 8000)
    code = (
        "import sys\nfrom hifisr_cli.cli.app import run\n"
        "status = run(['inspect', '--json', sys.argv[1]])\n"
        "heavy = {'torch', 'scipy', 'numba', 'resampy'} & {name.partition('.')[0] for name in sys.modules}\n"
        "sys.exit(status or (str(heavy) if heavy else 0))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "in.wav"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert '"status": "inspected"' in ended.stdout


def test_what_is_odd_about_a_file(tmp_path: Path) -> None:
    """Before anything is done: a header that counts a tenth of the sound."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).standard_normal(8_000) * 0.1, 8_000)
    data = bytearray(path.read_bytes())
    data[40:44] = (1_600).to_bytes(4, "little")
    path.write_bytes(data)
    assert inspect_file(path).notes == (
        "its header counts 0.100 s of sound, but 1.000 s are there: all of it was taken",
    )


def test_legs_of_different_bandwidth_have_cutoffs_of_their_own(shared_cases: Path) -> None:
    for path, ends in (("legs.wav", {1: 7_900.0, 2: 3_400.0}), ("r34.wav", {None: 3_400.0})):
        found = inspect_file(shared_cases / "06-stereo-legs" / path)
        cutoffs = {each.channel: each.bandwidth.cutoff_hz for each in found.stretches}
        assert cutoffs == pytest.approx(ends, rel=0.08)
