"""Training data is made on the fly: full-band crops, and what band limits make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hifisr_cli.arrays import Wave
from hifisr_cli.degrade.band_limit import BandLimit, Family, apply
from hifisr_cli.degrade.disturb import disturb, gated, stretched
from hifisr_cli.degrade.noise_floors import Floor, converter_noise, floor_noise, microphone_noise, smooth_step
from hifisr_cli.engines.hifisr.noise import calm_noise
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.clips import Clip, source_weights
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.timbre import colours, recoloured

# How crops are made. The model card of compact-6 says which part of the training had what, and what was tried and left;
# where it names no figure, the value was chosen by hand and never varied. Another value gives other training data.
CUTOFF_RANGE_HZ = (1_000.0, 20_000.0)  # log-uniform: the cutoffs that the model is said to restore, and some above
_FAMILIES: tuple[tuple[Family, float], ...] = (  # shares of the crops; most archives were resampled at some time
    ("resample", 0.55),
    ("brickwall", 0.1),
    ("butterworth", 0.15),
    ("chebyshev", 0.15),
    ("gaussian", 0.05),
)
_EXTRA_FLOOR = 0.4  # of the crops, times `augmentation`, get a microphone's noise on top; by hand
_STUDIO = 0.25  # of the crops without a floor get a studio's; 0.15 in parts 12 to 18
_LENT = 0.5  # of the same get that of another recording; 0.6 in parts 12 to 18
_LENT_DB = 8.0  # by which a lent floor may be louder or quieter; 2 dB made no difference (tried after compact-6)
_STRETCHABLE = 0.95  # a crop whose content ends below this share of its bandwidth keeps its tempo; by hand
_RECOLOURED = 0.5  # of the crops borrow a colour, in parts 16 to 19
_TILTED = 0.5  # of the crops, times `augmentation`; by hand
_GATED = 0.12  # of the crops, times `augmentation`; "one in eight" of parts 6 and 7
_EDGE = 0.2  # of the crops begin in silence, and as many end so: "more than one crop in three" of parts 6 and 7
_LONGEST_EDGE = 0.5  # of a crop may be silence at either end; by hand
_MARGIN = SAMPLE_RATE // 10  # samples beside a crop: circular filters ring there, and not into the crop
_NYQUIST_HZ = SAMPLE_RATE / 2  # no content lies above


@dataclass(frozen=True, slots=True)
class Batch:
    """What a step learns from.

    Attributes:
        degraded: inputs [B, T]; some recordings begin or end within the crop, with digital silence outside.
        target: what they were [B, T].
        inside: 1 where the recordings are, 0 in the silence around them, where nothing is asked of the network: [B, T].
        cutoff_hz: what the network is told [B].
        bandwidth_hz: of each target [B]; no loss is taken above.
    """

    degraded: Tensor
    target: Tensor
    inside: Tensor
    cutoff_hz: Tensor
    bandwidth_hz: Tensor


class Batches:
    """Endless training batches; item i of batch n depends on (seed, n, i) only.

    Args:
        rank, processes: of several processes, each gets every `processes`-th item of a batch.
    """

    def __init__(self, clips: list[Clip], config: TrainConfig, *, rank: int = 0, processes: int = 1) -> None:
        self.clips = clips
        self.items = range(rank, config.batch_size, processes)
        self.crop = int(config.crop_seconds * SAMPLE_RATE)
        self.seed = config.seed
        self.augmentation = config.augmentation
        self.probabilities = source_weights(clips, config.sources)
        self.colours = colours(clips)
        self.floor_sources = np.array(["" if clip.floor is None else clip.floor.source for clip in clips])
        self.lenders = [clip.floor for clip in clips if clip.floor is not None]
        self.lending = self.probabilities[[clip.floor is not None for clip in clips]]

    def __getitem__(self, step: int) -> Batch:
        items = [self._item(np.random.default_rng((self.seed, step, i))) for i in self.items]
        waves = [torch.from_numpy(np.stack([item[i] for item in items])) for i in (0, 1, 2)]
        scalars = [torch.tensor([item[i] for item in items], dtype=torch.float32) for i in (3, 4)]
        return Batch(*waves, *scalars)

    def noise(self, step: int, draws: int = 2) -> Tensor:
        """Returns draws of the noise that the network shapes in a step, [draws, B, T], from the data's seed."""
        rows = [
            np.stack([calm_noise(np.random.default_rng((self.seed, step, i, 1, d)), self.crop) for d in range(draws)])
            for i in self.items
        ]
        return torch.from_numpy(np.stack(rows, axis=1))

    def _item(self, rng: np.random.Generator) -> tuple[Wave, Wave, Wave, float, float]:
        clip = self.clips[int(rng.choice(len(self.clips), p=self.probabilities))]
        target, stretch = self._crop(clip, rng)
        bandwidth = min(clip.bandwidth_hz * stretch, _NYQUIST_HZ)
        other = self._like(clip, rng) if rng.random() < _RECOLOURED else clip
        if other.speaker != clip.speaker:
            target = recoloured(target, self.colours[clip.speaker], self.colours[other.speaker])
        target = self._with_floor(clip, target, rng, other.floor)
        if rng.random() < self.augmentation * _TILTED:
            target = _tilt(target, rng)
        target = target * np.float32(10.0 ** (rng.uniform(-8.0, 6.0) / 20.0))
        if rng.random() < self.augmentation * _EXTRA_FLOOR:
            target = target + microphone_noise(target.size, rng)
        if rng.random() < self.augmentation * _GATED:
            target = gated(target, rng)
        low, high = CUTOFF_RANGE_HZ
        cutoff = float(np.exp(rng.uniform(np.log(low), np.log(min(high, 0.9 * bandwidth)))))
        limit = random_limit(cutoff, rng)
        degraded = disturb(apply(target, limit.response(target.size)), cutoff, rng)
        if rng.random() < 0.1:
            degraded = degraded + microphone_noise(target.size, rng)
        told = cutoff * rng.uniform(0.95, 1.02)
        inner = slice(_MARGIN, _MARGIN + self.crop)
        inside = _inside(self.crop, rng)
        return degraded[inner] * inside, target[inner], inside, told, bandwidth

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

    def _crop(self, clip: Clip, rng: np.random.Generator) -> tuple[Wave, float]:
        """A crop with margins for the filters, sometimes played a little faster or slower; and that factor."""
        length = self.crop + 2 * _MARGIN
        may = clip.edge_hz >= _STRETCHABLE * clip.bandwidth_hz  # else the edge, which sample rates make, would move
        stretch = float(2.0 ** rng.uniform(-0.25, 0.25)) if may and rng.random() < 0.5 else 1.0
        need = int(np.ceil(length * stretch)) + 1
        start = int(rng.integers(0, max(clip.samples.size - need, 0) + 1))
        wave = clip.wave(slice(start, start + need))
        if wave.size < need:
            lead = int(rng.integers(0, need - wave.size + 1))
            wave = np.pad(wave, (lead, need - wave.size - lead))
        if stretch != 1.0:
            wave = stretched(wave, length)
        return wave[:length], stretch


def _inside(samples: int, rng: np.random.Generator) -> Wave:
    """Where in a crop there is a recording: 1, but 0 now and then at the beginning, the end or both: [T]."""
    inside = np.ones(samples, np.float32)
    longest = int(_LONGEST_EDGE * samples)
    if rng.random() < _EDGE:
        inside[: int(rng.integers(longest))] = 0.0
    if rng.random() < _EDGE:
        inside[samples - int(rng.integers(longest)) :] = 0.0
    return inside


def random_limit(cutoff_hz: float, rng: np.random.Generator) -> BandLimit:
    """Returns a band limit of random family at `cutoff_hz`."""
    names = [name for name, _ in _FAMILIES]
    family = names[int(rng.choice(len(names), p=[share for _, share in _FAMILIES]))]
    return BandLimit(
        family,
        cutoff_hz,
        order=int(rng.integers(4, 13)),
        ripple_db=float(rng.uniform(0.05, 1.0)),
        softness=float(rng.uniform(0.02, 0.15)),
    )


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
