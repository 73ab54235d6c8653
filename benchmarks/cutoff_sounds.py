"""Sounds that end where they end by nature, to train the cutoff judge on: nothing of them is missing.

Steady and struck tones, noise that opens and closes, hits: tops fall at any natural rate over any floor, or there are
none. And instruments: random notes from FluidR3_GM (MIT), played by `fluidsynth`, with presets that have no edge of
their own.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from cutoff_cases import Audio, Rng, chance, log_uniform, noise
from scipy import signal

from hifisr_cli.train.rendering.midi import Event, midi_file, note, program

RATE, SECONDS = 48_000, 5
FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
# Those whose spectrum falls by less than 15 dB from one eighth of an octave to the next, wherever it does most.
PROGRAMS = (
    *(0, 1, 2, 3, 4, 6, 7, 13, 17, 21, 22, 24, 27, 28, 29, 30, 32, 36, 37, 38, 40, 41, 42, 43, 44, 45),
    *(46, 47, 48, 49, 50, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 72, 73, 77),
    *(78, 81, 82, 83, 84, 86, 87, 90, 91, 96, 98, 102, 105, 106, 107, 108, 109, 110),
)
WINDOW, HOP = 1024, 256  # of the noises
SHARES = (0.3, 0.35, 0.35)  # steady, struck, noise


def natural_sound(seed: int) -> Audio:
    """Synthetic sound number `seed`, [SECONDS * RATE]."""
    rng = np.random.default_rng([41, seed])
    kind = rng.choice(3, p=SHARES)
    audio = noises(rng) if kind == 2 else tones(rng, struck=kind == 1)
    if chance(rng, 0.1):
        audio = audio + 10 ** (rng.uniform(-20, 0) / 20) * tones(rng, struck=chance(rng, 0.5))
    audio /= audio.std() + 1e-12
    if chance(rng, 0.75):
        audio = audio + noise(len(audio), RATE, rng.uniform(-100, -35), rng)
    return audio


def tones(rng: Rng, *, struck: bool) -> Audio:
    """A chord that stands, or notes that die away, of partials that fall by any law; of unit power."""
    count = SECONDS * RATE
    audio = np.zeros(count)
    partials = np.arange(1, 1 + int(log_uniform(rng, 1, 48)))
    stiffness = rng.choice([0.0, log_uniform(rng, 1e-5, 1e-3)])
    ratios = partials * np.sqrt(1 + stiffness * partials**2)
    fall_db = rng.uniform(0, 24) * np.log2(partials) if chance(rng, 0.5) else log_uniform(rng, 0.3, 12) * (partials - 1)
    amplitudes = 10 ** (-fall_db / 20) * (partials % 2 == 1 if chance(rng, 0.2) else 1)
    damping, further = log_uniform(rng, 0.3, 10), rng.choice([0.0, log_uniform(rng, 0.02, 1)])
    attack, lowest = log_uniform(rng, 0.001, 0.1), log_uniform(rng, 40, 800)
    notes = int(log_uniform(rng, 4, 40)) if struck else int(rng.integers(1, 5))
    wobble = rng.choice([0.0, log_uniform(rng, 0.01, 0.5)])
    for _ in range(notes):
        start = int(rng.uniform(0, 0.95) * count) if struck else 0
        time = np.arange(min(count - start, 3 * RATE) if struck else count) / RATE
        pitch = lowest * 2 ** (rng.integers(25) / 12)
        note = np.zeros(len(time))
        loudness = 10 ** (rng.uniform(-20, 0) / 20)
        for ratio, amplitude in zip(ratios, amplitudes, strict=True):
            if ratio * pitch < 0.49 * RATE and amplitude > 1e-5:
                tone = amplitude * np.sin(2 * np.pi * ratio * pitch * time + rng.uniform(0, 6.3))
                note += tone * np.exp(-damping * (1 + further * (ratio - 1)) * time) if struck else tone
        if struck:
            note *= np.minimum(time / attack, 1)
        else:
            note *= 1 + wobble * np.sin(2 * np.pi * rng.uniform(0.2, 7) * time)
        audio[start : start + len(time)] += loudness * note
    return audio / (audio.std() + 1e-12)


def noises(rng: Rng) -> Audio:
    """Noise behind low-passes of 3 to 15 dB an octave that open and close, or hits whose treble dies first."""
    frames = SECONDS * RATE // HOP + 5
    frequency = np.fft.rfftfreq(WINDOW, 1 / RATE)[:, None]
    time = np.arange(frames) * HOP / RATE
    if chance(rng, 0.5):
        knots = rng.uniform(np.log2(100), np.log2(12_000), int(rng.integers(1, 12)))
        corner = 2 ** np.interp(np.linspace(0, 1, frames), np.linspace(0, 1, len(knots)), knots)
        power = (1 + (frequency / corner) ** 2) ** -rng.uniform(0.5, 2.5)
        power *= 10 ** (np.interp(time, *_swells(rng)) / 10)
    else:
        power = np.full((len(frequency), frames), 1e-12)
        damping, further = log_uniform(rng, 2, 40), log_uniform(rng, 0.01, 3)
        corner, order = log_uniform(rng, 200, 12_000), rng.uniform(0.5, 2.5)
        for onset in rng.uniform(0, SECONDS, int(log_uniform(rng, 2, 30))):
            since = time - onset
            decay = np.exp(-damping * (1 + further * frequency / 1000) * np.maximum(since, 0)) * (since >= 0)
            power += 10 ** (rng.uniform(-20, 0) / 10) * decay * (1 + (frequency / corner) ** 2) ** -order
    if chance(rng, 0.5):
        power *= frequency / (frequency + log_uniform(rng, 30, 1000))
    shape = (len(frequency), frames)
    white = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    audio = signal.istft(np.sqrt(power) * white, RATE, nperseg=WINDOW, noverlap=WINDOW - HOP)[1]
    return np.asarray(audio[: SECONDS * RATE] / (audio.std() + 1e-12))


def _swells(rng: Rng) -> tuple[Audio, Audio]:
    """Times in s and levels in dB."""
    knots = int(rng.integers(2, 16))
    return np.linspace(0, SECONDS, knots), rng.uniform(-log_uniform(rng, 1, 40), 0, knots)


def instrument(seed: int) -> Audio:
    """Random notes of one or two instruments, [SECONDS * RATE]."""
    rng = np.random.default_rng([43, seed])
    with tempfile.TemporaryDirectory() as folder:
        score, wave = Path(folder, "score.mid"), Path(folder, "sound.wav")
        score.write_bytes(_score(rng))
        command = ["fluidsynth", "-niq", "-r", str(RATE), "-O", "float", "-F", wave, FONT, score]
        subprocess.run(command, check=True, capture_output=True)
        audio = soundfile.read(wave, always_2d=True)[0].mean(axis=1)
    return np.resize(audio, SECONDS * RATE)


def _score(rng: Rng) -> bytes:
    """A standard MIDI file: 120 beats a minute, 480 ticks a beat, notes at random in a key."""
    events: list[Event] = []
    for channel in range(int(rng.integers(1, 3))):
        events.append(program(0.0, channel, int(rng.choice(PROGRAMS))))
        base, step = int(rng.integers(36, 72)), int(log_uniform(rng, 120, 960))
        for start in range(0, SECONDS * 960, step):
            for _ in range(int(rng.integers(1, 4))):
                key = base + int(rng.choice([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]))
                velocity, end = int(rng.integers(30, 127)), start + int(step * rng.uniform(0.3, 2))
                events += note(start / 960, end / 960, channel, key, velocity)
    return midi_file(events)
