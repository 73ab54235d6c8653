"""Noise floors of training recordings."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.degrade.noise_floors import converter_noise, floor_noise, microphone_noise, natural_floor, own_floor
from hifisr_cli.results import SAMPLE_RATE

FLOORS = {"vctk": 0.85, "sdap": 0.2}
RNG = np.random.default_rng(3)


def level_db(wave: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Power density of a band, 0 dB for white noise of variance 1."""
    power = np.abs(np.fft.rfft(wave)) ** 2 / wave.size
    frequency = np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE)
    return float(10.0 * np.log10(power[(frequency >= low_hz) & (frequency < high_hz)].mean()))


def test_the_floor_is_what_the_pauses_hold() -> None:
    wave = 1e-3 * RNG.standard_normal(4 * SAMPLE_RATE).astype(np.float32)
    wave[: 3 * SAMPLE_RATE] += 0.1 * np.sin(np.arange(3 * SAMPLE_RATE) / 10.0).astype(np.float32)
    assert 10 * np.log10(own_floor(wave).mean()) == pytest.approx(-60.0, abs=0.5)


def test_a_hiss_without_low_frequencies_is_no_pause() -> None:
    wave = 1e-4 * RNG.standard_normal(2 * SAMPLE_RATE).astype(np.float32)
    wave += 1e-3 * np.sin(np.arange(wave.size) / 60.0).astype(np.float32)  # a rumble, except in the hiss
    hiss = slice(SAMPLE_RATE // 2, SAMPLE_RATE)
    wave[hiss] = np.diff(1e-2 * RNG.standard_normal(SAMPLE_RATE // 2 + 1)).astype(np.float32)
    assert 10 * np.log10(own_floor(wave)[100:].mean()) == pytest.approx(-80.0, abs=1.5)


def test_digital_silence_is_no_floor() -> None:
    wave = 1e-3 * RNG.standard_normal(2 * SAMPLE_RATE).astype(np.float32)
    wave[SAMPLE_RATE:] = 0.0
    assert 10 * np.log10(own_floor(wave).mean()) == pytest.approx(-60.0, abs=1.0)
    assert not own_floor(np.zeros(SAMPLE_RATE, np.float32)).any()
    assert own_floor(np.ones(100, np.float32)).shape == (257,)


def test_a_floor_goes_on_above_the_bandwidth_of_its_recording() -> None:
    wave = 1e-3 * RNG.standard_normal(4 * SAMPLE_RATE).astype(np.float32)
    spectrum = np.fft.rfft(wave)
    spectrum[np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE) > 16_000] = 0.0
    floor = 10 * np.log10(own_floor(np.fft.irfft(spectrum).astype(np.float32), 16_000.0))
    assert floor[180:] == pytest.approx(np.full(77, floor[100:160].mean()), abs=1.0)


@pytest.mark.parametrize("bandwidth_hz", [0.0, 300.0, 900.0])
def test_a_floor_is_finite_however_narrow_its_recording(bandwidth_hz: float) -> None:
    noise = 1e-3 * RNG.standard_normal(SAMPLE_RATE).astype(np.float32)
    assert 10 * np.log10(own_floor(noise, bandwidth_hz)) == pytest.approx(np.full(257, -60.0), abs=6.0)


def test_noise_of_a_floor_has_that_floor() -> None:
    floor = np.geomspace(1e-5, 1e-8, 257).astype(np.float32)
    again = own_floor(floor_noise(floor, 8 * SAMPLE_RATE, RNG))
    assert np.abs(10 * np.log10(again / floor))[2:-2].max() < 2.5


def test_only_uncompressed_sources_have_a_floor_of_their_own() -> None:
    noise = 1e-3 * RNG.standard_normal(SAMPLE_RATE).astype(np.float32)
    vctk, studio = (natural_floor(f"speech/{name}/a.flac", noise, 24_000.0, FLOORS) for name in ("vctk-x", "sdap"))
    assert natural_floor("speech/art4apps/a.flac", noise, 24_000.0, FLOORS) is None
    assert vctk is not None and studio is not None
    assert vctk.converters > studio.converters


def test_a_converters_noise_stands_on_the_floor_of_its_recording() -> None:
    floor = np.full(257, 1e-6, np.float32)
    rises = []
    for _ in range(20):
        noise = converter_noise(floor, 2 * SAMPLE_RATE, RNG)
        assert not noise.any() or level_db(noise, 0.0, 14_000.0) < -120.0
        rises.append(level_db(noise, 21_000.0, 24_000.0) + 60.0)
    assert 8.0 < min(rises) < 13.0
    assert 17.0 < max(rises) < 22.0
    assert not converter_noise(0.0 * floor, SAMPLE_RATE, RNG).any()


@pytest.mark.parametrize(("studio", "lowest", "highest"), [(False, -92.0, -70.0), (True, -115.0, -92.0)])
def test_a_microphones_noise_is_as_loud_as_its_room(studio: bool, lowest: float, highest: float) -> None:
    levels = [level_db(microphone_noise(SAMPLE_RATE, RNG, studio=studio), 7_500.0, 8_500.0) for _ in range(60)]
    assert lowest - 2.0 < min(levels) < lowest + 4.0
    assert highest - 4.0 < max(levels) < highest + 4.0
