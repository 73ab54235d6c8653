"""Templates of low-passes, and a Gaussian process for the sound, tell which filter explains the band levels best.

The level of band k is   y_k = g + m(f_k) + e(f_k) + A(f_k; cutoff, family), where g is the gain, m the mean spectrum of
loud speech, e a Gaussian process over log-frequency (voices, microphones and rooms differ, smoothly) and A the
attenuation by a filter. Where y sinks to the floor (added noise, quantisation, a codec's holes) nothing is seen; what
then counts is whether the hypothesis would have let something be seen there.

The attenuation curves are powers |H|^2 in closed form, averaged over bands, for a thousand hypotheses at once.
`degrade.band_limit`, which has to filter, holds complex responses with their phase; the tests compare the families that
both have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.content import Content

Single = npt.NDArray[np.float32]

DEEPEST_DB = -120.0  # below every floor that is met: nothing follows from what lies deeper
_POINTS = 12  # a band's mean is taken over this many frequencies

# Chosen by hand against `benchmarks/cutoff_detection.py` (commits 3049a65 and dce8f71).
# In brackets: hits in % with the value halved / doubled, of the 990 cases of that benchmark with `--files 5`,
# of which 82.9 % were hits as it was, before the classifier had learnt music.
_LOWEST_DB = -105.0  # below what the voice would have there: deeper, nothing counts as seen [81.6 / 82.9]
_FLOOR_MARGIN_DB = 3.0  # above the emptiest bands, which show what was added after the low-pass [82.9 / 82.8]
_ADDED_LATER = -1.0  # log odds (natural) that all of the background was added after the low-pass [82.9 / 82.9]
_STEADY_WEIGHT = 25.0  # log odds by which the background may outweigh the sound, at most [82.9 / 82.9]
_HIDDEN_WEIGHT = 0.35  # of a band in which nothing is seen: neighbours are not independent [82.8 / 82.7]
_HIDDEN_COST = 12.0  # the most, in log odds, that all such bands together may count [82.9 / 82.9]
_NO_FILTER_ODDS = 0.3  # of "no low-pass" against all cutoffs together, before anything is seen [82.9 / 82.9]
_TAIL_DB = 60.0  # beyond its depth a family lets any level in this range be as likely as another [82.8 / 82.7]
_OVER_DB = 5.0  # standard deviation by which such a level may exceed what passed the filter [82.7 / 82.7]
_FINEST_STEP = 2 ** (1 / 36)  # ratio of two neighbouring cutoffs: the cells of the classifier
_LOWEST_CUTOFF_HZ = 800.0  # below there is too little left of a voice to restore the rest from [82.9 / 83.0]


def butterworth(order: int) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 over frequency / cutoff: -3 dB at the cutoff, 6 dB an octave and order after it."""
    return lambda ratio: 1 / (1 + ratio ** (2 * order))


def bessel(order: int) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 of a Bessel filter over frequency / its -3 dB frequency, from the reverse Bessel polynomial."""
    coefficients = [1.0]  # ascending powers of s: a_k = (2n - k)! / (2^(n - k) k! (n - k)!), from a_n = 1 downwards
    for k in range(order, 0, -1):
        coefficients.append(coefficients[-1] * (2 * order - k + 1) * k / (2 * (order - k + 1)))
    polynomial = np.polynomial.Polynomial(coefficients[::-1])

    def gain(ratio: FloatArray) -> FloatArray:
        return np.asarray(coefficients[-1] ** 2 / np.abs(polynomial(1j * ratio)) ** 2)

    low, high = 0.1, 10.0 * order
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if gain(np.array(middle)) > 0.5 else (low, middle)
    half = low
    return lambda ratio: gain(ratio * half)


def brick_wall(ratio: FloatArray) -> FloatArray:
    """Returns |H|^2: all up to the cutoff, nothing above."""
    return np.asarray(ratio <= 1, dtype=np.float64)


def chebyshev(order: int, ripple_db: float) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 of a Chebyshev I filter over frequency / its ripple band's edge."""
    epsilon = 10 ** (ripple_db / 10) - 1

    def gain(ratio: FloatArray) -> FloatArray:
        inside = np.cos(order * np.arccos(np.minimum(ratio, 1)))
        outside = np.cosh(order * np.arccosh(np.maximum(ratio, 1)))
        return np.asarray(1 / (1 + epsilon * np.where(ratio <= 1, inside, outside) ** 2))

    return gain


