"""Integrated loudness: pyloudnorm's figure for every length, rate, number of channels and way of cutting."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.dsp.loudness.integrated import LoudnessMeter, channel_weights

pyloudnorm = pytest.importorskip("pyloudnorm")


def sound(seed: int, channels: int, length: int) -> np.ndarray:
    """Noise [C, T] whose level jumps by up to 80 dB, so that both gates have work."""
    rng = np.random.default_rng(seed)
    steps = 10 ** rng.uniform(-4, 0, (channels, length // 2000 + 1))
    return np.asarray(0.1 * rng.standard_normal((channels, length)) * steps.repeat(2000, axis=1)[:, :length])


def measured(wave: np.ndarray, rate: int, block: int = 65_536) -> LoudnessMeter:
    meter = LoudnessMeter(rate)
    for start in range(0, wave.shape[1], block):
        meter.push(wave[:, start : start + block])
    return meter


def pyloudnorms(wave: np.ndarray, rate: int) -> object:
    value = pyloudnorm.Meter(rate).integrated_loudness(wave.T)
    return None if np.isinf(value) else pytest.approx(value, abs=1e-9)


@given(
    seed=st.integers(0, 1000),
    rate=st.sampled_from([4000, 8000, 11_025, 12_345, 22_050, 44_100, 48_000]),
    seconds=st.floats(0.41, 4.0),
    channels=st.integers(1, 5),
    block=st.sampled_from([100, 1024, 4097, 65_536]),
    gain_db=st.floats(-30.0, 30.0),
)
def test_it_is_pyloudnorms(*, seed: int, rate: int, seconds: float, channels: int, block: int, gain_db: float) -> None:
    wave = sound(seed, channels, int(seconds * rate))
    meter = measured(wave, rate, block)
    assert meter.integrated() == pyloudnorms(wave, rate)
    assert meter.integrated(gain_db) == pyloudnorms(wave * 10 ** (gain_db / 20), rate)


@pytest.mark.parametrize("extra", range(-2, 3))
def test_the_last_block_is_rounded_alike(extra: int) -> None:
    """A block is added where half a step is there: 0.45 s, 0.55 s and so on."""
    for rate in (8000, 44_100):
        for tenths in (4.5, 5.5, 6.5, 12.5):
            wave = sound(1, 1, round(tenths * rate / 10) + extra)
            expected = pyloudnorm.Meter(rate).integrated_loudness(wave.T)
            assert measured(wave, rate).integrated() == pytest.approx(expected, abs=1e-9)


def test_asking_changes_nothing() -> None:
    wave = sound(2, 2, 100_000)
    asked, plain = LoudnessMeter(48_000), LoudnessMeter(48_000)
    for start in range(0, 100_000, 7000):
        asked.push(wave[:, start : start + 7000])
        plain.push(wave[:, start : start + 7000])
        asked.integrated()
    assert asked.integrated() == plain.integrated() == asked.integrated()


def test_a_sine_has_the_level_of_the_standard() -> None:
    """1 kHz at full scale in one channel is -3.01 LUFS (BS.1770-4), here to pyloudnorm's fit of the filters."""
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * 48_000) / 48_000)[None]
    assert measured(sine, 48_000).integrated() == pytest.approx(-3.01, abs=0.05)


def test_silence_has_no_loudness() -> None:
    assert measured(np.zeros((2, 48_000)), 48_000).integrated() is None
    assert measured(sound(0, 1, 48_000) * 1e-5, 48_000).integrated() is None
    assert LoudnessMeter(48_000).integrated() is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_has_no_loudness(bad: float) -> None:
    wave = sound(0, 1, 48_000)
    wave[0, 1000] = bad
    with np.errstate(invalid="ignore", over="ignore"):
        assert measured(wave, 48_000).integrated() is None


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.399])
def test_less_than_a_block_is_measured_over_its_own_length(seconds: float) -> None:
    sine = 0.1 * np.sin(2 * np.pi * 997 * np.arange(int(seconds * 48_000)) / 48_000)[None]
    assert measured(sine, 48_000).integrated() == pytest.approx(-23.0, abs=0.4)


def test_more_than_five_channels_have_the_weights_of_their_places() -> None:
    wave = sound(3, 6, 96_000)
    without_bass = wave[[0, 1, 2, 4, 5]]
    assert measured(wave, 48_000).integrated() == pytest.approx(measured(without_bass, 48_000).integrated(), abs=1e-9)
    assert [channel_weights(count).tolist() for count in (7, 8)] == [
        [1, 1, 1, 0, 1, 1.41, 1.41],
        [1, 1, 1, 0, 1, 1, 1.41, 1.41],
    ]
    assert channel_weights(12).tolist() == [1.0] * 12


def test_a_rate_below_the_filters_has_no_loudness() -> None:
    assert measured(sound(0, 1, 6000), 3000).integrated() is None


def test_ffmpeg_agrees(tmp_path: Path, ffmpeg: str) -> None:
    wave = sound(4, 2, 6 * 48_000)
    soundfile.write(tmp_path / "a.wav", wave.T, 48_000, subtype="FLOAT")
    command = [ffmpeg, "-nostats", "-i", tmp_path / "a.wav", "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    theirs = float(re.findall(r"I:\s+(-[\d.]+) LUFS", said)[-1])
    assert measured(wave, 48_000).integrated() == pytest.approx(theirs, abs=0.1)
