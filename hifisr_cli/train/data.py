"""Training data is made on the fly: full-band crops, and what band limits make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hifisr_cli.arrays import Wave
from hifisr_cli.degrade.band_limit import BandLimit, Family, apply
from hifisr_cli.degrade.codecs import CODECS
from hifisr_cli.degrade.disturb import disturb
from hifisr_cli.degrade.kept import kept_up_to
from hifisr_cli.degrade.media import MEDIA, Narrowed
from hifisr_cli.degrade.noise_floors import microphone_noise
from hifisr_cli.degrade.stretch import stretched
from hifisr_cli.engines.hifisr.noise import drawn_noise
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.clips import Clip, source_weights
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.rendering.production import produced, with_floor
from hifisr_cli.train.speech import Voices, random_gain

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
_FLOORED = 0.5  # of the real music and effects get a floor besides their own; by hand
_SAMPLED = 0.75  # of the music and effects come from 44.1 kHz; by hand (17 of 38 validation clips are such files)
_SAMPLED_EDGES_HZ = (21_000.0, 22_050.0)
"""Where anti-aliasing filters for 44.1 kHz end. From 20.0 to 21.6 kHz the power density of produced pieces from 20 to
22 kHz relative to 1 to 4 kHz was -54 dB in the median; that of real music is -37."""
_SAMPLED_SOFTNESS = (0.01, 0.08)  # of their edge; by hand
_MIXED_DB = (-20.0, 0.0)  # level of a second recording over a first one; by hand
_STRETCHABLE = 0.95  # a crop whose content ends below this share of its bandwidth keeps its tempo; by hand
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
        self.probabilities = source_weights(clips, config.sources)
        self.voices = Voices(clips, self.probabilities, config.augmentation)
        self.mixed = config.mixed
        self.media = [*config.media, ""]  # the last one stands for a plain band limit
        self.media_shares = [*config.media.values(), 1.0 - sum(config.media.values())]

    def __getitem__(self, step: int) -> Batch:
        items = [self._item(np.random.default_rng((self.seed, step, i))) for i in self.items]
        waves = [torch.from_numpy(np.stack([item[i] for item in items])) for i in (0, 1, 2)]
        scalars = [torch.tensor([item[i] for item in items], dtype=torch.float32) for i in (3, 4)]
        return Batch(*waves, *scalars)

    def noise(self, step: int, draws: int = 2, *, calm: bool = True) -> Tensor:
        """Returns draws of the noise that the network shapes in a step, [draws, B, T], from the data's seed."""

        def drawn(item: int, draw: int) -> Wave:
            return drawn_noise(np.random.default_rng((self.seed, step, item, 1, draw)), self.crop, calm=calm)

        rows = [np.stack([drawn(item, draw) for draw in range(draws)]) for item in self.items]
        return torch.from_numpy(np.stack(rows, axis=1))

    def _item(self, rng: np.random.Generator) -> tuple[Wave, Wave, Wave, float, float]:
        target, bandwidth = self._made(rng)
        if self.mixed and rng.random() < self.mixed:
            other, its_bandwidth = self._made(rng)
            target = target + other * np.float32(10.0 ** (rng.uniform(*_MIXED_DB) / 20.0))
            bandwidth = min(bandwidth, its_bandwidth)
        narrowed = self._narrowed(target, bandwidth, rng)
        inner = slice(_MARGIN, _MARGIN + self.crop)
        told = narrowed.cutoff_hz * rng.uniform(0.95, 1.02)
        inside = _inside(self.crop, rng)
        return narrowed.wave[inner] * inside, narrowed.original[inner], inside, told, bandwidth

    def _made(self, rng: np.random.Generator) -> tuple[Wave, float]:
        """A full-band crop with margins, varied as its kind may be, and its bandwidth in Hz."""
        clip = self.clips[int(rng.choice(len(self.clips), p=self.probabilities))]
        crop, stretch = self._crop(clip, rng)
        match clip.kind:
            case "speech":
                crop = self.voices.varied(clip, crop, rng)
            case "rendered":
                crop = produced(crop * random_gain(rng), rng)
            case "sound":
                crop = crop * random_gain(rng)
                crop = with_floor(crop, rng) if rng.random() < _FLOORED else crop
        bandwidth = min(clip.bandwidth_hz * stretch, _NYQUIST_HZ)
        return (crop, bandwidth) if clip.kind == "speech" else _sampled(crop, bandwidth, rng)

    def _narrowed(self, target: Wave, bandwidth_hz: float, rng: np.random.Generator) -> Narrowed:
        """A crop on a medium, through a codec, or behind a band limit alone."""
        name = self.media[int(rng.choice(len(self.media), p=self.media_shares))] if len(self.media) > 1 else ""
        highest = min(CUTOFF_RANGE_HZ[1], 0.9 * bandwidth_hz)
        if name in MEDIA:
            narrowed = MEDIA[name](rng)(target, rng)
            return replace(narrowed, cutoff_hz=min(narrowed.cutoff_hz, highest))
        if name:
            coded = CODECS[name](rng)(target, SAMPLE_RATE)
            return Narrowed(coded, target, min(kept_up_to(target, coded, SAMPLE_RATE, bandwidth_hz), highest))
        cutoff = float(np.exp(rng.uniform(*np.log((CUTOFF_RANGE_HZ[0], highest)))))
        narrow = disturb(apply(target, random_limit(cutoff, rng).response(target.size)), cutoff, rng)
        if rng.random() < 0.1:
            narrow = narrow + microphone_noise(target.size, rng)
        return Narrowed(narrow, target, cutoff)

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


def _sampled(wave: Wave, bandwidth_hz: float, rng: np.random.Generator) -> tuple[Wave, float]:
    """Music and effects are seldom sampled faster than at 44.1 kHz: nothing is missing above, and that can be learnt.

    Returns the crop [T], limited so in most cases, and up to where it can be trusted.
    """
    if bandwidth_hz < _SAMPLED_EDGES_HZ[0] or rng.random() >= _SAMPLED:
        return wave, bandwidth_hz
    limit = BandLimit("resample", rng.uniform(*_SAMPLED_EDGES_HZ), softness=rng.uniform(*_SAMPLED_SOFTNESS))
    return apply(wave, limit.response(wave.size)), _NYQUIST_HZ


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
