"""What studios and rooms do to music: each crop gets another production. Shares and ranges were chosen by hand.

Rendered music is too clean, and has neither a room nor a floor.
"""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray, Wave
from hifisr_cli.degrade.band_limit import Response, apply
from hifisr_cli.degrade.media import coloured_noise
from hifisr_cli.degrade.noise_floors import smooth_step
from hifisr_cli.degrade.stretch import stretched
from hifisr_cli.results import SAMPLE_RATE

FLOOR_DBFS = (-115.0, -70.0)
"""Of the whole band. With -95 to -60 the power density of 200 produced pieces from 20 to 22 kHz relative to 1 to 4 kHz
was -26 dB in the median; that of 28 recordings of real music is -37."""
_SHELVES_HZ = (2_000.0, 8_000.0)  # where shelves begin; they are open an octave above
_BRIGHTER_DB = (-14.0, 12.0)
"""Of a shelf. With it 60 produced pieces are as bright as 28 recordings of real music: their power density from 8 to 16
kHz relative to 1 to 4 kHz is -15.5 dB in the median and -28 and -3 dB in the tenth and ninetieth percentiles; those
have -14, -33 and -5. From -3 to 18 dB gave -9, -20 and 2, from -10 to 10 dB -14, -26 and -5."""
_SATURATED = 0.4  # of the crops
_COMPRESSED = 0.5  # of the crops
_IN_A_ROOM = 0.6  # of the crops
_OVERSAMPLED = 4  # times, so that what saturation makes above Nyquist does not come back below it


def produced(wave: Wave, rng: np.random.Generator) -> Wave:
    """Dry, rendered music [T] at the network's level as a studio would leave it: [T]."""
    wave = shelved(wave, float(np.exp(rng.uniform(*np.log(_SHELVES_HZ)))), rng.uniform(*_BRIGHTER_DB))
    if rng.random() < _COMPRESSED:
        wave = compressed(wave, rng.uniform(-30.0, -10.0), rng.uniform(1.5, 8.0), rng.uniform(0.005, 0.1))
    if rng.random() < _SATURATED:
        wave = saturated(wave, rng.uniform(-6.0, 12.0))
    if rng.random() < _IN_A_ROOM:
        wave = in_a_room(wave, rng.uniform(0.15, 1.5), rng.uniform(-25.0, -6.0), rng)
    return with_floor(wave, rng)


def with_floor(wave: Wave, rng: np.random.Generator) -> Wave:
    """With a steady noise floor of any colour: [T]."""
    level_db, slope_db = rng.uniform(*FLOOR_DBFS), rng.uniform(-3.0, 3.0)
    return wave + np.float32(10.0 ** (level_db / 20.0)) * coloured_noise(wave.size, slope_db, rng)


def shelved(wave: Wave, corner_hz: float, gain_db: float) -> Wave:
    """More or less treble from a corner up: [T]."""
    open_share = smooth_step(np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE), corner_hz, 2.0 * corner_hz)
    return apply(wave, np.asarray(10.0 ** (gain_db * open_share / 20.0), np.complex128))


def saturated(wave: Wave, drive_db: float) -> Wave:
    """Bent by a hyperbolic tangent, as tape and valves do, which makes harmonics: [T].

    `drive_db` is how far the loudest sample lies above the knee.
    """
    wide = stretched(wave, _OVERSAMPLED * wave.size)
    scale = np.float32(10.0 ** (drive_db / 20.0) / max(float(np.abs(wide).max()), 1e-9))
    bent: Wave = np.tanh(scale * wide, dtype=np.float32) / scale
    return stretched(bent, wave.size)


def compressed(wave: Wave, threshold_db: float, ratio: float, seconds: float) -> Wave:
    """Loud moments turned down: [T].

    Above a threshold, relative to the loudest moment, the level of `seconds` long moments rises by a `ratio`-th only.
    """
    samples = max(int(seconds * SAMPLE_RATE), 1)
    power = np.convolve(_steps(np.square(wave, dtype=np.float64), samples), np.ones(3) / 3.0, "same")
    level_db = 10.0 * np.log10(power + 1e-20)
    over_db = np.maximum(level_db - (level_db.max() + threshold_db), 0.0)
    gain_db = over_db * (1.0 / ratio - 1.0)
    centres = (np.arange(power.size) + 0.5) * samples
    gains = np.interp(np.arange(wave.size), centres, 10.0 ** (gain_db / 20.0))
    return np.asarray(wave * gains, np.float32)


def in_a_room(wave: Wave, seconds: float, level_db: float, rng: np.random.Generator) -> Wave:
    """With the reverberation of a room: [T].

    Args:
        seconds: until it has fallen by 60 dB; the treble falls up to twice as fast.
        level_db: of it, relative to the direct sound.
    """
    frames = np.arange(wave.size) / SAMPLE_RATE
    tails = [rng.standard_normal(wave.size) * 10.0 ** (-3.0 * frames / length) for length in (seconds, 0.5 * seconds)]
    spectra: list[Response] = [np.fft.rfft(tail / np.sqrt(np.square(tail).sum())) for tail in tails]
    treble = smooth_step(np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE), 1_000.0, 12_000.0)
    room = spectra[0] * (1.0 - treble) + spectra[1] * treble
    return apply(wave, 1.0 + 10.0 ** (level_db / 20.0) * room)


def _steps(values: FloatArray, size: int) -> FloatArray:
    """Means of stretches of `size`, the last one of what is left: [T] -> [T / size]."""
    starts = np.arange(0, values.size, size)
    return np.asarray(np.add.reduceat(values, starts) / np.diff([*starts, values.size]))
