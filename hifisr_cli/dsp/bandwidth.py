"""The upper edge of a recording's real content, measured and not assumed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hifisr_cli.dsp.bandwidth_bands import BandLevels
from hifisr_cli.dsp.bandwidth_content import Content, separate
from hifisr_cli.dsp.bandwidth_evidence import weigh
from hifisr_cli.results import Bandwidth

FULL_BAND_HZ = 17_500.0
"""Content up to here leaves nothing worth restoring in speech."""
NYQUIST_SHARE = 0.95
"""The share of its Nyquist frequency that a recording is good for: the resampler's passband ends there."""

_TOLERANCE, _TOLERANCE_HZ = 0.08, 300.0


class BandwidthMeter:
    """Measures the cutoff of a recording that passes by in blocks, at its own sample rate.

    The cutoff is the nominal one of the low-pass (-3 dB for Butterworth and Bessel, the edge for steep ones) that
    explains best which bands rise and fall with the sound, and how its background fades. Memory is constant and the
    result does not depend on the blocks. The confidence is the posterior probability that the cutoff lies within 8 %
    or 300 Hz of the one given, under the models of `bandwidth_evidence`; those are simpler than the world, so it is
    too sure of itself: `benchmarks/cutoff_detection.py` prints how often each level of confidence was right.

    Sources: "edge", "nyquist" (content up to the file's own Nyquist frequency), "full-band" (content up to 17.5 kHz
    or more; the cutoff is then Nyquist, at most 24 kHz), "silence".

    Args:
        sample_rate: Hz.

    Raises:
        ValueError: the rate is not positive, or a block is not [C, T].
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._levels = BandLevels(sample_rate)

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Take a block [C, T]."""
        self._levels.push(block)

    def result(self) -> Bandwidth:
        """The measured cutoff; may be asked for at any time."""
        levels = self._levels.finished()
        nyquist = self.sample_rate / 2
        if levels.frames == 0:
            return Bandwidth(nyquist, 1.0, "silence")
        return judge(separate(levels), nyquist)


def judge(content: Content, nyquist: float) -> Bandwidth:
    """Read the cutoff off band levels."""
    evidence = weigh(content, 2 * nyquist)
    open_top = min(nyquist, 24_000.0)
    cutoffs = np.minimum(evidence.cutoffs_hz, open_top)
    weight = np.exp(evidence.log_posterior - evidence.log_posterior.max())
    weight /= weight.sum()
    # the value with the most probability within the tolerance, then the mean of that neighbourhood
    candidates = np.unique(cutoffs)
    near = (
        np.abs(cutoffs[None] - candidates[:, None])
        <= np.maximum(_TOLERANCE * candidates, np.minimum(_TOLERANCE_HZ, 0.15 * candidates))[:, None]
    )
    mass = near @ weight
    best = int(np.argmax(mass))
    cutoff = float(np.exp((near[best] * weight) @ np.log(cutoffs) / mass[best]))
    confidence = float(min(1.0, mass[best]))
    wide = cutoffs >= min(FULL_BAND_HZ, open_top)
    full = float(weight[wide].sum())
    if open_top >= FULL_BAND_HZ and (cutoff >= FULL_BAND_HZ or full > 0.5):
        return Bandwidth(open_top, max(full, confidence), "full-band")
    if cutoff >= 0.93 * nyquist:
        return Bandwidth(NYQUIST_SHARE * nyquist, confidence, "nyquist")
    return Bandwidth(cutoff, confidence, "edge")
