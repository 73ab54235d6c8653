"""What a cutoff rests on: recordings made to have an edge, a shelf, or noise in its place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import bandwidth_of
from hifisr_cli.dsp.bandwidth.reason import drop_db, evidence
from hifisr_cli.results import Bandwidth

RATE = 48_000


def babble(rng: np.random.Generator, cutoff: float | None = None, seconds: float = 5.0) -> np.ndarray:
    """Noise in syllables, falling by 6 dB an octave, cut off steeply."""
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * RATE)))
    frequency = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    spectrum /= 1 + frequency / 800
    if cutoff is not None:
        spectrum[frequency > cutoff] = 0
    levels = rng.choice([-60.0, -30.0, -10.0, 0.0], round(seconds * 10) + 1)
    envelope = 10 ** (np.interp(np.arange(round(seconds * RATE)) / RATE * 10, np.arange(len(levels)), levels) / 20)
    sound = np.fft.irfft(spectrum) * envelope
    return np.asarray(0.1 * sound / sound.std())


def levels_of(sound: np.ndarray) -> BandLevels:
    levels = BandLevels(RATE)
    levels.push(sound.astype(np.float32)[None])
    return levels


@pytest.mark.parametrize("cutoff", [4000, 8000, 12_000])
def test_a_steep_edge_is_an_edge_or_the_shelf_of_a_lossy_codec(cutoff: int, rng: np.random.Generator) -> None:
    levels = levels_of(babble(rng, cutoff) + 1e-5 * rng.standard_normal(5 * RATE))
    found = bandwidth_of(levels)
    assert found.source == "edge"
    assert evidence(levels, found, lossy=False) == "edge"
    assert evidence(levels, found, lossy=True) == "codec-shelf"
    assert (drop_db(levels, found.cutoff_hz) or 0.0) > 30


def test_an_edge_in_audible_noise_is_still_an_edge(rng: np.random.Generator) -> None:
    levels = levels_of(babble(rng, 4000) + 1e-3 * rng.standard_normal(5 * RATE))
    assert evidence(levels, bandwidth_of(levels), lossy=False) == "edge"


def test_content_that_sinks_into_noise_has_no_edge(rng: np.random.Generator) -> None:
    """A gentle slope that meets loud noise: a cutoff put where it vanishes is read from the noise."""
    slope = signal.sosfilt(signal.butter(1, 500, fs=RATE, output="sos"), babble(rng))
    levels = levels_of(slope + 3e-3 * rng.standard_normal(5 * RATE))
    gone = next(f for f in range(2000, 20_000, 250) if (drop_db(levels, f) or 0.0) < 3)
    assert evidence(levels, Bandwidth(gone, 0.4, "edge"), lossy=False) == "noise-floor"
    assert evidence(levels, Bandwidth(gone, 0.4, "edge"), lossy=True) == "noise-floor"


def test_other_sources_are_what_they_are(rng: np.random.Generator) -> None:
    levels = levels_of(babble(rng))
    for source in ("nyquist", "full-band", "silence", "given"):
        assert evidence(levels, Bandwidth(24_000.0, 1.0, source), lossy=True) == source
    assert drop_db(levels, 24_000.0) is None
    assert drop_db(BandLevels(RATE), 4000.0) is None
    assert evidence(levels, Bandwidth(23_990.0, 1.0, "edge"), lossy=False) == "edge"
