from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, gcd
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hifisr_cli.audio.resample import (
    KAISER_BETA,
    MAX_RATE,
    MIN_RATE,
    NUM_ZEROS,
    RESAMPLER_ID,
    ROLLOFF,
    InterpolatedBank,
    PeriodicBank,
    Resampler,
    design_bank,
    half_filter,
    output_length,
    resample,
)

RATES = (4000, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 88200, 96000, 192000)
PRIME = 44101  # 44101 / 48000 cannot be reduced: too many phases to store


def noise(rate: int, seconds: float, channels: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    length = int(rate * seconds)
    return np.random.default_rng(rate).standard_normal((channels, length)).astype(np.float32) * np.float32(0.1)


def fit_tone(signal: np.ndarray[Any, Any], hz: float, rate: int) -> tuple[float, float]:
    """Level of a tone in dB re amplitude 1, and of everything else re the tone, away from the ends."""
    inner = signal[rate // 8 : -rate // 8].astype(np.float64)
    phase = 2 * np.pi * hz / rate * np.arange(len(inner))
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    amplitudes, *_ = np.linalg.lstsq(basis, inner, rcond=None)
    rest = inner - basis @ amplitudes
    level = 20 * np.log10(np.hypot(*amplitudes))
    return float(level), float(10 * np.log10(np.mean(rest**2) / 0.5)) - float(level)


@pytest.mark.parametrize("rate", [*RATES, 5512, PRIME])
@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.95])
def test_tones_pass_without_images(rate: int, fraction: float) -> None:
    hz = fraction * min(rate, 48000) / 2
    tone = np.sin(2 * np.pi * hz / rate * np.arange(rate))[None]
    level, rest = fit_tone(resample(tone, rate)[0], hz, 48000)
    assert abs(level) < 0.05
    assert rest < -120


@pytest.mark.parametrize("rate", [88200, 96000, 192000, 95999])
def test_content_above_the_output_nyquist_does_not_fold_back(rate: int) -> None:
    tone = np.sin(2 * np.pi * 26000 / rate * np.arange(rate))[None]
    out = resample(tone, rate)[0, 4800:-4800]
    assert 20 * np.log10(np.abs(out).max()) < -100


@pytest.mark.parametrize("rate", [*RATES, 48000, PRIME])
@given(n=st.integers(min_value=0, max_value=3000))
@settings(max_examples=15, deadline=None)
def test_length_is_rounded_ties_up(rate: int, n: int) -> None:
    expected = floor(Fraction(n * 48000, rate) + Fraction(1, 2))
    assert output_length(n, rate) == expected
    assert resample(np.zeros((1, n)), rate).shape == (1, expected)


def test_length_of_ties_and_of_days() -> None:
    assert output_length(1, 96000) == 1
    assert output_length(3, 96000) == 2
    assert output_length(10**12 + 1, 96000) == (10**12 + 2) // 2


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000, 88200, 48000, PRIME])
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_identical_for_every_chunking(rate: int, data: st.DataObject) -> None:
    audio = noise(rate, 0.7, channels=2)
    cuts = data.draw(st.lists(st.integers(0, audio.shape[1]), max_size=12).map(sorted))
    resampler = Resampler(rate, channels=2)
    edges = [0, *cuts, audio.shape[1]]
    parts = [resampler.push(audio[:, a:b]) for a, b in pairwise(edges)]
    joined = np.concatenate([*parts, resampler.finish()], axis=1)
    np.testing.assert_array_equal(joined, resample(audio, rate))


def test_single_sample_pushes() -> None:
    audio = noise(16000, 0.05)
    resampler = Resampler(16000)
    parts = [resampler.push(audio[:, i : i + 1]) for i in range(audio.shape[1])]
    np.testing.assert_array_equal(np.concatenate([*parts, resampler.finish()], axis=1), resample(audio, 16000))


def test_what_comes_later_does_not_change_what_came_before() -> None:
    audio = noise(11025, 1.0)
    longer = np.concatenate([audio, np.zeros((1, 20000), np.float32)], axis=1)
    short = resample(audio, 11025)
    np.testing.assert_array_equal(short, resample(longer, 11025)[:, : short.shape[1]])


