"""The true peak: sines whose crest lies between the samples, and ffmpeg's opinion."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hifisr_cli.dsp.loudness.true_peak import TruePeakMeter, decibels, oversampling

RATE = 48_000


def meter_of(wave: np.ndarray, rate: int = RATE, block: int = 65_536) -> TruePeakMeter:
    meter = TruePeakMeter(rate)
    for start in range(0, wave.shape[1], block):
        meter.push(wave[:, start : start + block])
    return meter


def faded(sine: np.ndarray) -> np.ndarray:
    """An abrupt beginning has a true peak of its own."""
    ramp = np.minimum(np.arange(len(sine)), 2000) / 2000
    return (sine * np.minimum(ramp, ramp[::-1]))[None]


def test_the_classic_case() -> None:
    """A quarter of the sample rate, 45 degrees: no sample above -3.01 dB, the waveform at 0."""
    sine = faded(np.sin(2 * np.pi * 0.25 * np.arange(20_000) + np.pi / 4))
    meter = meter_of(sine)
    assert decibels(meter.peak) == pytest.approx(-3.01, abs=0.01)
    assert decibels(meter.true_peak) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("period", [5, 6, 7, 8, 9, 12])
def test_crests_between_the_samples_are_found(period: int) -> None:
    """Frequencies for which the grid of four points a sample meets the crest to within an eighth of a sample."""
    for degrees in range(0, 90, 7):
        sine = faded(np.sin(2 * np.pi * np.arange(10_000) / period + np.radians(degrees)))
        missed = np.cos(2 * np.pi / period / 8)
        assert missed - 0.005 < meter_of(sine).true_peak < 1.005


@pytest.mark.parametrize("block", [1, 31, 32, 33, 1000, 1024, 5000])
def test_blocks_do_not_matter(block: int, rng: np.random.Generator) -> None:
    wave = rng.standard_normal((2, 3000 if block < 32 else 20_000)).astype(np.float32)
    assert meter_of(wave, block=block).true_peak == meter_of(wave).true_peak


def test_passing_over_the_quiet_misses_nothing(rng: np.random.Generator) -> None:
    """Against an interpolation of everything."""
    wave = rng.standard_normal((1, 30_000)) * 10 ** rng.uniform(-2, 0, 30).repeat(1000)
    loud = wave.copy()
    loud[:, 12_000] = 5.0
    for sound in (wave, wave[:, ::-1], loud):
        spectrum = np.fft.rfft(np.pad(sound[0], 5000))
        fine = 4 * np.fft.irfft(np.pad(spectrum, (0, 3 * 20_000)), 4 * 40_000)
        assert meter_of(sound).true_peak == pytest.approx(np.abs(fine).max(), rel=0.05)


def test_a_lone_sample_at_either_end_counts() -> None:
    for place in (0, 999):
        wave = np.zeros((1, 1000), np.float32)
        wave[0, place] = -0.5
        assert meter_of(wave).true_peak == pytest.approx(0.5, rel=1e-3)


def test_asking_changes_nothing(rng: np.random.Generator) -> None:
    wave = rng.standard_normal((1, 10_000))
    meter = TruePeakMeter(RATE)
    for start in range(0, 10_000, 999):
        meter.push(wave[:, start : start + 999])
        assert meter.true_peak == meter.true_peak >= meter.peak
    assert meter.true_peak == meter_of(wave).true_peak


def test_silence() -> None:
    assert meter_of(np.zeros((1, 5000))).true_peak == 0.0
    assert TruePeakMeter(RATE).true_peak == 0.0
    assert decibels(0.0) is None


def test_high_rates_need_less() -> None:
    assert [oversampling(rate) for rate in (8000, 48_000, 96_000, 192_000)] == [4, 4, 2, 1]
    sine = faded(np.sin(2 * np.pi * 0.125 * np.arange(20_000) + np.pi / 8))
    assert decibels(meter_of(sine, 96_000).true_peak) == pytest.approx(0.0, abs=0.02)
    assert meter_of(sine, 192_000).true_peak == np.float32(np.abs(sine).max())


def test_ffmpeg_agrees(tmp_path: Path, ffmpeg: str, rng: np.random.Generator) -> None:
    for number in range(3):
        spectrum = np.fft.rfft(rng.standard_normal(3 * RATE))
        spectrum[int(0.4 * 3 * RATE) :] = 0  # nothing where the two filters fall
        wave = 0.2 * np.fft.irfft(spectrum, 3 * RATE)[None]
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, wave.T, RATE, subtype="FLOAT")
        command = [ffmpeg, "-nostats", "-i", path, "-af", "ebur128=peak=true", "-f", "null", "-"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        theirs = float(re.findall(r"Peak:\s+(-?[\d.]+) dBFS", said)[-1])
        assert decibels(meter_of(wave).true_peak) == pytest.approx(theirs, abs=0.15)
