"""The spectrogram by physics: where a tone is, how loud, when; the same for every blocking and at any length."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hifisr_cli.dsp.spectrogram import Spectrogram, SpectrogramMeter


def tone(hertz: float, seconds: float, rate: int, amplitude: float = 1.0) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)[None]


def measured(wave: NDArray[np.float32], rate: int, block: int = 65_536, columns: int = 64) -> Spectrogram:
    meter = SpectrogramMeter(rate, columns)
    for start in range(0, wave.shape[1], block):
        meter.push(wave[:, start : start + block])
    return meter.result()


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("amplitude", [1.0, 0.01])
def test_a_tone_stands_at_its_frequency_and_level(rate: int, amplitude: float) -> None:
    found = measured(tone(1_500, 1.0, rate, amplitude), rate)
    assert found.nyquist == pytest.approx(rate / 2)
    middle = found.power[:, found.power.shape[1] // 2]
    assert np.argmax(middle) * found.bin_hz == pytest.approx(1_500, abs=found.bin_hz / 2 + 1e-6)
    scalloping_db = 1.5  # a Hann window's loss half-way between two bins
    assert 10 * np.log10(middle.max()) == pytest.approx(20 * np.log10(amplitude), abs=scalloping_db)


def test_the_picture_has_time_to_the_right_and_frequency_upwards() -> None:
    wave = np.concatenate([tone(1_000, 1.0, 16_000), tone(6_000, 1.0, 16_000)], axis=1)
    image = measured(wave, 16_000).image(40, 48, top_hz=24_000, seconds=2.0)
    assert image.shape == (48, 40)
    first, second = image[:, 10], image[:, 30]
    assert np.argmax(first) in (45, 46)  # 1 kHz: pixels of 500 Hz, counted from 24 kHz downwards
    assert np.argmax(second) in (35, 36)
    assert np.isneginf(image[:31]).all(), "nothing is drawn above 8 kHz"
    assert np.isfinite(image[33:]).all()


def test_what_follows_the_end_is_empty() -> None:
    image = measured(tone(1_000, 1.0, 16_000), 16_000).image(40, 48, top_hz=8_000, seconds=2.0)
    assert np.isfinite(image[:, :20]).all()
    assert np.isneginf(image[:, 21:]).all()


def test_the_blocks_do_not_matter(rng: np.random.Generator) -> None:
    wave = rng.standard_normal((2, 70_001)).astype(np.float32) * 0.1
    whole = measured(wave, 48_000, wave.shape[1])
    for block in (1_000, 4_097):
        parts = measured(wave, 48_000, block)
        assert parts.column_seconds == whole.column_seconds
        np.testing.assert_allclose(parts.power, whole.power, rtol=1e-4, atol=1e-10)


def test_any_length_takes_the_same_memory_and_keeps_its_mean(rng: np.random.Generator) -> None:
    for seconds in (2, 7, 31):
        found = measured(0.1 * rng.standard_normal((1, seconds * 8_000)).astype(np.float32), 8_000, columns=32)
        assert 32 <= found.power.shape[1] <= 65
        assert found.power.shape[1] * found.column_seconds == pytest.approx(seconds, abs=2 * found.column_seconds)
        assert found.seconds == seconds
        # White noise of variance 0.01: its power in a bin is 4 * 0.01 * sum(w^2) / sum(w)^2, 1.5 / N for Hann.
        expected = 4 * 0.01 * 1.5 / (2 * (found.power.shape[0] - 1))
        assert found.power[2:-2, 1:-1].mean() == pytest.approx(expected, rel=0.05)


def test_channels_are_averaged() -> None:
    left, silent = tone(1_000, 0.5, 8_000), np.zeros((1, 4_000), np.float32)
    both = measured(np.concatenate([left, silent]), 8_000)
    np.testing.assert_allclose(both.power, measured(left, 8_000).power / 2, rtol=1e-5, atol=1e-12)


def test_the_mean_spectrum_ends_at_nyquist() -> None:
    spectrum = measured(tone(3_000, 1.0, 8_000), 8_000).mean_db(48, top_hz=24_000)
    assert np.argmax(np.nan_to_num(spectrum, nan=-999)) in (5, 6)
    assert np.isfinite(spectrum[:8]).all()
    assert np.isnan(spectrum[9:]).all()


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_very_short_recordings_have_a_picture(samples: int) -> None:
    image = measured(np.zeros((1, samples), np.float32), 8_000).image(20, 10, top_hz=4_000, seconds=0.1)
    assert image.shape == (10, 20)
    assert not np.isnan(image).any()
    assert (image < -100).all()
