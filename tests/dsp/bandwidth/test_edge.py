"""Just below a cutoff: steep edges are found to one per cent, and a whole band is not taken for an empty one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.edge import kept_edge_hz, steep_edge_hz

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
