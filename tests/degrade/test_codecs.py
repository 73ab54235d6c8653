"""Codecs: in step with the input, with the edge of their bit rate."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.degrade.codecs import CODECS, MPEG1_RATES, Aac, Codec, has_ffmpeg, mp3, vorbis
from hifisr_cli.degrade.kept import kept_up_to
from hifisr_cli.errors import UsageError

RATE = 48_000
needs_ffmpeg = pytest.mark.skipif(not has_ffmpeg(), reason="no ffmpeg here")
SETTINGS = [
    pytest.param(mp3(32, MPEG1_RATES), (6_000, 9_000), id="mp3-32"),
    pytest.param(mp3(64, MPEG1_RATES), (14_000, 17_000), id="mp3-64"),
    pytest.param(mp3(128, MPEG1_RATES), (19_000, 21_000), id="mp3-128"),
    pytest.param(vorbis(64), (13_000, 19_000), id="vorbis-64"),
    pytest.param(vorbis(128), (18_000, 23_000), id="vorbis-128"),
    pytest.param(Aac(32), (10_000, 14_000), id="aac-32", marks=needs_ffmpeg),
    pytest.param(Aac(96), (17_000, 22_000), id="aac-96", marks=needs_ffmpeg),
]


def music() -> np.ndarray:
    """Bursts of noise that fall by 6 dB an octave, as drums do: [T]."""
    rng = np.random.default_rng(6)
    spectrum = np.fft.rfft(rng.standard_normal(2 * RATE))
    frequency = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    wave = np.fft.irfft(spectrum * 200 / (frequency + 200))
    wave *= np.exp(-(np.arange(wave.size) % (RATE // 4)) / 3_000)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.mark.parametrize(("codec", "edge_hz"), SETTINGS)
def test_in_step_and_with_the_edge_of_the_bit_rate(codec: Codec | Aac, edge_hz: tuple[int, int]) -> None:
    wave = music()
    coded = codec(wave, RATE)
    assert coded.shape == wave.shape
    similar = np.fft.irfft(np.fft.rfft(wave) * np.conj(np.fft.rfft(coded)))
    assert int(np.argmax(similar)) == 0
    assert np.array_equal(coded, codec(wave, RATE)), "the same bytes again"
    low, high = edge_hz
    assert low <= kept_up_to(wave, coded, RATE, 24_000.0) <= high


def test_what_was_not_touched_is_kept_to_the_top() -> None:
    wave = music()
    assert kept_up_to(wave, wave, RATE, 20_000.0) == 20_000.0
    spectrum = np.fft.rfft(wave)
    spectrum[np.fft.rfftfreq(wave.size, 1 / RATE) > 7_000] = 0
    assert kept_up_to(wave, np.fft.irfft(spectrum).astype(np.float32), RATE, 20_000.0) == pytest.approx(7_000, abs=400)


def test_settings_are_drawn_from_the_seed() -> None:
    for draw in CODECS.values():
        assert draw(np.random.default_rng(1)) == draw(np.random.default_rng(1))
        assert draw(np.random.default_rng(1)) != draw(np.random.default_rng(2))


def test_without_ffmpeg_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="ffmpeg is not installed"):
        Aac(48)(music(), RATE)
