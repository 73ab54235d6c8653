"""What is measured on a restored recording and its original."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from hifisr_cli.arrays import Wave
from hifisr_cli.dsp.metrics.level_error import level_errors
from hifisr_cli.dsp.metrics.lsd import lsd
from hifisr_cli.dsp.metrics.rhythm import rhythm
from hifisr_cli.dsp.metrics.texture import texture_ratio
from hifisr_cli.errors import UsageError
from hifisr_cli.results import SAMPLE_RATE

Visqol = Callable[[Wave, Wave], float | None]
"""Reference [T], estimate [T] at 48 kHz -> MOS-LQO, None for clips that are too short."""

_SHORTEST_FOR_VISQOL = SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Measures:
    """How near an estimate comes to its reference.

    Attributes:
        lsd, lsd_low, lsd_high: log-spectral distance over all bins, below the cutoff and from it up.
        texture_ratio: roughness of the band above the cutoff over the reference's; 1 is faithful.
        rhythm: whether what is above the cutoff beats in time with the voice: 1 does, 0 as noise does.
        snr_db: energy of the reference over that of the difference of the waveforms (as in TFNet, Lim et al. 2018).
        level_errors_db: how far levels from 16 kHz up are off, see `dsp.metrics.level_error`.
        visqol: MOS-LQO of ViSQOL in audio mode, where it was asked for.
    """

    lsd: float
    lsd_low: float
    lsd_high: float
    texture_ratio: float | None
    rhythm: float | None
    snr_db: float
    level_errors_db: tuple[float | None, ...]
    visqol: float | None


def measure(estimate: Wave, reference: Wave, cutoff_hz: float, visqol: Visqol | None = None) -> Measures:
    """Measures two recordings [T] at 48 kHz over their common length (longer than 1024 samples)."""
    length = min(estimate.size, reference.size)
    estimate, reference = estimate[:length], reference[:length]
    pair = torch.from_numpy(estimate), torch.from_numpy(reference)
    distance = lsd(*pair, cutoff_hz)
    return Measures(
        distance.full,
        distance.low,
        distance.high,
        texture_ratio(*pair, cutoff_hz),
        rhythm(*pair, cutoff_hz),
        snr_db(estimate, reference),
        level_errors(*pair),
        None if visqol is None else visqol(reference, estimate),
    )


def snr_db(estimate: Wave, reference: Wave) -> float:
    """Signal-to-noise ratio of the waveform in dB: [T], [T]; inf where they are equal."""
    error = float(np.sum(np.square(reference.astype(np.float64) - estimate)))
    energy = float(np.sum(np.square(reference, dtype=np.float64)))
    if error == 0.0:
        return math.inf
    return 10.0 * math.log10(energy / error) if energy > 0.0 else -math.inf


def load_visqol() -> Visqol:
    """ViSQOL in audio mode (Chinen et al. 2020) of the package visqol-python.

    Raises:
        UsageError: it is not installed.
    """
    try:
        from visqol import VisqolApi
    except ImportError as error:
        raise UsageError("ViSQOL is not installed", hint="pip install 'hifisr[visqol]'") from error
    api = VisqolApi()
    api.create(mode="audio")

    def score(reference: Wave, estimate: Wave) -> float | None:
        if reference.size < _SHORTEST_FOR_VISQOL:
            return None
        return float(
            api.measure_from_arrays(reference.astype(np.float64), estimate.astype(np.float64), SAMPLE_RATE).moslqo
        )

    return score
