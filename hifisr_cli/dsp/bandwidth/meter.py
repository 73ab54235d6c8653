"""The upper edge of a recording's real content is measured here, and not assumed."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import COMPRESSION, BandLevels
from hifisr_cli.dsp.bandwidth.classifier import CUTOFFS_HZ, FULL_BAND_HZ, Verdict, judge, open_from_hz
from hifisr_cli.dsp.bandwidth.content import separate
from hifisr_cli.dsp.bandwidth.features import features
from hifisr_cli.dsp.bandwidth.images import image_in
from hifisr_cli.dsp.bandwidth.templates import Evidence, weigh
from hifisr_cli.results import KEPT_FRACTION, LEAST_CROSSOVER_HZ, Bandwidth

__all__ = ["FULL_BAND_HZ", "bandwidth_of", "blend", "decide"]

# What counts as the right cutoff, as a hit in `benchmarks/cutoff_detection.py`.
_TOLERANCE = 0.08  # of the cutoff
_TOLERANCE_HZ = 300.0  # or this, where it is more
_LOOSEST = 0.2  # of the cutoff, which that may never exceed (here only: by hand, not measured)
# How the cutoff is read from the probabilities, chosen by hand against that benchmark (commits fdf8ecb and 9801793).
# In brackets: hits in % with the value halved / doubled, of the 990 cases of that benchmark with `--files 5`,
# of which 82.9 % were hits as it was, before the classifier had learnt music.
_AS_GOOD = 0.97  # of the best probability: the answer is the middle of the cells that have it [0.94: 82.2, 0.985: 82.2]
_NEIGHBOURS = 4  # cells to either side, at most, that it is the middle of: 8 %, the tolerance [82.9 / 82.9]
_HIGHEST_HZ = 24_000.0  # the Nyquist frequency of the output
_NETWORK_WEIGHT = 0.85  # of the logarithm of the classifier's probability
_TEMPLATES_WEIGHT = 0.15  # of that of the templates [82.1 / 83.0, the other weight making up for it]
_DOUBT = 1e-3  # no template is quite impossible [82.7 / 82.9]
_SURE = 0.97  # confidence of the classifier that asks no templates, which cost more [0.94: 82.5, 0.985: 82.9]
_POSSIBLE = 1e-4  # cutoffs less likely than this to the classifier are not tried with the templates, [82.9 / 82.9]
_ASIDE = 1.05  # but for those within this ratio of one that is [1.025: 82.9, 1.1: 82.6]
# A cutoff taken too low gets treble that was not missing, one too high leaves a gap: the first must be likelier.
# In brackets: hits of these 990 cases and of 1584 of eight other recordings, and how many of the 266 full-band cases
# of `benchmarks/cutoff_music.py` were called band-limited.
_CAUTION = 1.25  # times as likely as content up to Nyquist [821, 1318, 23; 1.0: 821, 1323, 28; 1.5: 820, 1315, 21]
# Hits were counted before the cutoff leant low, and are not what counts since (`benchmarks/cutoff_harm.py`).
# LSD of 136 low-passed recordings whose cutoff was not sure (below 0.8), less that with the likeliest cutoff, and the
# largest of the differences.
_LOW = 0.1  # probability of a lower cutoff still [-0.045, +0.12; 0.2: -0.033, +0.12; 0.3: -0.021; the true one: -0.023]
_NEAR = (
    np.abs(CUTOFFS_HZ[None] - CUTOFFS_HZ[:, None])
    <= np.maximum(_TOLERANCE * CUTOFFS_HZ, np.minimum(_TOLERANCE_HZ, _LOOSEST * CUTOFFS_HZ))[:, None]
)
# The last tenth below a cutoff is looked at in the finest spectrum, for steep edges and for what can be kept. Chosen on
# the 73 validation recordings with `hifisr evaluate` (commits cb42521 and 2deff5e): together with
# the caution above they took the LSD of compact-6 from 0.829 to 0.820 from 16 kHz (model card).
# In brackets: hits of `benchmarks/cutoff_detection.py --files 5` as above, of which 82.9 % were hits.
_WHOLE_FRACTION = 0.98  # of the cutoff: 0.94 for all left a hole that MP3 encoders had made, 0.96 kept less
_REFERENCE_FRACTION = 0.84  # of the cutoff: levels are relative to those up to 0.9 of it [0.68: 82.8, 0.87: 82.9]
_SMOOTHING = 0.01  # of the cutoff: the width of the mean that is taken over bins [82.9 / 82.9]
_FALLEN_DB = 8.0  # a band that is this much lower somewhere is not whole
_EDGE_DB = 20.0  # a steep edge stands where the level has fallen by so much [82.2 / 83.1]
_EMPTY_DB = 25.0  # and where beyond it all is lower by so much [82.9 / 83.1]
_BELOW_IMAGE = (0.85, 0.92, 1.0)  # of the cutoff that an image betrays: the tenth below each is searched for an edge
_STEEP = 0.03  # of the edge: within this the level has to fall to that; natural slopes need more [82.8 / 83.1]


def bandwidth_of(levels: BandLevels) -> Bandwidth:
    """Returns the cutoff of what was heard; it may be asked for at any time.

    The cutoff is the nominal one of the low-pass (-3 dB for Butterworth and Bessel, the edge for steep ones). A small
    network, trained on simulated recordings, gives its probability from how every band rises and falls, alone and
    together with the others. Where it is unsure, the templates of `templates.py`, which know some filters exactly,
    give another, and the two are blended. Where that is unsure, too, it is as low as it may well be (`decide`). A steep
    edge just below what was found is the cutoff. The level does not matter. The confidence is the probability that the
    cutoff lies within 8 % or 300 Hz of the one given; `benchmarks/cutoff_detection.py` prints how often each level of
    confidence was right.

    Sources: "edge", "images" (content ends at the cutoff, above it stands its mirror image: `images.py`), "nyquist"
    (content up to the file's own Nyquist frequency, which is then the cutoff), "full-band" (content up to 17.5 kHz or
    more; the cutoff is then Nyquist, at most 24 kHz), "silence".
    """
    nyquist = levels.sample_rate / 2
    if levels.frames == 0:
        return Bandwidth(nyquist, 1.0, "silence")
    image = image_in(levels.mirrored, levels.sample_rate)
    if image is not None:
        return Bandwidth(_edge_below_image_hz(levels, image.cutoff_hz), _SURE, "images")
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

    Between a cutoff and content up to Nyquist it leans to the latter. Where the cutoff may well be lower, it is said to
    be: what is told an engine too low costs little, since content is kept; too high, it leaves a gap.
    """
    mass = _NEAR @ verdict.cutoffs
    best = int(np.argmax(mass))
    if _CAUTION * verdict.complete >= mass[best]:
        return min(nyquist, _HIGHEST_HZ), min(1.0, verdict.complete)
    # neighbours are often as good: the middle of them
    as_good = (mass >= _AS_GOOD * mass[best]) & (np.abs(np.arange(len(mass)) - best) <= _NEIGHBOURS)
    cutoff = float(np.exp(np.log(CUTOFFS_HZ[as_good]).mean()))
    low = int(np.searchsorted(np.cumsum(verdict.cutoffs), _LOW))
    if low < len(mass) and CUTOFFS_HZ[low] < (1.0 - _TOLERANCE) * cutoff:
        best, cutoff = low, float(CUTOFFS_HZ[low])
    return min(cutoff, 0.999 * open_from_hz(nyquist)), float(min(1.0, mass[best]))


