"""Crops of speech are varied: colours and noise floors are lent, made up, tilted and gated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave
from hifisr_cli.degrade.band_limit import apply
from hifisr_cli.degrade.disturb import gated
from hifisr_cli.degrade.noise_floors import Floor, converter_noise, floor_noise, microphone_noise, smooth_step
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.timbre import colours, recoloured

# How crops are made. The model card of compact-6 says which part of the training had what, and what was tried and left;
# where it names no figure, the value was chosen by hand and never varied. Another value gives other training data.
_EXTRA_FLOOR = 0.4  # of the crops, times `augmentation`, get a microphone's noise on top; by hand
_STUDIO = 0.25  # of the crops without a floor get a studio's; 0.15 in parts 12 to 18
_LENT = 0.5  # of the same get that of another recording; 0.6 in parts 12 to 18
_LENT_DB = 8.0  # by which a lent floor may be louder or quieter; 2 dB made no difference (tried after compact-6)
_RECOLOURED = 0.5  # of the crops borrow a colour, in parts 16 to 19
_TILTED = 0.5  # of the crops, times `augmentation`; by hand
_GATED = 0.12  # of the crops, times `augmentation`; "one in eight" of parts 6 and 7
_NYQUIST_HZ = SAMPLE_RATE / 2  # no content lies above


class Voices:
    """All recordings of speech, which borrow from each other.

    Args:
        probabilities: how often each clip is drawn.
        augmentation: see `TrainConfig`.
    """

    def __init__(self, clips: list[Clip], probabilities: NDArray[np.float64], augmentation: float) -> None:
        speech = np.array([clip.kind == "speech" for clip in clips])
        self.clips = [clip for clip in clips if clip.kind == "speech"]
        self.probabilities = probabilities[speech]
        self.augmentation = augmentation
        self.colours = colours(self.clips)
        self.floor_sources = np.array(["" if clip.floor is None else clip.floor.source for clip in self.clips])
        self.lenders = [clip.floor for clip in self.clips if clip.floor is not None]
        self.lending = self.probabilities[[clip.floor is not None for clip in self.clips]]

    def varied(self, clip: Clip, crop: Wave, rng: np.random.Generator) -> Wave:
        """A crop [T] of one of them in another colour, with a floor, tilted and gated, now and then."""
        other = self._like(clip, rng) if rng.random() < _RECOLOURED else clip
        if other.speaker != clip.speaker:
            crop = recoloured(crop, self.colours[clip.speaker], self.colours[other.speaker])
        crop = self._with_floor(clip, crop, rng, other.floor)
        if rng.random() < self.augmentation * _TILTED:
            crop = _tilt(crop, rng)
        crop = crop * random_gain(rng)
        if rng.random() < self.augmentation * _EXTRA_FLOOR:
            crop = crop + microphone_noise(crop.size, rng)
        if rng.random() < self.augmentation * _GATED:
            crop = gated(crop, rng)
        return crop

    def _like(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """Another recording, to borrow from: one with such a floor where there is one, since a dull voice goes with the
        silence of a studio."""
        source = None if clip.floor is None else clip.floor.source
        among = self.probabilities if source is None else self.probabilities * (self.floor_sources == source)
        return self.clips[int(rng.choice(len(self.clips), p=among / among.sum()))]

    def _with_floor(self, clip: Clip, target: Wave, rng: np.random.Generator, lent: Floor | None) -> Wave:
        """A crop with a floor: its own, or else one that is lent, of a studio or of a made-up microphone.

        In real floors what lies above a cutoff follows from what lies below it more closely than in made-up ones.
        """
        floor = clip.floor
        if floor is None:
            kind = rng.random()
            if kind < _STUDIO:
                return _dull(target, rng) + microphone_noise(target.size, rng, studio=True)
            if kind >= _STUDIO + _LENT or not self.lenders:
                return target + microphone_noise(target.size, rng)
            if lent is None:
                lent = self.lenders[int(rng.choice(len(self.lenders), p=self.lending / self.lending.sum()))]
            floor = replace(lent, density=lent.density * 10.0 ** (rng.uniform(-_LENT_DB, _LENT_DB) / 10.0))
            target = target + floor_noise(floor.density, target.size, rng)
        if rng.random() < floor.converters:
            target = target + converter_noise(floor.density, target.size, rng)
        return target


def random_gain(rng: np.random.Generator) -> np.float32:
    """By which a crop is louder or quieter than the network's level."""
    return np.float32(10.0 ** (rng.uniform(-8.0, 6.0) / 20.0))


def _tilt(wave: Wave, rng: np.random.Generator) -> Wave:
    """A random spectral tilt of at most 3 dB an octave around 1 kHz."""
    slope = rng.uniform(-3.0, 1.5)
    frequency = np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE)
    octaves = np.log2(np.clip(frequency, 100.0, None) / 1000.0)
    return apply(wave, 10.0 ** (slope * octaves / 20.0) + 0j)


def _dull(wave: Wave, rng: np.random.Generator) -> Wave:
    """The roll-off of a studio's large microphone and its de-esser: up to 15 dB at the top."""
    frequency = np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE)
    start = rng.uniform(5_000.0, 12_000.0)
    gain_db = rng.uniform(-15.0, 0.0) * smooth_step(frequency, start, _NYQUIST_HZ)
    return apply(wave, np.asarray(10.0 ** (gain_db / 20.0), np.complex128))