def resampler(centre: float, width: float) -> Callable[[FloatArray], FloatArray]:
    """Returns |H|^2 of a linear-phase low-pass over frequency / low Nyquist: -6 dB at `centre`, softly falling."""

    def gain(ratio: FloatArray) -> FloatArray:
        x = np.clip((ratio - centre) / width, -6.0, 6.0)
        # a tail of the normal distribution, by the usual logistic with a cubic term
        return 1 / (1 + np.exp(2.257 * x + 0.2 * x**3)) ** 2

    return gain


@dataclass(frozen=True)
class Family:
    """Describes a kind of low-pass: its |H|^2 over frequency / cutoff, and how deep (dB) its attenuation follows that.

    `weight` is its share of the prior. `digital` filters come from the bilinear transform, which squeezes all
    frequencies below Nyquist.
    """

    gain: Callable[[FloatArray], FloatArray]
    depth_db: float
    weight: float = 1.0
    digital: bool = True


@lru_cache(maxsize=1)
def families() -> dict[str, Family]:
    """Returns the kinds that `benchmarks/cutoff_detection.py` and old recordings hold, by name.

    Depths and weights were chosen by hand when the detector was made (commit dce8f71); the weights count only where the
    classifier is unsure.
    """
    return {
        "brick": Family(brick_wall, 30.0, 6.0, digital=False),
        "resampler": Family(resampler(1.0, 0.1), 35.0, 2.0, digital=False),
        "resampler-early": Family(resampler(0.94, 0.03), 35.0, 4.0, digital=False),
        "chebyshev8": Family(chebyshev(8, 0.5), 70.0),
        "butterworth12": Family(butterworth(12), 70.0, 0.5),
        "butterworth10": Family(butterworth(10), 70.0, 0.5),
        "butterworth8": Family(butterworth(8), 70.0, 2.0),
        "butterworth6": Family(butterworth(6), 70.0),
        "butterworth5": Family(butterworth(5), 70.0, 0.5),
        "butterworth4": Family(butterworth(4), 70.0),
        "bessel8": Family(bessel(8), 70.0, 2.0),
        "bessel6": Family(bessel(6), 70.0, 0.5),
        "bessel4": Family(bessel(4), 70.0, 0.5),
        "bessel8-analogue": Family(bessel(8), 70.0, 0.5, digital=False),
        "butterworth8-analogue": Family(butterworth(8), 70.0, 0.5, digital=False),
    }


def attenuation_db(family: Family, cutoffs_hz: FloatArray, edges_hz: FloatArray, sample_rate: float) -> FloatArray:
    """Returns the attenuation [H, K] in dB (at most 0, at least -120) of K bands by low-passes at H cutoffs."""
    steps = (np.arange(_POINTS) + 0.5) / _POINTS
    inside = edges_hz[:-1, None] + np.diff(edges_hz)[:, None] * steps  # [K, points]
    if family.digital:
        scale = np.pi / sample_rate
        warped = np.tan(scale * np.minimum(cutoffs_hz, 0.4995 * sample_rate))
        ratio = np.tan(scale * inside)[None] / warped[:, None, None]
    else:
        ratio = inside[None] / cutoffs_hz[:, None, None]
    gain = family.gain(ratio)
    return np.asarray(np.maximum(10 * np.log10(gain.mean(axis=2) + 1e-30), DEEPEST_DB))


