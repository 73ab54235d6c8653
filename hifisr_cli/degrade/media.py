"""Discs, tapes, broadcasts and low sample rates, as archives of music hold them; their ranges were chosen by hand.

Training and the bench share them, so that both speak of the same degradations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hifisr_cli.arrays import FloatArray, Wave
from hifisr_cli.degrade.band_limit import BandLimit, Response, apply
from hifisr_cli.degrade.speed import Wobble, unsteady
from hifisr_cli.results import SAMPLE_RATE

_NOISE_FROM_HZ = 50.0  # below, noise has the level that it has here; chosen by hand
_CLICK_SECONDS = 0.00005  # in which a click falls to a third: flat up to 3 kHz; chosen by hand


@dataclass(frozen=True, slots=True, eq=False)
class Narrowed:
    """What a medium made of a recording.

    Attributes:
        wave: [T], what is to be restored.
        original: [T], the same without the band limits: at the medium's speed, and with its noise, which goes on above
            the cutoff. A restorer of bandwidth takes away neither.
        cutoff_hz: the upper edge of what is left.
    """

    wave: Wave
    original: Wave
    cutoff_hz: float


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium at one setting.

    Attributes:
        limit: its upper edge.
        low_hz: its lower edge, -3 dB of a Butterworth high-pass of order 2; 0 for none.
        wobbles: wow and flutter.
        noise_db: the power of its noise relative to that of the recording; None for none.
        noise_slope_db: by which the noise rises an octave.
        clicks: a second, on average.
        clicks_db: their mean peak relative to the RMS of the recording.
        limits_noise: the noise goes through the band limit, too, as a receiver's does; else it lies over it.
    """

    limit: BandLimit
    low_hz: float = 0.0
    wobbles: tuple[Wobble, ...] = ()
    noise_db: float | None = None
    noise_slope_db: float = 0.0
    clicks: float = 0.0
    clicks_db: float = 0.0
    limits_noise: bool = False

    def __call__(self, wave: Wave, rng: np.random.Generator) -> Narrowed:
        """A full-band recording [T] at 48 kHz on this medium."""
        programme = unsteady(wave, self.wobbles)
        if self.low_hz > 0.0:
            programme = apply(programme, _high_pass(programme.size, self.low_hz))
        noise = self._noise(programme, rng)
        original = programme + noise
        response = self.limit.response(wave.size)
        narrow = apply(original, response) if self.limits_noise else apply(programme, response) + noise
        return Narrowed(narrow, original, self.limit.cutoff_hz)

    def _noise(self, programme: Wave, rng: np.random.Generator) -> Wave:
        noise = np.zeros(programme.size, np.float32)
        level = float(np.sqrt(np.mean(np.square(programme))))
        if self.noise_db is not None:
            hiss = coloured_noise(programme.size, self.noise_slope_db, rng)
            noise += np.float32(level * 10.0 ** (self.noise_db / 20.0)) * hiss
        if self.clicks > 0.0:
            noise += np.float32(level * 10.0 ** (self.clicks_db / 20.0)) * clicks(programme.size, self.clicks, rng)
        return noise


def coloured_noise(samples: int, slope_db: float, rng: np.random.Generator) -> Wave:
    """Noise of unit power that rises by so many dB an octave from 50 Hz to 24 kHz: [T]."""
    octaves = np.log2(np.clip(np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE), _NOISE_FROM_HZ, None))
    gain: FloatArray = 10.0 ** (slope_db * (octaves - octaves.max()) / 20.0)
    gain /= np.sqrt(np.mean(np.square(gain)))
    return apply(rng.standard_normal(samples).astype(np.float32), np.asarray(gain, np.complex128))


def clicks(samples: int, each_second: float, rng: np.random.Generator) -> Wave:
    """Clicks at random places, whose peaks are exponential with mean 1, of either sign: [T]."""
    count = int(rng.poisson(each_second * samples / SAMPLE_RATE))
    train = np.zeros(samples, np.float32)
    train[rng.integers(samples, size=count)] = rng.exponential(size=count) * rng.choice([-1.0, 1.0], count)
    fall = np.exp(-1.0 / (_CLICK_SECONDS * SAMPLE_RATE))  # from one sample to the next
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(samples))
    return apply(train, np.asarray(1.0 / (1.0 - fall * turn), np.complex128))


