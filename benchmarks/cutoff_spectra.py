"""Simulated cases made of power spectrograms: forty times cheaper than through audio, and as true but for codecs.

A low-pass, an equaliser and a room multiply the power of every frame and bin; noise adds to it, with the cross-terms
that it has with the sound. So a bank of spectrograms, taken once with the window of `BandLevels`, gives as many cases
as wanted. What changes the waveform itself (codecs, rate converters, clipping) is left to `cutoff_cases`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from cutoff_cases import LOW_RATES, OPEN, Rng, anything_lost, chance, log_uniform, low_pass
from cutoff_sounds import RATE, instrument, natural_sound
from scipy import signal

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.frames import band_edges

Frames = npt.NDArray[np.float32]

WINDOW, HOP, BINS = 2048, 1024, 1025
TAPS = 8192
ENERGY = np.float32(WINDOW * 3 / 8)  # of the Hann window
KNOTS_HZ = 125 * 2.0 ** np.arange(8)
SIXTEEN_BITS_DB, EIGHT_BITS_DB = -101.1, -53.0  # of their rounding noise
SHARES = {"clean": 0.4, "coded": 0.15, "recorded": 0.2, "synthetic": 0.17, "instrument": 0.08}
"""Of the cases: voices that no codec has touched, others, and music and effects of three origins."""
SOUNDS = ("recorded", "synthetic", "instrument")


@dataclass(frozen=True)
class Recording:
    """A training recording's power spectrogram in dB [N, BINS], rate and bandwidth in Hz, and whose voice it is.

    `group` is one of SHARES.
    """

    power_db: npt.NDArray[np.float16]
    rate: int
    bandwidth: float
    group: str
    speaker: str


@dataclass(frozen=True)
class SpectralCase:
    """Band densities [N, K] as `BandLevels` has them at this rate, and the upper edge of the content in Hz."""

    density: npt.NDArray[np.float64]
    rate: int
    truth: float
    kind: str
    speaker: str


@dataclass(frozen=True)
class Bank:
    """What cases are made of: recordings, low-passes (dB [M, BINS] at 48 kHz, their cutoffs and kinds), and noise.

    Noise is its power and its real part [N, BINS], of unit density.
    """

    recordings: list[Recording]
    passes_db: npt.NDArray[np.float16]
    cutoffs: npt.NDArray[np.float64]
    kinds: tuple[str, ...]
    noise: Frames
    noise_real: Frames


def spectrogram(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
    """[T] to [N, BINS], as `BandLevels` takes it at 44.1 and 48 kHz."""
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)).astype(np.float32)
    return np.asarray(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP] * taper), np.complex64)


def power_db(spectrum: npt.NDArray[np.complex64]) -> npt.NDArray[np.float16]:
    """In dB, of a complex spectrogram."""
    return np.asarray(10 * np.log10(np.square(np.abs(spectrum)) + 1e-14), np.float16)


def recorded(known: list[tuple[Path, float, str]], *, sounds: bool) -> Iterator[Recording]:
    """Training recordings (path, bandwidth in Hz, speaker), of voices or of other sounds."""
    for path, bandwidth, speaker in known:
        audio, rate = soundfile.read(path, dtype="float32")
        if len(audio) >= WINDOW:
            clean = any(name in str(path) for name in ("vctk-", "sdap"))
            group = "recorded" if sounds else "clean" if clean else "coded"
            yield Recording(power_db(spectrogram(audio)), rate, bandwidth, group, speaker)


def made_sounds(synthetic: int, instruments: int) -> Iterator[Recording]:
    """Sounds of `cutoff_sounds`, so many of each kind."""
    for group, count, make in (("synthetic", synthetic, natural_sound), ("instrument", instruments, instrument)):
        for seed in range(count):
            audio = np.asarray(make(seed), np.float32)
            yield Recording(power_db(spectrogram(audio)), RATE, RATE / 2, group, group)


def make_bank(recordings: list[Recording], passes: int) -> Bank:
    """From recordings and as many low-passes as wanted."""
    rng = np.random.default_rng(18)
    rows, cutoffs, kinds = [], [], []
    impulse = np.zeros(TAPS)
    impulse[TAPS // 2] = 1.0
    leak = _leakage()
    for _ in range(passes):
        cutoff = log_uniform(rng, 1000, 20_000)
        response, kind = low_pass(impulse, 48_000, cutoff, rng)
        power = np.square(np.abs(np.fft.rfft(response, TAPS)))
        power = np.convolve(np.pad(power, 8, "edge"), np.ones(5) / 5, "same")[8 : -8 : TAPS // WINDOW]
        spread = np.convolve(np.pad(power, len(leak) // 2, "edge"), leak, "valid")
        # the window's main lobe is in the recordings already; only its tails past a steep edge are missing
        power = np.where(power < 0.01 * spread, np.maximum(power, spread), power)
        rows.append(np.asarray(10 * np.log10(power + 1e-16), np.float16))
        cutoffs.append(cutoff)
        kinds.append(kind)
    noise = spectrogram(rng.standard_normal(WINDOW + 3999 * HOP).astype(np.float32)) / np.sqrt(ENERGY)
    return Bank(
        recordings, np.array(rows), np.array(cutoffs), tuple(kinds), np.square(np.abs(noise)), noise.real.copy()
    )


def _leakage() -> npt.NDArray[np.float64]:
    """Mean power that a tone leaves at whole numbers of bins from itself, wherever between two bins it lies."""
    fine = np.square(np.abs(np.fft.rfft(np.hanning(WINDOW + 1)[:-1], 16 * WINDOW)))
    away = np.array([fine[np.abs(np.arange(-8, 8) + 16 * k)].mean() for k in range(65)])
    both = np.concatenate([away[:0:-1], away])
    return np.asarray(both / both.sum())


class Simulator:
    """Draws cases from a bank."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.groups = {name: [r for r in bank.recordings if r.group == name] for name in SHARES}
        self.weights: dict[tuple[int, int], Frames] = {}

    def draw(self, rng: Rng) -> SpectralCase:
        """One case."""
        name = rng.choice(list(SHARES), p=list(SHARES.values()))
        group, sound = self.groups[name], name in SOUNDS
        source = group[rng.integers(len(group))]
        rate, bandwidth = source.rate, source.bandwidth
        if chance(rng, 0.3):  # read as if it were of the other rate
            other = 44_100 if rate == 48_000 else 48_000
            bandwidth, rate = bandwidth * other / rate, other
        count = max(12, round(log_uniform(rng, 1.5, 8) * rate / HOP))
        level_db = self._stretch(source, count, rng)
        lift = np.zeros(BINS)
        if chance(rng, 0.7):  # played faster or slower
            speed = 2 ** rng.uniform(-0.22, 0.22)
            index = np.arange(BINS) / speed
            level_db = level_db[:, np.minimum(np.round(index), BINS - 1).astype(int)]
            lift[index > BINS - 1] = -150.0
            bandwidth *= speed
        if chance(rng, 0.45):
            lift += _curve(rng, rate, 1.5, log_uniform(rng, 0.3, 2.5))
        if sound and chance(rng, 0.3):
            lift += _dark(rng, rate)
        power = np.exp((level_db + lift.astype(np.float32)) * np.float32(np.log(10) / 10)) / ENERGY
        if chance(rng, 0.15):
            power = _in_a_room(power, rate, rng)
        power *= np.float32(10 ** (rng.uniform(-40, -13) / 10) / (power.mean() + 1e-20))
        if chance(rng, 0.5):
            shape = _curve(rng, rate, 4.0, log_uniform(rng, 0.3, 3)) if chance(rng, 0.8) else None
            power = self.with_noise(power, rng.uniform(-95, -50), shape, rng)
        truth, kind, before = min(bandwidth, rate / 2), "none", power
        if chance(rng, 0.55 if sound else 0.88):
            row = rng.integers(len(self.bank.cutoffs))
            kind, truth = self.bank.kinds[row], min(truth, self.bank.cutoffs[row] * rate / 48_000)
            power = power * 10 ** (self.bank.passes_db[row].astype(np.float32) / 10)
        taken_at = rate
        if chance(rng, 0.2):
            rate = int(rng.choice(LOW_RATES))
            power, truth = _resampled(power, taken_at, rate, rng), min(truth, rate / 2)
        if chance(rng, 0.3):
            power = power + _hum(float(power.mean()), taken_at, rng)
        power = self._noise_of_the_file(power, taken_at, rng)
        bands, edges_hz, top = self.bands(taken_at, rate), band_edges(rate), OPEN * rate / 2
        density = power @ bands
        if sound and not anything_lost(loud(before @ bands, edges_hz, top), loud(density, edges_hz, top)):
            truth = min(bandwidth, rate / 2)
        return SpectralCase(np.asarray(density, np.float64), rate, truth, kind, source.speaker)

    def _stretch(self, source: Recording, count: int, rng: Rng) -> Frames:
        parts: list[Frames] = []
        while not parts or (sum(map(len, parts)) < count and chance(rng, 0.5)):
            wanted = min(count - sum(map(len, parts)), len(source.power_db))
            start = rng.integers(len(source.power_db) - wanted + 1)
            parts.append(source.power_db[start : start + wanted].astype(np.float32))
        return np.concatenate(parts)

    def with_noise(self, power: Frames, level_db: float, shape_db: npt.NDArray[np.float64] | None, rng: Rng) -> Frames:
        """Adds noise of this level in dBFS, white or of this shape."""
        shape = np.ones(BINS) if shape_db is None else 10 ** (shape_db / 10)
        density = (10 ** (level_db / 10) * shape / shape.mean()).astype(np.float32)
        start = rng.integers(len(self.bank.noise) - len(power))
        rows = slice(start, start + len(power))
        crossing = 2 * np.sqrt(power * density) * self.bank.noise_real[rows]
        return np.asarray(np.maximum(power + crossing + density * self.bank.noise[rows], 0.0), np.float32)

    def _noise_of_the_file(self, power: Frames, rate: int, rng: Rng) -> Frames:
        draw = rng.random()
        if draw < 0.33:
            shape = None if chance(rng, 0.7) else _curve(rng, rate, 3.0, log_uniform(rng, 0.3, 3))
            power = self.with_noise(power, rng.uniform(-56, -44), shape, rng)
        elif draw < 0.5:
            shape = None if chance(rng, 0.5) else _curve(rng, rate, 4.0, log_uniform(rng, 0.3, 3))
            power = self.with_noise(power, rng.uniform(-95, -56), shape, rng)
        bits = rng.random()
        if bits < 0.6:
            return self.with_noise(power, SIXTEEN_BITS_DB if bits < 0.55 else EIGHT_BITS_DB, None, rng)
        return power + np.float32(1e-16)

    def bands(self, taken_at: int, rate: int) -> Frames:
        """[BINS, K] mean over the bands of a file of `rate`, of bins that were taken at another."""
        if (taken_at, rate) not in self.weights:
            edges, width = band_edges(rate), taken_at / WINDOW
            bins = np.arange(BINS)[:, None] * width
            overlap = np.minimum(bins + width / 2, edges[None, 1:]) - np.maximum(bins - width / 2, edges[None, :-1])
            overlap = np.maximum(overlap, 0.0)
            self.weights[taken_at, rate] = np.asarray(overlap / overlap.sum(axis=0), np.float32)
        return self.weights[taken_at, rate]


