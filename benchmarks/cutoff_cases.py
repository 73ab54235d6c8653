"""Simulated recordings with a known cutoff, to train the cutoff judge on; broader than what the benchmark tests.

A case is a stretch of a training recording through a random chain: room and equaliser, level, background noise, a
low-pass of any kind, conversion to a sample rate, hum and noise of the file, a codec, quantisation. These go through
audio, which codecs need; `cutoff_spectra` makes the others.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
from scipy import signal

from hifisr_cli.degrade.kept import kept_up_to

Audio = npt.NDArray[np.float64]
Rng = np.random.Generator

LOW_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000)
FORMATS = {"MP3": "MPEG_LAYER_III", "OGG": "VORBIS", "OPUS": "OPUS", "ULAW": "ULAW"}
OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)
OPEN = 0.88  # of Nyquist: above, a converter's own low-pass takes something
KINDS = ("brick", "butter", "cheby1", "cheby2", "ellip", "bessel", "gauss", "resampled")
KIND_SHARES = (0.16, 0.2, 0.17, 0.03, 0.04, 0.2, 0.02, 0.18)


@dataclass(frozen=True)
class Case:
    """A degraded recording [T] and the upper edge of its content in Hz."""

    audio: Audio
    rate: int
    truth: float
    kind: str


def chance(rng: Rng, probability: float) -> bool:
    return bool(rng.random() < probability)


def log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def shaped(audio: Audio, rate: int, gain: npt.NDArray[np.float64] | None, curve: tuple[Audio, Audio] | None) -> Audio:
    """Multiplies the spectrum by a gain per bin, or by a curve (Hz, dB)."""
    spectrum = np.fft.rfft(audio)
    if curve is not None:
        frequency = np.fft.rfftfreq(len(audio), 1 / rate)
        gain = 10 ** (np.interp(np.log2(frequency + 1), np.log2(curve[0] + 1), curve[1]) / 20)
    return np.fft.irfft(spectrum * gain, len(audio))


def equalise(audio: Audio, rate: int, rng: Rng) -> Audio:
    """A smooth random frequency response: tilt, and bends of some dB."""
    knots = 125 * 2.0 ** np.arange(0, 8)
    response = rng.uniform(-3, 3) * (np.arange(8) - 4) + log_uniform(rng, 0.3, 5) * rng.standard_normal(8)
    return shaped(audio, rate, None, (knots, response))


def reverberate(audio: Audio, rate: int, rng: Rng) -> Audio:
    count = int(rate * log_uniform(rng, 0.1, 0.5))
    tail = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    wet = signal.fftconvolve(audio, tail)[: len(audio)]
    # the dry sound carries more of the treble, as in a room
    return audio + log_uniform(rng, 0.05, 0.7) * wet * audio.std() / (wet.std() + 1e-12)


def noise(count: int, rate: int, level_db: float, rng: Rng) -> Audio:
    """Noise [count] at this level in dBFS: white, falling or rising with frequency, or rough."""
    white = rng.standard_normal(count)
    colour = rng.integers(4)
    if colour:
        knots = 125 * 2.0 ** np.arange(0, 8)
        slope = rng.uniform(-5, -1) if colour == 1 else rng.uniform(0, 4) if colour == 2 else 0.0
        white = shaped(white, rate, None, (knots, slope * np.arange(8) + rng.uniform(0, 3) * rng.standard_normal(8)))
    return np.asarray(white * 10 ** (level_db / 20) / white.std())


def soft_edge(audio: Audio, rate: int, middle: float, width: float, depth_db: float = 400.0) -> Audio:
    """A linear-phase low-pass with -6 dB at `middle` and a transition of this width in Hz."""
    x = (np.fft.rfftfreq(len(audio), 1 / rate) - middle) / max(width, 1.0)
    gain = 0.5 * (1 - np.sin(np.pi * np.clip(x, -0.5, 0.5)))
    return shaped(audio, rate, np.maximum(gain, 10 ** (-depth_db / 20)), None)


def resampled(audio: Audio, rate: int, low: int, rng: Rng, *, back: bool) -> Audio:
    """Down to a lower rate, and back up, by one of several converters."""
    choice = rng.integers(4)
    count = len(audio)
    if choice == 0:
        down = signal.resample(audio, round(count * low / rate))
        return np.asarray(signal.resample(down, count) if back else down)
    if choice == 1 and low // math.gcd(low, rate) < 1000:
        window = ("kaiser", rng.uniform(4, 9))
        common = math.gcd(low, rate)
        down = signal.resample_poly(audio, low // common, rate // common, window=window)
        return np.asarray(signal.resample_poly(down, rate // common, low // common, window=window) if back else down)
    middle = rng.uniform(0.9, 1.0) * low / 2  # like soxr, kaiser_best, kaiser_fast, a cheap interpolator
    down = soft_edge(audio, rate, middle, rng.uniform(0.01, 0.2) * low / 2, rng.uniform(60, 140))
    return down if back else np.asarray(signal.resample(down, round(count * low / rate)))


def low_pass(audio: Audio, rate: int, cutoff: float, rng: Rng) -> tuple[Audio, str]:
    kind = str(rng.choice(KINDS, p=KIND_SHARES))
    if kind == "brick":
        return soft_edge(audio, rate, cutoff, rng.choice([0.0, 20.0, 0.02 * cutoff])), kind
    if kind == "resampled":
        return resampled(audio, rate, round(2 * cutoff / 10) * 10, rng, back=True), kind
    if kind == "gauss":
        frequency = np.fft.rfftfreq(len(audio), 1 / rate)
        return shaped(audio, rate, 2.0 ** (-0.5 * (frequency / cutoff) ** 2), None), kind
    order = 8 if chance(rng, 0.5) else int(rng.integers(4, 13) if kind == "butter" else rng.integers(4, 11))
    if kind == "butter":
        sos = signal.butter(order, cutoff, fs=rate, output="sos")
    elif kind == "bessel":
        sos = signal.bessel(order, cutoff, fs=rate, norm="mag", output="sos")
    elif kind == "cheby1":
        sos = signal.cheby1(order, log_uniform(rng, 0.05, 2), cutoff, fs=rate, output="sos")
    elif kind == "cheby2":
        sos = signal.cheby2(order, rng.uniform(30, 80), min(1.1 * cutoff, 0.49 * rate), fs=rate, output="sos")
    else:
        sos = signal.ellip(order, log_uniform(rng, 0.05, 2), rng.uniform(40, 90), cutoff, fs=rate, output="sos")
    return np.asarray(signal.sosfilt(sos, audio)), kind


def coded(audio: Audio, rate: int, rng: Rng) -> tuple[Audio, str]:
    name = str(rng.choice(list(FORMATS), p=(0.7, 0.12, 0.1, 0.08)))
    if name == "OPUS" and rate not in OPUS_RATES:
        name = "OGG"
    options = {"bitrate_mode": "CONSTANT"} if name == "MP3" else {}
    if name == "MP3":
        # 128 to 32 kbit/s at 44.1 and 48 kHz, half of them 64
        options["compression_level"] = 0.86 if chance(rng, 0.5) else rng.uniform(0.65, 1.0)
    elif name != "ULAW":
        options["compression_level"] = rng.uniform(0.2, 1.0)
    buffer = io.BytesIO()
    container = {"OPUS": "OGG", "ULAW": "WAV"}.get(name, name)
    soundfile.write(buffer, np.clip(audio, -1, 1), rate, format=container, subtype=FORMATS[name], **options)
    buffer.seek(0)
    return np.asarray(soundfile.read(buffer)[0]), name


def anything_lost(before: Audio, after: Audio) -> bool:
    """Whether three bands or more lost 6 dB: their densities [K]. What is 90 dB below the mean had nothing to lose.

    A sound that ends by nature leaves nothing that a low-pass could take and anyone could tell.
    """
    quiet = 1e-9 * before.mean()
    return bool(np.count_nonzero(before + quiet > 4 * (after + quiet)) >= 3)


def mean_density(audio: Audio, rate: int, top: float) -> Audio:
    """Of a recording [T], in bands of 200 Hz up to a frequency in Hz."""
    frequency, density = signal.welch(audio, rate, nperseg=min(rate // 20, len(audio)))
    inside = frequency < top
    return np.bincount((frequency[inside] // 200).astype(int), density[inside], int(top // 200) + 1)


def make_case(audio: Audio, rate: int, bandwidth: float, rng: Rng, *, sound: bool = False) -> Case:
    """A case from a stretch of a recording whose content ends at `bandwidth` Hz; mostly through a codec.

    A sound may end by nature below the low-pass or the codec's edge: then nothing is missing.
    """
    truth, kind, codec = min(bandwidth, rate / 2), "none", chance(rng, 0.72)
    if chance(rng, 0.12):
        audio = reverberate(audio, rate, rng)
    if chance(rng, 0.6):
        audio = equalise(audio, rate, rng)
    audio = audio * 10 ** (rng.uniform(-36, -14) / 20) / (audio.std() + 1e-9)
    if chance(rng, 0.35):
        audio = audio + noise(len(audio), rate, rng.uniform(-95, -50), rng)
    before, before_rate = audio, rate
    if chance(rng, 0.55 if sound else 0.88):
        cutoff = log_uniform(rng, 1000, 20_000)
        audio, kind = low_pass(audio, rate, cutoff, rng)
        truth = min(truth, cutoff)
    if chance(rng, 0.12 if codec else 0.6):
        low = int(rng.choice(LOW_RATES))
        audio, rate = resampled(audio, rate, low, rng, back=False), low
        truth = min(truth, low / 2)
    if chance(rng, 0.2):
        base, level = rng.choice([50, 60]), audio.std() * 10 ** (rng.uniform(-30, 0) / 20)
        time = np.arange(len(audio)) / rate
        for harmonic in range(1, int(rng.integers(2, 12))):
            if harmonic * base < rate / 2:
                audio = audio + level * np.sin(2 * np.pi * harmonic * base * time + harmonic**2)
                level *= rng.uniform(0.1, 0.9)
    if chance(rng, 0.15 if codec else 0.4):
        audio = audio + noise(len(audio), rate, rng.uniform(-95, -43), rng)
    if codec:
        decoded, name = coded(audio, rate, rng)
        truth, kind = min(truth, kept_up_to(audio, decoded, rate, truth)), f"{kind} {name}"
        audio = decoded
    top = OPEN * rate / 2
    if sound and not anything_lost(mean_density(before, before_rate, top), mean_density(audio, rate, top)):
        truth = min(bandwidth, rate / 2)
    if chance(rng, 0.5):
        scale = 2.0 ** int(rng.choice([7, 15, 15, 15, 15, 15, 23]))
        audio = np.round(np.clip(audio, -1, 1 - 1 / scale) * scale) / scale
    return Case(audio, rate, truth, kind)
