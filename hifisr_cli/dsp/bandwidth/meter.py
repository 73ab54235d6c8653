"""The upper edge of a recording's real content is measured here, and not assumed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.classifier import CUTOFFS_HZ, FULL_BAND_HZ, Verdict, judge, open_from_hz
from hifisr_cli.dsp.bandwidth.content import separate
from hifisr_cli.dsp.bandwidth.edge import steep_edge_hz
from hifisr_cli.dsp.bandwidth.features import features
from hifisr_cli.dsp.bandwidth.templates import Evidence, weigh
from hifisr_cli.results import Bandwidth

__all__ = ["FULL_BAND_HZ", "BandwidthMeter", "blend", "decide"]

# What counts as the right cutoff, as a hit in `benchmarks/cutoff_detection.py`.
_TOLERANCE = 0.08  # of the cutoff
_TOLERANCE_HZ = 300.0  # or this, where it is more
_LOOSEST = 0.2  # of the cutoff, which that may never exceed (here only: by hand, not measured)
# How the cutoff is read from the probabilities, chosen by hand against that benchmark (commits fdf8ecb and 9801793).
# In brackets: hits in % with the value halved / doubled, of the 990 cases of that benchmark with `--files 5`,
# of which 82.9 % are hits as it is.
_AS_GOOD = 0.97  # of the best probability: the answer is the middle of the cells that have it [0.94: 82.2, 0.985: 82.2]
_NEIGHBOURS = 4  # cells to either side, at most, that it is the middle of: 8 %, the tolerance [82.9 / 82.9]
_HIGHEST_HZ = 24_000.0  # the Nyquist frequency of the output
_NETWORK_WEIGHT = 0.85  # of the logarithm of the classifier's probability
_TEMPLATES_WEIGHT = 0.15  # of that of the templates [82.1 / 83.0, the other weight making up for it]
_DOUBT = 1e-3  # no template is quite impossible [82.7 / 82.9]
_SURE = 0.97  # confidence of the classifier that asks no templates, which cost more [0.94: 82.5, 0.985: 82.9]
_POSSIBLE = 1e-4  # cutoffs less likely than this to the classifier are not tried with the templates, [82.9 / 82.9]
_ASIDE = 1.05  # but for those within this ratio of one that is [1.025: 82.9, 1.1: 82.6]
# A cutoff taken too low replaces real content, one too high leaves a gap: the first must be likelier, more so in doubt.
_CAUTION = 1.5  # times as likely as content up to Nyquist [83.0 / 82.5]
_CAUTION_IN_DOUBT = 3.0  # the same where no cutoff is likelier than _DOUBTFUL (commit 2deff5e) [83.1 / 82.6]
_DOUBTFUL = 0.5  # the confidence up to which a cutoff is in doubt [83.1 / 82.5]
_NEAR = (
    np.abs(CUTOFFS_HZ[None] - CUTOFFS_HZ[:, None])
    <= np.maximum(_TOLERANCE * CUTOFFS_HZ, np.minimum(_TOLERANCE_HZ, _LOOSEST * CUTOFFS_HZ))[:, None]
)


class BandwidthMeter:
    """Measures the cutoff of a recording that passes by in blocks, at its own sample rate.

    The cutoff is the nominal one of the low-pass (-3 dB for Butterworth and Bessel, the edge for steep ones). A small
    network, trained on simulated recordings, gives its probability from how every band rises and falls, alone and
    together with the others. Where it is unsure, the templates of `templates.py`, which know some filters exactly,
    give another, and the two are blended. A steep edge just below what was found is the cutoff. Memory is
    constant, the result depends neither on the blocks nor on the level. The confidence is the probability that the
    cutoff lies within 8 % or 300 Hz of the one given; `benchmarks/cutoff_detection.py` prints how often each level of
    confidence was right.

    Sources: "edge", "nyquist" (content up to the file's own Nyquist frequency, which is then the cutoff), "full-band"
    (content up to 17.5 kHz or more; the cutoff is then Nyquist, at most 24 kHz), "silence".

    Args:
        sample_rate: Hz.

    Raises:
        ValueError: the rate is not positive, or a block is not [C, T].
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._levels = BandLevels(sample_rate)

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Takes a block [C, T]."""
        self._levels.push(block)

    @property
    def levels(self) -> BandLevels:
        """Returns what the cutoff is read from."""
        return self._levels.finished()

    def result(self) -> Bandwidth:
        """Returns the measured cutoff; it may be asked for at any time."""
        levels = self._levels.finished()
        nyquist = self.sample_rate / 2
        if levels.frames == 0:
            return Bandwidth(nyquist, 1.0, "silence")
        verdict = judge(features(levels), nyquist)
        cutoff, confidence = decide(verdict, nyquist)
        if confidence < _SURE:
            possible = CUTOFFS_HZ[verdict.cutoffs > _POSSIBLE]
            low, high = float(possible.min()) / _ASIDE, float(possible.max()) * _ASIDE
            verdict = blend(verdict, weigh(separate(levels), 2 * nyquist, low, high), nyquist)
            cutoff, confidence = decide(verdict, nyquist)
        edge = steep_edge_hz(levels, cutoff)
        if edge < open_from_hz(nyquist):
            return Bandwidth(edge, confidence, "edge")
        return Bandwidth(cutoff, confidence, "full-band" if cutoff >= FULL_BAND_HZ else "nyquist")


def blend(verdict: Verdict, evidence: Evidence, nyquist: float) -> Verdict:
    """Returns the weighted geometric mean of the network's distribution and the templates', blurred by 2 %."""
    top = open_from_hz(nyquist)
    weight = np.exp(evidence.log_posterior - evidence.log_posterior.max())
    weight /= weight.sum()
    below = evidence.cutoffs_hz < top
    nearest = np.searchsorted(np.sqrt(CUTOFFS_HZ[:-1] * CUTOFFS_HZ[1:]), evidence.cutoffs_hz[below])
    cells = np.bincount(nearest, weight[below], len(CUTOFFS_HZ))
    kernel = np.exp(-0.5 * np.arange(-4, 5) ** 2)
    templates = np.convolve(cells, kernel / kernel.sum(), "same")
    possible = (1 - _DOUBT) * np.append(templates, weight[~below].sum()) + _DOUBT * np.append(
        np.full(len(CUTOFFS_HZ), 1 / len(CUTOFFS_HZ)), 1.0
    )
    network = np.append(verdict.cutoffs, verdict.complete)
    blended = (network + 1e-12) ** _NETWORK_WEIGHT * possible**_TEMPLATES_WEIGHT * (network > 0)
    blended /= blended.sum()
    return Verdict(blended[:-1], float(blended[-1]))


def decide(verdict: Verdict, nyquist: float) -> tuple[float, float]:
    """Returns the cutoff in Hz with the most probability within the tolerance, and that probability.

    Between a cutoff and content up to Nyquist it leans to the latter, by which nothing of the recording can be lost.
    """
    mass = _NEAR @ verdict.cutoffs
    best = int(np.argmax(mass))
    caution = _CAUTION if mass[best] > _DOUBTFUL else _CAUTION_IN_DOUBT
    if caution * verdict.complete >= mass[best]:
        return min(nyquist, _HIGHEST_HZ), min(1.0, verdict.complete)
    # neighbours are often as good: the middle of them
    as_good = (mass >= _AS_GOOD * mass[best]) & (np.abs(np.arange(len(mass)) - best) <= _NEIGHBOURS)
    cutoff = float(np.exp(np.log(CUTOFFS_HZ[as_good]).mean()))
    return min(cutoff, 0.999 * open_from_hz(nyquist)), float(min(1.0, mass[best]))