def loud(density: Frames, edges_hz: npt.NDArray[np.float64], top: float) -> npt.NDArray[np.float64]:
    """The density [K] of loud moments, of frames [N, K], in the bands that lie below a frequency in Hz."""
    return np.asarray(np.quantile(density[:, edges_hz[1:] < top], 0.97, axis=0), np.float64)


def levels_of(case: SpectralCase) -> BandLevels:
    """The case as if it had been pushed as audio."""
    levels = BandLevels(case.rate)
    levels.add(case.density)
    return levels


def _curve(rng: Rng, rate: int, tilt_db: float, bend_db: float) -> npt.NDArray[np.float64]:
    """A smooth random response [BINS] in dB: a tilt of up to so many dB an octave, and bends."""
    response = rng.uniform(-tilt_db, tilt_db) * (np.arange(8) - 4) + bend_db * rng.standard_normal(8)
    frequency = np.arange(BINS) * rate / WINDOW
    return np.asarray(np.interp(np.log2(frequency + 1), np.log2(KNOTS_HZ + 1), response))


def _dark(rng: Rng, rate: int) -> npt.NDArray[np.float64]:
    """A natural fall [BINS] in dB, of 3 to 15 dB an octave from anywhere on."""
    ratio = np.arange(BINS) * rate / WINDOW / log_uniform(rng, 300, 10_000)
    return np.asarray(-10 * rng.uniform(0.5, 2.5) * np.log10(1 + ratio**2))


