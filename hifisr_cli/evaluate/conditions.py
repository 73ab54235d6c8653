"""What the bench does to full-band recordings before they are restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import resample
from hifisr_cli.degrade.band_limit import BandLimit
from hifisr_cli.degrade.codecs import G711, GSM, MPEG1_RATES, Aac, Codec, has_ffmpeg, mp3, opus, vorbis
from hifisr_cli.degrade.media import Medium
from hifisr_cli.degrade.speed import Wobble
from hifisr_cli.results import SAMPLE_RATE

_TAPE = Medium(
    BandLimit("butterworth", 7_000.0, order=6), wobbles=(Wobble(0.6, 0.0015),), noise_db=-50.0, noise_slope_db=6.0
)
_DISC = Medium(
    BandLimit("butterworth", 5_000.0, order=4),
    low_hz=120.0,
    wobbles=(Wobble(1.3, 0.002),),
    noise_db=-30.0,
    noise_slope_db=-1.0,
    clicks=10.0,
)
_AM = Medium(BandLimit("butterworth", 4_500.0, order=8), low_hz=80.0, noise_db=-40.0, limits_noise=True)
_FM = Medium(BandLimit("resample", 15_000.0, softness=0.05), noise_db=-60.0, limits_noise=True)
_CODED_EDGE_HZ = 16_400.0  # `kept_up_to` of three recordings of music: between 16.4 and 16.8 kHz, for all three codecs


@dataclass(frozen=True, slots=True)
class Degraded:
    """What is to be restored, and what it is compared with.

    Attributes:
        wave: [T] at `rate`.
        rate: Hz.
        reference: [T] at 48 kHz; not always the recording itself (a restorer of bandwidth need not undo wow).
    """

    wave: Wave
    rate: int
    reference: Wave


@dataclass(frozen=True, slots=True)
class Condition:
    """A row of the table.

    Attributes:
        name: as printed.
        cutoff_hz: the true upper edge of what is left.
        degrade: full-band recording [T] at 48 kHz -> what is to be restored.
        detect: find the cutoff, as users do; else it is given.
        replace: put the input back below the cutoff, as `upsample` does; else the network's output is scored as it is.
    """

    name: str
    cutoff_hz: float
    degrade: Callable[[Wave], Degraded]
    detect: bool = True
    replace: bool = True


def input_rates(rates: Iterable[int], *, detect: bool = True) -> list[Condition]:
    """Resampled to a lower rate and nothing else: one row a rate."""
    return [Condition(f"{rate} Hz", rate / 2, _resampled(rate), detect) for rate in rates]


def robustness() -> list[Condition]:
    """The rows beyond plain resampling, from telephone and 16 kHz inputs, media and codecs of music.

    AAC is among them where ffmpeg is installed.
    """
    return [
        Condition("8000 Hz, cutoff given", 4_000.0, _resampled(8_000), detect=False),
        Condition("8000 Hz, without low-band replacement", 4_000.0, _resampled(8_000), replace=False),
        Condition("16000 Hz, noise at 30 dB SNR", 8_000.0, _noisy(16_000, 30.0)),
        Condition("16000 Hz, noise at 20 dB SNR", 8_000.0, _noisy(16_000, 20.0)),
        Condition("16000 Hz, MP3 at 64 kbit/s", 8_000.0, _coded(16_000, mp3(64))),
        Condition("16000 Hz, MP3 at 32 kbit/s", 8_000.0, _coded(16_000, mp3(32))),
        Condition("16000 Hz, Opus at 12 kbit/s", 8_000.0, _coded(16_000, opus(12))),
        Condition("8000 Hz, G.711", 4_000.0, _coded(8_000, G711)),
        Condition("8000 Hz, GSM 06.10", 4_000.0, _coded(8_000, GSM)),
        Condition("tape: 7 kHz, hiss, wow", 7_000.0, _carried(_TAPE)),
        Condition("78 rpm: 5 kHz, surface noise, clicks, wow", 5_000.0, _carried(_DISC)),
        Condition("AM: 4.5 kHz, noise", 4_500.0, _carried(_AM)),
        Condition("FM: 15 kHz, noise", 15_000.0, _carried(_FM)),
        Condition("44100 Hz, MP3 at 64 kbit/s", _CODED_EDGE_HZ, _coded(44_100, mp3(64, MPEG1_RATES))),
        Condition("44100 Hz, Vorbis at 64 kbit/s", _CODED_EDGE_HZ, _coded(44_100, vorbis(64))),
        *([Condition("44100 Hz, AAC at 48 kbit/s", _CODED_EDGE_HZ, _coded(44_100, Aac(48)))] if has_ffmpeg() else []),
    ]


def _resampled(rate: int) -> Callable[[Wave], Degraded]:
    return lambda wave: Degraded(resample(wave[None], SAMPLE_RATE, rate)[0], rate, wave)


def _noisy(rate: int, snr_db: float) -> Callable[[Wave], Degraded]:
    """White noise below the recording's mean power; the reference stays clean."""

    def degrade(wave: Wave) -> Degraded:
        narrow = resample(wave[None], SAMPLE_RATE, rate)[0]
        level = float(np.sqrt(np.mean(np.square(narrow)))) * 10.0 ** (-snr_db / 20.0)
        return Degraded((narrow + level * _white(narrow.size)).astype(np.float32), rate, wave)

    return degrade


def _coded(rate: int, codec: Codec | Aac) -> Callable[[Wave], Degraded]:
    return lambda wave: Degraded(codec(resample(wave[None], SAMPLE_RATE, rate)[0], rate), rate, wave)


def _carried(medium: Medium) -> Callable[[Wave], Degraded]:
    """On a medium, always with the same noise; the reference has its noise and its speed, too."""

    def degrade(wave: Wave) -> Degraded:
        carried = medium(wave, np.random.default_rng(1))
        return Degraded(carried.wave, SAMPLE_RATE, carried.original)

    return degrade


def _white(samples: int) -> NDArray[np.float64]:
    return np.random.default_rng(1).standard_normal(samples)
