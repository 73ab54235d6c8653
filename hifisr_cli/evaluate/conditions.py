"""What the bench does to full-band recordings before they are restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import resample
from hifisr_cli.degrade.band_limit import BandLimit, apply
from hifisr_cli.degrade.codecs import G711, GSM, Codec, mp3, opus
from hifisr_cli.results import SAMPLE_RATE

_TAPE_EDGE_HZ, _TAPE_HISS_DB = 7_000.0, -50.0
_WOW_HZ, _WOW_DEPTH = 0.6, 0.0015


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
    """The rows beyond plain resampling, from telephone and 16 kHz inputs."""
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
        Condition("tape: 7 kHz, hiss, wow", _TAPE_EDGE_HZ, _tape),
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


def _coded(rate: int, codec: Codec) -> Callable[[Wave], Degraded]:
    return lambda wave: Degraded(codec(resample(wave[None], SAMPLE_RATE, rate)[0], rate), rate, wave)


def _tape(wave: Wave) -> Degraded:
    """A cassette: wow in original and copy alike, a Butterworth band limit, hiss that rises with frequency."""
    place = np.arange(wave.size)
    drift = _WOW_DEPTH * SAMPLE_RATE / (2 * np.pi * _WOW_HZ) * np.sin(2 * np.pi * _WOW_HZ * place / SAMPLE_RATE)
    reference = _at(wave, place + drift)
    narrow = apply(reference, BandLimit("butterworth", _TAPE_EDGE_HZ, order=6).response(reference.size))
    level = float(np.sqrt(np.mean(np.square(reference)))) * 10.0 ** (_TAPE_HISS_DB / 20.0)
    hiss = np.diff(_white(wave.size + 1)) / np.sqrt(2.0)
    return Degraded((narrow + level * hiss).astype(np.float32), SAMPLE_RATE, reference)


def _at(wave: Wave, places: NDArray[np.float64]) -> Wave:
    """The recording at fractional sample places: a windowed sinc of 32 samples."""
    base = np.floor(places).astype(np.int64)
    fraction = places - base
    padded = np.pad(wave.astype(np.float64), 16 + int(_WOW_DEPTH * SAMPLE_RATE))
    out = np.zeros(wave.size)
    for tap in range(-15, 17):
        distance = tap - fraction
        window = np.cos(0.5 * np.pi * distance / 17.0) ** 2
        out += padded[base + tap + 16 + int(_WOW_DEPTH * SAMPLE_RATE)] * np.sinc(distance) * window
    return out.astype(np.float32)


def _white(samples: int) -> NDArray[np.float64]:
    return np.random.default_rng(1).standard_normal(samples)