def _in_a_room(power: Frames, rate: int, rng: Rng) -> Frames:
    """With a tail that falls by 60 dB in 0.1 to 0.5 s."""
    keep = 10 ** (-6 * HOP / rate / log_uniform(rng, 0.1, 0.5))
    wet = signal.lfilter([1 - keep], [1, -keep], power, axis=0).astype(np.float32)
    return power + np.float32(log_uniform(rng, 0.02, 0.4)) * wet


def _resampled(power: Frames, rate: int, low: int, rng: Rng) -> Frames:
    """After a converter to a lower rate, whose own low-pass ends somewhat below its Nyquist frequency."""
    middle, width = rng.uniform(0.9, 1.0) * low / 2, rng.uniform(0.01, 0.15) * low / 2
    place = np.clip((np.arange(BINS) * rate / WINDOW - middle) / width, -0.5, 0.5)
    return power * np.square(np.maximum(0.5 * (1 - np.sin(np.pi * place)), 1e-5)).astype(np.float32)


def _hum(level: float, rate: int, rng: Rng) -> Frames:
    """Lines [BINS] at 50 or 60 Hz and harmonics, 0 to 30 dB below the sound's power density."""
    frequency, base = np.arange(BINS) * rate / WINDOW, rng.choice([50, 60])
    power, line = np.zeros(BINS), level * 10 ** (rng.uniform(-30, 0) / 10)
    for harmonic in range(1, int(rng.integers(2, 12))):
        bins = np.abs(frequency - harmonic * base) * WINDOW / rate
        lobe = np.where(bins < 1.5, np.cos(np.pi * np.minimum(bins, 2) / 4) ** 4, 0.03 / np.maximum(bins, 1) ** 6)
        power += line * lobe * WINDOW / 2.7
        line *= rng.uniform(0.1, 0.9) ** 2
    return power.astype(np.float32)