@dataclass(frozen=True)
class Sound:
    """Describes what spectra a kind of sound has: a mean over frequency, and how single recordings depart from it.

    Departures are a Gaussian process over octaves: `fine` (exponential covariance), `broad` (squared exponential), a
    slope, and any gain. Each is a standard deviation in dB, with a length in octaves.
    """

    mean_hz: tuple[float, ...]
    mean_db: tuple[float, ...]
    fine: tuple[float, float]
    broad: tuple[float, float]
    slope_db: float
    nugget_db: float

    def prior(self, centres_hz: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns mean [K] and covariance [K, K] at these frequencies in Hz."""
        octaves = np.log2(centres_hz)
        distance = np.abs(octaves[:, None] - octaves[None])
        away = octaves - np.log2(2000.0)
        covariance = (
            self.fine[0] ** 2 * np.exp(-distance / self.fine[1])
            + self.broad[0] ** 2 * np.exp(-0.5 * (distance / self.broad[1]) ** 2)
            + self.slope_db**2 * away[:, None] * away[None]
            + _GAIN_DB**2
        )
        return np.interp(octaves, np.log2(self.mean_hz), self.mean_db), covariance


_GAIN_DB = 40.0  # standard deviation of the gain: as good as any [82.6 / 82.8]
# From 200 recordings of 30 speakers.
SPEECH = Sound(
    (250.0, 743.0, 1146.0, 1950.0, 3000.0, 4000.0, 5600.0, 7100.0, 9000.0, 11300.0, 14200.0, 17900.0, 24000.0),
    (2.0, 0.6, -4.4, -11.2, -15.2, -17.0, -21.0, -21.0, -23.7, -26.9, -33.0, -41.5, -51.5),
    fine=(4.4, 0.35),
    broad=(5.0, 1.8),
    slope_db=0.0,
    nugget_db=1.0,
)
# The background of a microphone and its room: smooth, and it went through the same low-pass. By hand, as is the next.
HISS = Sound(
    (250.0, 743.0, 1500.0, 3000.0, 4500.0, 24000.0),
    (18.0, 8.0, 3.0, 0.5, 0.0, 3.0),
    fine=(1.6, 0.5),
    broad=(3.0, 1.5),
    slope_db=1.5,
    nugget_db=0.7,
)
# Other backgrounds: reverberation, a crowd, what a codec leaves of a pause.
MURMUR = Sound(SPEECH.mean_hz, SPEECH.mean_db, fine=(5.0, 0.3), broad=(6.0, 2.0), slope_db=2.0, nugget_db=1.5)


@dataclass(frozen=True)
class Evidence:
    """Holds the log posterior (natural, up to a constant) of H hypotheses, and what each takes from K bands, [H, K].

    A cutoff is infinite for "no low-pass".
    """

    cutoffs_hz: FloatArray
    log_posterior: FloatArray
    attenuation_db: Single


@dataclass(frozen=True)
class _Hypotheses:
    cutoffs_hz: FloatArray
    attenuation_db: Single
    depth_db: Single
    log_prior: FloatArray

    def within(self, low_hz: float, high_hz: float) -> _Hypotheses:
        """Returns those with a cutoff in this range, and "no low-pass"."""
        rows = np.flatnonzero((self.cutoffs_hz >= low_hz) & (self.cutoffs_hz <= high_hz) | np.isinf(self.cutoffs_hz))
        return _Hypotheses(self.cutoffs_hz[rows], self.attenuation_db[rows], self.depth_db[rows], self.log_prior[rows])


@lru_cache(maxsize=8)
def _hypotheses(edges: tuple[float, ...], sample_rate: float) -> _Hypotheses:
    edges_hz = np.array(edges)
    top = edges_hz[-1]
    lowest = min(_LOWEST_CUTOFF_HZ, top / 3)
    cutoffs = lowest * _FINEST_STEP ** np.arange(int(np.log(top / lowest) / np.log(_FINEST_STEP)) + 1)
    count, kinds = len(cutoffs), families().values()
    tables = [attenuation_db(family, cutoffs, edges_hz, sample_rate) for family in kinds]
    nothing = np.zeros((1, len(edges_hz) - 1))
    depth = np.append(np.repeat([family.depth_db for family in kinds], count), np.inf)
    total = sum(family.weight for family in kinds)
    return _Hypotheses(
        np.append(np.tile(cutoffs, len(kinds)), np.inf),
        np.concatenate([*tables, nothing]).astype(np.float32),
        depth.astype(np.float32),
        # even over log-frequency within a family
        np.append(
            np.repeat([np.log(family.weight / total / count) for family in kinds], count),
            np.log(_NO_FILTER_ODDS),
        ),
    )


def low_passes(edges_hz: FloatArray, sample_rate: float, low_hz: float, high_hz: float) -> Single:
    """Returns the attenuation in dB [H, K] of bands by every low-pass with a cutoff in a range, and by none."""
    return _hypotheses(tuple(edges_hz.tolist()), sample_rate).within(low_hz, high_hz).attenuation_db


def weigh(content: Content, sample_rate: float, low_hz: float = 0.0, high_hz: float = np.inf) -> Evidence:
    """Scores every hypothesis with a cutoff in a range on the content and the background; it costs by their number."""
    hypotheses = _hypotheses(tuple(content.edges_hz.tolist()), sample_rate).within(low_hz, high_hz)
    centres = content.centres_hz
    log_posterior = _explain(content.level_db, content.limit_db, centres, SPEECH, hypotheses) + hypotheses.log_prior
    if content.lively and content.steady_db.max() > -150.0:
        # a tenth of the bands, the emptiest, shows what was added after the low-pass (dither, the file's own noise)
        empty = np.sort(content.steady_db)[: max(2, len(centres) // 10)].mean()
        floor = np.maximum(np.full(len(centres), empty + _FLOOR_MARGIN_DB), -150.0)
        kinds = [_explain(content.steady_db, floor, centres, sound, hypotheses) for sound in (HISS, MURMUR)]
        steady = np.logaddexp(kinds[0], kinds[1])
        # or all of it was added after the low-pass, whichever that was; and no background outweighs the sound
        added = max(float(steady[-1]) + _ADDED_LATER, float(steady.max()) - _STEADY_WEIGHT)
        log_posterior += np.logaddexp(steady, added)
    return Evidence(hypotheses.cutoffs_hz, log_posterior, hypotheses.attenuation_db)


def _explain(y: FloatArray, limit: FloatArray, centres: FloatArray, sound: Sound, hyp: _Hypotheses) -> FloatArray:
    """Returns the log likelihood [H] of levels `y` [K], seen where above `limit` [K], behind each low-pass."""
    mean, covariance = sound.prior(centres)
    attenuation = hyp.attenuation_db
    low = centres < max(1200.0, centres[min(3, len(centres) - 1)])
    floor = np.maximum(limit, float(np.median((y - mean)[low])) + _LOWEST_DB)
    visible = y > floor
    if not visible.any():
        return np.zeros(len(attenuation))
    noise = np.hypot(sound.nugget_db, 4.34 * 10 ** ((limit - y) / 10) / 6)

    seen, hidden = np.flatnonzero(visible), np.flatnonzero(~visible)
    # Down to the depth that a family vouches for the tail counts as level, below it as "anything less".
    deepest = -hyp.depth_db[:, None]
    deep = np.logical_or.accumulate(attenuation[:, seen] < deepest, axis=1)
    root = np.linalg.cholesky(covariance[np.ix_(seen, seen)] + np.diag(noise[seen] ** 2))
    whitener = np.linalg.inv(root)
    # From here on a thousand hypotheses at once, in single precision.
    white = _single((y - mean)[seen]) - attenuation[:, seen]  # [H, seen]
    white = white @ _single(whitener.T)  # in order of frequency: each given those below it
    white[deep] = 0.0
    normaliser = _single(np.log(np.sqrt(2 * np.pi) * np.diag(root)))
    density = np.where(deep, -_single(np.log(_TAIL_DB)), -0.5 * white**2 - normaliser)
    # what the bands in view say of the others
    predicted = _single(mean) + white @ _single(whitener @ covariance[seen]) + np.maximum(attenuation, deepest)
    over = np.where(deep, np.maximum(_single(y[seen]) - predicted[:, seen], 0.0), 0.0)
    log_likelihood = np.sum(density - (0.5 / _OVER_DB**2) * over**2, axis=1)
    if len(hidden):
        cross = covariance[np.ix_(hidden, seen)] @ whitener.T
        variance = np.diag(covariance)[hidden] - np.sum(cross**2, axis=1)
        excess = (_single(floor[hidden]) - predicted[:, hidden]) * _single(1.0 / np.sqrt(variance + 1.0))
        unseen = np.where(attenuation[:, hidden] < deepest, 0.0, _log_normal_cdf(_single(excess)))
        log_likelihood += np.maximum(_HIDDEN_WEIGHT * np.sum(unseen, axis=1), -_HIDDEN_COST)
    return np.asarray(log_likelihood, np.float64)


def _single(values: FloatArray | float) -> Single:
    return np.asarray(values, np.float32)


def _log_normal_cdf(x: Single) -> Single:
    """Logarithm of the standard normal distribution function, to a few per cent: logistic, and Mills' ratio below."""
    clipped = np.clip(x, -30.0, 8.0)
    middle = -np.log1p(np.exp(-1.702 * clipped))
    mills = -0.5 * clipped**2 - np.log(np.sqrt(2 * np.pi) * np.maximum(-clipped, 1.0))
    return np.asarray(np.where(clipped < -2.5, mills, middle), np.float32)
