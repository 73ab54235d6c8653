"""The cutoff: physics on synthetic sound, and a few real recordings where they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import CUTOFFS_HZ, Verdict
from hifisr_cli.dsp.bandwidth.meter import decide, fallen_db, kept_edge_hz, steep_edge_hz
from tests.dsp.bandwidth.conftest import RATE, babble, brick_wall, measure, near


@pytest.mark.parametrize("cutoff", [1500, 2000, 3400, 4000, 5500, 8000, 11000, 12000, 16000])
def test_brick_wall_is_found(cutoff: int) -> None:
    found = measure(brick_wall(babble(), cutoff))
    assert found.source == "edge"
    assert near(found, cutoff), found


@pytest.mark.parametrize("cutoff", [2000, 4000, 8000, 12000])
def test_chebyshev_is_found(cutoff: int) -> None:
    found = measure(signal.sosfilt(signal.cheby1(8, 0.5, cutoff, fs=RATE, output="sos"), babble()))
    assert near(found, cutoff), found


@pytest.mark.parametrize("cutoff", [2000, 4000, 8000])
def test_noise_after_the_low_pass_does_not_hide_the_edge(cutoff: int) -> None:
    noise = 10 ** (-50 / 20) * np.random.default_rng(1).standard_normal(5 * RATE)
    found = measure(brick_wall(babble(), cutoff) + noise)
    assert found.source == "edge"
    assert near(found, cutoff), found


@pytest.mark.parametrize("cutoff", [3400, 8000])
def test_hum_changes_nothing(cutoff: int) -> None:
    sound = brick_wall(babble(), cutoff)
    hum = 0.1 * np.sqrt(0.2) * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / RATE)
    plain, hummed = measure(sound), measure(sound + hum)
    assert near(hummed, cutoff), hummed
    assert hummed.cutoff_hz == pytest.approx(plain.cutoff_hz, rel=0.03)


def test_full_band_is_recognised() -> None:
    found = measure(babble())
    assert found.full_band
    assert found.source == "full-band"


def chord(rng: np.random.Generator) -> np.ndarray:
    """Three steady sines."""
    time = np.arange(5 * RATE) / RATE
    return np.asarray(
        sum(np.sin(2 * np.pi * hertz * time) for hertz in rng.uniform(110, 440) * np.array([1, 1.26, 1.5]))
    )


def struck(rng: np.random.Generator) -> np.ndarray:
    """Two notes a second; each partial is 6 dB below the last and dies sooner."""
    time, sound = np.arange(RATE) / RATE, np.zeros(6 * RATE)
    for onset in range(0, 5 * RATE, RATE // 2):
        pitch = 110 * 2 ** (rng.integers(24) / 12)
        partials = np.arange(16)[:, None]
        tones = 0.5**partials * np.sin(2 * np.pi * (partials + 1) * pitch * time) * np.exp(-(1 + 0.7 * partials) * time)
        sound[onset : onset + RATE] += tones.sum(axis=0)
    return sound[: 5 * RATE]


@pytest.mark.parametrize("sound", [chord, struck])
@pytest.mark.parametrize("seed", range(2))
def test_sound_that_ends_by_nature_lacks_nothing(sound: Callable[[np.random.Generator], np.ndarray], seed: int) -> None:
    rng = np.random.default_rng([6, seed])
    audio = sound(rng)
    found = measure(0.1 * audio / audio.std() + 1e-5 * rng.standard_normal(len(audio)))
    assert found.source == "full-band", found


@pytest.mark.parametrize("blocks", [1, 777, 4096, 1_000_000])
def test_result_does_not_depend_on_the_blocks(blocks: int) -> None:
    sound = brick_wall(babble(0.7), 5000)
    assert measure(sound, blocks=blocks) == measure(sound, blocks=65_536)


@pytest.mark.parametrize("gain_db", [-40.0, -20.0, 20.0])
def test_level_does_not_matter(gain_db: float) -> None:
    sound = brick_wall(babble(), 5500)
    loud, quiet = measure(sound), measure(sound * 10 ** (gain_db / 20))
    assert quiet.source == loud.source
    assert quiet.cutoff_hz == pytest.approx(loud.cutoff_hz, rel=0.02)


def test_channels_count_together() -> None:
    sound = brick_wall(babble(), 5500)
    assert measure(np.stack([sound, sound])) == measure(sound)
    assert near(measure(np.stack([sound, np.zeros_like(sound)])), 5500)


@pytest.mark.parametrize("silence", [1, 1000, 48_000, 200_001])
def test_appended_silence_is_no_part_of_it(silence: int) -> None:
    audio = brick_wall(babble(3.0), 4000)
    longer = np.concatenate([audio, np.zeros(silence)])
    assert measure(longer) == measure(audio)
    assert measure(longer, blocks=4_800) == measure(audio)


@pytest.mark.parametrize("length", [0, 1, 15, 100, 48_000])
def test_silence(length: int) -> None:
    found = measure(np.zeros((2, length)))
    assert found.source == "silence"
    assert found.full_band


def test_shorter_than_one_window() -> None:
    for length in (16, 100, 500, 2047, 2048, 2049):
        found = measure(babble()[:length])
        assert 0 < found.cutoff_hz <= RATE / 2
    assert near(measure(brick_wall(babble(), 4000)[RATE : RATE + 1900]), 4000)


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 22_050, 32_000])
def test_content_up_to_nyquist_of_a_low_rate(rate: int) -> None:
    sound = babble(rate=rate)
    hum = 0.03 * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / rate)
    noise = 0.003 * np.random.default_rng(2).standard_normal(len(sound))
    for audio in (sound, sound + hum, sound + noise):
        found = measure(audio, rate)
        assert found.source == "nyquist", found
        assert found.cutoff_hz == rate / 2


def test_telephone_band_in_a_telephone_file() -> None:
    found = measure(brick_wall(babble(rate=8000), 3000, 8000), 8000)
    assert found.source == "edge"
    assert near(found, 3000), found


@pytest.mark.parametrize("low", [8000, 16_000])
def test_a_low_rate_brought_up_again_ends_at_its_nyquist_frequency(low: int) -> None:
    """Also by a converter with a short filter, which leaves images above."""
    up, taps = RATE // low, 32
    down = signal.resample_poly(babble(), 1, up)
    short = np.asarray(signal.firwin(taps * up + 1, 0.97 / up, window=("kaiser", 9.0))) * up
    assert near(measure(signal.upfirdn(short, down, up)), low / 2)
    assert near(measure(signal.resample_poly(down, up, 1)), low / 2)


@pytest.mark.parametrize("rate", [48_000, 44_100, 8000, 192_000])
def test_any_signal_gets_an_answer(rate: int) -> None:
    rng = np.random.default_rng(3)
    time = np.arange(rate) / rate
    impulse = np.zeros(rate)
    impulse[rate // 2] = 1
    square = np.sign(np.sin(2 * np.pi * 220 * time))
    broken = rng.standard_normal(rate)
    broken[100:200] = np.nan
    signals = [
        rng.standard_normal(rate),
        1e-5 * rng.standard_normal(rate),
        np.sin(2 * np.pi * 50 * time),
        np.sin(2 * np.pi * 1000 * time),
        np.ones(rate),
        impulse,
        square,
        np.cumsum(rng.standard_normal(rate)),
        brick_wall(rng.standard_normal(rate), 0.1 * rate, rate),
        broken,
        1e4 * rng.standard_normal(rate),
    ]
    for audio in signals:
        found = measure(0.1 * audio, rate)
        assert 0 < found.cutoff_hz <= rate / 2
        assert 0 <= found.confidence <= 1


def test_steady_noise_has_its_edge_too() -> None:
    noise = np.random.default_rng(4).standard_normal(5 * RATE)
    assert near(measure(0.1 * brick_wall(noise, 6000)), 6000)


@pytest.mark.parametrize("cutoff", [3400, 8000])
def test_real_speech(shared_speech: Path, cutoff: int) -> None:
    import soundfile

    for path in sorted((shared_speech / "validation").rglob("*_0000.flac"))[8:14]:
        audio, rate = soundfile.read(path)
        assert measure(audio, rate).full_band, path.name
        assert near(measure(brick_wall(audio, cutoff, rate), rate), cutoff), path.name


@pytest.mark.parametrize(("likely", "complete", "whole"), [(0.4, 0.35, True), (0.4, 0.3, False)])
def test_a_near_tie_keeps_the_whole_recording(likely: float, complete: float, whole: bool) -> None:
    rest = (1.0 - likely - complete) / (len(CUTOFFS_HZ) - 1)
    cutoffs = np.where(np.arange(len(CUTOFFS_HZ)) == 60, likely, rest)
    cutoff, confidence = decide(Verdict(cutoffs, complete), 24_000.0)
    assert (cutoff == 24_000.0) == whole
    assert confidence == pytest.approx(complete) if whole else confidence >= likely


RNG = np.random.default_rng(5)


def levels_of(wave: np.ndarray, rate: int) -> BandLevels:
    levels = BandLevels(rate)
    levels.push(wave[None].astype(np.float32))
    return levels


def ending_at(edge_hz: float, rate: int) -> np.ndarray:
    """Noise with a brick wall."""
    spectrum = np.fft.rfft(RNG.standard_normal(4 * rate))
    spectrum[np.fft.rfftfreq(4 * rate, 1 / rate) > edge_hz] = 0.0
    return 0.1 * np.fft.irfft(spectrum)


@pytest.mark.parametrize(
    ("rate", "cutoff", "edge"), [(16_000, 7_880, 7_300), (48_000, 16_500, 15_500), (8_000, 3_900, 3_560)]
)
def test_an_emptied_band_below_the_cutoff_moves_it(rate: int, cutoff: float, edge: float) -> None:
    levels = levels_of(ending_at(edge, rate), rate)
    found = steep_edge_hz(levels, cutoff)
    assert found == pytest.approx(edge, rel=0.01)
    assert kept_edge_hz(levels, cutoff) == pytest.approx(0.9 * cutoff)
    assert kept_edge_hz(levels, found) == pytest.approx(min(0.98 * found, found - 60))
    assert not len(fallen_db(levels, found)[0])
    place, fallen = fallen_db(levels, cutoff)
    assert fallen[0] < 3.0
    assert fallen[place > 1.02 * edge].min() > 20.0


def test_a_gradual_edge_stays_where_it_was_found() -> None:
    sos = signal.butter(8, 4_000, fs=48_000, output="sos")
    levels = levels_of(signal.sosfilt(sos, 0.1 * RNG.standard_normal(4 * 48_000)), 48_000)
    assert steep_edge_hz(levels, 4_000) == 4_000
    assert kept_edge_hz(levels, 4_000) == pytest.approx(3_920)


@pytest.mark.parametrize("cutoff", [0.0, 500.0, 3_940.0, 4_000.0])
def test_where_there_is_nothing_to_see_nothing_moves(cutoff: float) -> None:
    for samples in (0, 100, 4_000):
        levels = levels_of(np.zeros(samples), 8_000).finished()
        assert (steep_edge_hz(levels, cutoff), kept_edge_hz(levels, cutoff)) == (cutoff, 0.9 * cutoff)


@pytest.mark.parametrize(("share", "expected"), [(0.05, 8_000.0), (0.15, 3_400.0)])
def test_a_cutoff_that_may_well_be_lower_is_said_to_be(share: float, expected: float) -> None:
    """What is told an engine too low costs little."""
    cutoffs = np.zeros(len(CUTOFFS_HZ))
    for place, mass in ((3_400.0, share), (8_000.0, 1.0 - share)):
        cutoffs[np.argmin(np.abs(CUTOFFS_HZ - place))] = mass
    cutoff, confidence = decide(Verdict(cutoffs, 0.0), 24_000.0)
    assert cutoff == pytest.approx(expected, rel=0.08)
    assert confidence == pytest.approx(share if expected == 3_400.0 else 1.0 - share)