@pytest.mark.parametrize("rate", [16000, 44100, 192000, PRIME])
def test_every_channel_is_treated_alike(rate: int) -> None:
    mono = noise(rate, 0.3)
    other = np.random.default_rng(1).standard_normal(mono.shape).astype(np.float32)
    together = resample(np.concatenate([mono, other, mono]), rate)
    np.testing.assert_array_equal(together[0], together[2])
    np.testing.assert_array_equal(together[:1], resample(mono, rate))


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 88200, 96000, 192000])
def test_agrees_with_resampy(rate: int) -> None:
    import resampy

    table_step = max(rate, 48000) // gcd(rate, 48000)
    zero_crossing = half_filter(NUM_ZEROS * table_step, ROLLOFF / table_step) * table_step

    def same_filter(**_: object) -> tuple[np.ndarray[Any, Any], int, float]:
        return zero_crossing, table_step, ROLLOFF

    audio = noise(rate, 0.5).astype(np.float64)
    oracle = resampy.resample(audio, rate, 48000, filter=same_filter)
    ours = resample(audio, rate)
    length = min(oracle.shape[1], ours.shape[1])
    np.testing.assert_allclose(ours[:, :length], oracle[:, :length], atol=2e-7)


def test_the_design_does_not_load_numba() -> None:
    code = "import sys; from hifisr_cli.audio.resample import Resampler; Resampler(8000); print('numba' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "False"


def test_a_scaled_table_is_resampys_own_where_both_exist() -> None:
    from resampy.filters import sinc_window

    table, per_zero, _ = sinc_window(
        num_zeros=NUM_ZEROS, precision=5, window=lambda n: np.kaiser(n, KAISER_BETA), rolloff=ROLLOFF
    )
    np.testing.assert_allclose(half_filter(NUM_ZEROS * per_zero, ROLLOFF / per_zero) * per_zero, table, atol=1e-14)


@pytest.mark.parametrize("rate", [*RATES, PRIME])
def test_an_impulse_stays_at_its_time(rate: int) -> None:
    audio = np.zeros((1, rate), np.float32)
    period = rate // gcd(rate, 48000)
    at = ceil(rate // 3 / period) * period if period < rate // 2 else 0  # where an output falls on an input exactly
    if at == 0:
        at = rate // 2
    audio[0, at] = 1
    out = resample(audio, rate)[0].astype(np.float64)
    centre = np.sum(np.arange(len(out)) * out**2) / np.sum(out**2)
    assert abs(centre - at * 48000 / rate) < 0.02
    if (at * 48000) % rate == 0:
        middle = at * 48000 // rate
        side = 400
        left, right = out[middle - side : middle][::-1], out[middle + 1 : middle + 1 + side]
        np.testing.assert_allclose(left, right, atol=1e-7)


def test_an_awkward_rate_agrees_with_the_exact_bank() -> None:
    audio = noise(44100, 0.3)[0].astype(np.float64)
    exact, interpolated = PeriodicBank(147, 160), InterpolatedBank(147, 160)
    outputs = min(exact.outputs, interpolated.outputs)
    padded = np.concatenate([np.zeros(400), audio])

    def first(bank: PeriodicBank | InterpolatedBank) -> np.ndarray[Any, Any]:
        start, end = bank.span(0)
        return bank.apply(0, padded[400 + start : 400 + end])[:outputs]

    np.testing.assert_allclose(first(exact), first(interpolated), atol=1e-7)


def test_awkward_rates_stay_small() -> None:
    for rate in (1009, 767_999):
        assert isinstance(design_bank(rate, 48000), InterpolatedBank)
        assert resample(np.ones((1, 500)), rate).shape == (1, output_length(500, rate))
    assert isinstance(design_bank(MIN_RATE, 48000), PeriodicBank)
    assert isinstance(design_bank(MAX_RATE, 48000), PeriodicBank)


def test_other_output_rates() -> None:
    tone = np.sin(2 * np.pi * 3000 / 48000 * np.arange(48000))[None]
    level, rest = fit_tone(resample(tone, 48000, 8000)[0], 3000, 8000)
    assert abs(level) < 0.05
    assert rest < -120


def test_equal_rates_are_the_identity() -> None:
    audio = noise(48000, 0.1, channels=3)
    np.testing.assert_array_equal(resample(audio, 48000), audio)


def test_wrong_arguments_are_refused() -> None:
    for rate in (0, 999, 768_001):
        with pytest.raises(ValueError, match="sample rate"):
            Resampler(rate)
    with pytest.raises(ValueError, match="channel"):
        Resampler(8000, channels=0)
    with pytest.raises(ValueError, match="expected a block"):
        Resampler(8000, channels=2).push(np.zeros((1, 10)))
    with pytest.raises(ValueError, match="expected audio"):
        resample(np.zeros(10), 8000)
    resampler = Resampler(8000)
    resampler.finish()
    with pytest.raises(ValueError, match="finished"):
        resampler.push(np.zeros((1, 1)))
    with pytest.raises(ValueError, match="finished"):
        resampler.finish()


def test_the_identifier_names_the_filter() -> None:
    assert f"zeros={NUM_ZEROS}" in RESAMPLER_ID
    assert f"rolloff={ROLLOFF}" in RESAMPLER_ID