def steep_edge_hz(levels: BandLevels, cutoff_hz: float) -> float:
    """Returns the cutoff in Hz, moved to a steep edge between 0.9 of it and itself if there is one.

    Encoders and converters often empty the band just below the cutoff that their format has: by 25 dB within 3 %.
    """
    place, level = _near(levels, cutoff_hz)
    fallen = np.flatnonzero(level < -_EDGE_DB)
    if not len(fallen):
        return cutoff_hz
    edge = float(place[fallen[0]])
    beyond = level[place >= (1 + _STEEP) * edge]
    return edge if len(beyond) and beyond.max() < -_EMPTY_DB else cutoff_hz


def _edge_below_image_hz(levels: BandLevels, cutoff_hz: float) -> float:
    """Returns the steep edge that content has below this already, as calls end at 3.4 kHz and not at 4; or this."""
    for highest in (share * cutoff_hz for share in _BELOW_IMAGE):
        edge = steep_edge_hz(levels, highest)
        if edge < highest:
            return edge
    return cutoff_hz


def kept_edge_hz(levels: BandLevels, cutoff_hz: float) -> float:
    """Returns where the crossover to what is generated may begin, in Hz.

    That is 0.98 of the cutoff, but at least 60 Hz below it, where the mean spectrum is as high up to there as below 0.9
    of it, and else 0.9 of it.
    """
    lowest, inside = KEPT_FRACTION * cutoff_hz, _inside(levels, cutoff_hz)
    whole = len(inside) > 0 and inside.min() > -_FALLEN_DB
    return max(_whole_up_to_hz(cutoff_hz), lowest) if whole else lowest


def fallen_db(levels: BandLevels, cutoff_hz: float) -> tuple[FloatArray, FloatArray]:
    """Returns places in Hz from 0.9 of the cutoff up to it, and by how many dB the mean spectrum has fallen there.

    Both are empty where it is whole up to the crossover (`kept_edge_hz`), or there is too little to see.
    """
    if _inside(levels, cutoff_hz).min(initial=0.0) > -_FALLEN_DB:
        return np.zeros(0), np.zeros(0)
    place, level = _near(levels, cutoff_hz)
    return place, np.maximum.accumulate(np.maximum(-level, 0.0))


def _whole_up_to_hz(cutoff_hz: float) -> float:
    """Up to where a recording is whole that reaches its cutoff."""
    return min(_WHOLE_FRACTION * cutoff_hz, cutoff_hz - LEAST_CROSSOVER_HZ)


def _inside(levels: BandLevels, cutoff_hz: float) -> FloatArray:
    """The smoothed spectrum from 0.9 of the cutoff to where a whole recording would reach, see `_near`."""
    place, level = _near(levels, cutoff_hz)
    return level[place <= _whole_up_to_hz(cutoff_hz)]


def _near(levels: BandLevels, cutoff_hz: float) -> tuple[FloatArray, FloatArray]:
    """Returns places in Hz from 0.9 of the cutoff up to it, and the smoothed spectrum there in dB over that below.

    Both are empty where there is too little to see.
    """
    bin_hz = levels.sample_rate / levels.window
    wide = max(round(_SMOOTHING * cutoff_hz / bin_hz), 1)
    reference, first, last = (round(share * cutoff_hz / bin_hz) for share in (_REFERENCE_FRACTION, KEPT_FRACTION, 1.0))
    below = levels.spectrum[reference:first]
    near = levels.spectrum[first - wide // 2 : last + 1 + wide // 2]
    if not below.any() or len(near) < 2 * wide:
        return np.zeros(0), np.zeros(0)
    smooth = np.convolve(near, np.full(wide, 1.0 / wide), "valid")
    place = (first - wide // 2 + (wide - 1) / 2 + np.arange(len(smooth))) * bin_hz
    return place, 10 / COMPRESSION * np.log10(smooth / below.mean() + 1e-30)
