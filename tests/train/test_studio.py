"""Studios of training crops."""

from __future__ import annotations

import numpy as np

from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.studio import in_a_studio


def top_db(wave: np.ndarray) -> float:
    """What lies above 23.5 kHz, relative to 15 to 19 kHz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    frequency = np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE)
    below = power[(frequency > 15_000.0) & (frequency < 19_000.0)].mean()
    return float(10.0 * np.log10(power[frequency > 23_500.0].mean() / below))


def test_many_studios_end_below_22_khz_and_then_that_is_known() -> None:
    rng = np.random.default_rng(9)
    noise = 0.01 * rng.standard_normal(SAMPLE_RATE // 2).astype(np.float32)
    studios = [in_a_studio(noise, SAMPLE_RATE / 2, rng) for _ in range(40)]
    assert 15 < sum(known for _, known in studios) < 33
    assert all((top_db(wave) < -30.0) == known for wave, known in studios)


def test_nothing_is_made_up_above_the_bandwidth_of_a_voice() -> None:
    rng = np.random.default_rng(10)
    noise = 0.01 * rng.standard_normal(SAMPLE_RATE // 4).astype(np.float32)
    studios = [in_a_studio(noise, 18_000.0, rng) for _ in range(20)]
    assert not any(known for _, known in studios)
    assert all(top_db(wave) > -30.0 for wave, _ in studios)
