"""What is heard does not depend on blocks, loudness or rate, and speech is told from other sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hifisr_cli.audio.resample import resample
from hifisr_cli.dsp.bandwidth.frames import Framing
from hifisr_cli.dsp.sound.meter import FEATURES, SoundMeter
from hifisr_cli.evaluate.bench import find_recordings, read_full_band
from hifisr_cli.results import HeardSound

RATE = 16_000
Audio = np.ndarray


def heard(audio: Audio, rate: int = RATE, block: int = 65_536) -> SoundMeter:
    framing, meter = Framing(rate), SoundMeter(rate)
    data = np.atleast_2d(audio).astype(np.float32)
    for start in range(0, data.shape[1], block):
        for frames in framing.push(data[:, start : start + block]):
            meter.push(frames)
    return meter


def features(audio: Audio, rate: int = RATE, block: int = 65_536) -> Audio:
    seen = heard(audio, rate, block).features()
    assert seen is not None
    assert seen.shape == (FEATURES,)
    return seen


def chord(seconds: float = 6.0, rate: int = RATE) -> Audio:
    """Held notes with harmonics, another chord each second."""
    time = np.arange(int(seconds * rate)) / rate
    notes = 220.0 * 2.0 ** (np.array([[0, 4, 7], [5, 9, 12], [7, 11, 14]]) / 12.0)
    hz = notes[(time.astype(int)) % 3]
    phase = 2.0 * np.pi * np.cumsum(hz, axis=0) / rate
    return 0.03 * sum(np.sin(k * phase).sum(axis=1) / k for k in range(1, 12))


def noise(seconds: float = 6.0) -> Audio:
    return 0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE))


@pytest.mark.parametrize("block", [997, 16_000])
def test_blocks_do_not_matter(block: int) -> None:
    audio = chord() * (1.0 + noise())
    assert np.array_equal(features(audio), features(audio, block=block))


def test_loudness_hardly_matters() -> None:
    audio = noise() * np.abs(np.sin(np.arange(6 * RATE) / 2_000.0))
    assert np.abs(features(audio) - features(0.02 * audio)).max() < 0.1  # a class of the histograms


def test_channels_of_one_recording_are_heard_as_one() -> None:
    audio = chord()
    assert np.allclose(features(audio), features(np.stack([audio, audio])), atol=1e-5)


def test_held_notes_keep_their_harmonics_and_noise_has_none() -> None:
    held, rough = features(chord())[-10:], features(noise())[-10:]  # alike from frame to frame, by quantiles
    assert held[3] > 0.8
    assert abs(rough[2]) < 0.1


@pytest.mark.parametrize("rate", [500, 1_000, 4_000])
def test_the_lowest_rates_have_fewer_bands(rate: int) -> None:
    wave = np.random.default_rng(0).standard_normal(6 * rate)
    assert np.isfinite(features(wave, rate)).all()


@pytest.mark.parametrize("audio", [np.zeros(RATE), np.ones(1), np.zeros(0), noise(0.1)])
def test_too_little_says_nothing(audio: Audio) -> None:
    meter = heard(audio)
    assert meter.features() is None
    assert meter.result() is None


def test_made_sounds_are_no_speech() -> None:
    for audio in (chord(), noise()):
        found = heard(audio).result()
        assert found is not None
        assert found.kind == "other"
        assert 0.0 <= found.speech < 0.5


def test_real_speech_is(shared_speech: Path) -> None:
    for path in find_recordings(shared_speech / "validation")[20::30]:
        wave = read_full_band(path)
        for rate in (8_000, 16_000, 48_000):
            found = heard(resample(wave[None], 48_000, rate)[0], rate).result()
            assert found is not None
            assert found.kind == "speech", (path, rate)


def test_in_words() -> None:
    assert HeardSound("speech", 0.973).in_words == "speech (97%)"
    assert HeardSound("other", 0.6).in_words == "music or other sound (speech: 60%)"