def _high_pass(samples: int, low_hz: float) -> Response:
    """Butterworth of order 2: the low-pass with the frequency axis turned over."""
    frequency = np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE)
    s = 1j * frequency / low_hz
    return np.asarray(s**2 / (s**2 + np.sqrt(2.0) * s + 1.0), np.complex128)


def shellac(rng: np.random.Generator) -> Medium:
    """A 78-rpm disc: horn or early microphone, the disc's own noise up to the top, clicks, and wow once a turn."""
    return Medium(
        _analogue(rng.uniform(3_000.0, 8_000.0), rng),
        low_hz=rng.uniform(70.0, 250.0),
        wobbles=(_wobble(78.26 / 60.0, 0.004, rng),),
        noise_db=rng.uniform(-45.0, -24.0),
        noise_slope_db=rng.uniform(-3.0, 1.0),
        clicks=float(np.exp(rng.uniform(np.log(1.0), np.log(60.0)))),
        clicks_db=rng.uniform(-10.0, 15.0),
    )


def tape(rng: np.random.Generator) -> Medium:
    """A tape of any speed: hiss that rises with frequency, wow of the reels, flutter of the capstan."""
    return Medium(
        _analogue(rng.uniform(6_000.0, 15_000.0), rng),
        low_hz=rng.uniform(20.0, 60.0),
        wobbles=(_wobble(rng.uniform(0.4, 2.0), 0.002, rng), _wobble(rng.uniform(5.0, 15.0), 0.001, rng)),
        noise_db=rng.uniform(-60.0, -35.0),
        noise_slope_db=rng.uniform(0.0, 6.0),
    )


def am(rng: np.random.Generator) -> Medium:
    """AM broadcast: half a channel of 9 or 10 kHz and what receivers leave of it, noise in the same band."""
    limit = _analogue(rng.uniform(3_000.0, 5_000.0), rng)
    noise_db = rng.uniform(-50.0, -28.0)
    return Medium(limit, low_hz=rng.uniform(50.0, 120.0), noise_db=noise_db, limits_noise=True)


def fm(rng: np.random.Generator) -> Medium:
    """FM broadcast: 15 kHz, below the pilot tone, by a steep filter; noise in the same band."""
    cutoff, softness = rng.uniform(14_500.0, 15_800.0), rng.uniform(0.02, 0.08)
    return Medium(
        BandLimit("resample", cutoff, softness=softness), noise_db=rng.uniform(-70.0, -45.0), limits_noise=True
    )


def sampled(rng: np.random.Generator) -> Medium:
    """Sampled at 22.05, 32 or 44.1 kHz, by converters that lose from nothing to a tenth below Nyquist."""
    nyquist = float(rng.choice([22_050.0, 32_000.0, 44_100.0])) / 2.0
    limit = BandLimit("resample", nyquist * rng.uniform(0.9, 1.0), softness=rng.uniform(0.02, 0.12))
    return Medium(limit)


MEDIA: dict[str, Callable[[np.random.Generator], Medium]] = {
    "shellac": shellac,
    "tape": tape,
    "am": am,
    "fm": fm,
    "sampled": sampled,
}
"""Every medium by name; each call draws another setting."""


def _analogue(cutoff_hz: float, rng: np.random.Generator) -> BandLimit:
    """An edge as amplifiers, heads and cutters have it: from gentle to steep."""
    limit = BandLimit("butterworth", cutoff_hz, order=int(rng.integers(2, 9)))
    return replace(limit, family="gaussian") if rng.random() < 0.25 else limit


def _wobble(rate_hz: float, most: float, rng: np.random.Generator) -> Wobble:
    return Wobble(rate_hz, most * rng.uniform(0.1, 1.0), rng.random())
