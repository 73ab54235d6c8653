"""Sizes of the front end and of the head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

_FEW_ROWS = 16
"""Up to so many rows for each that comes in are few. Those that there are have 2, 256 and 480."""


@dataclass(frozen=True, slots=True)
class MelConfig:
    """The log-mel front end.

    Attributes:
        n_fft: window and transform length in samples.
        hop: samples between frames.
        bands: number of mel bands M.
        f_min, f_max: lower edge of the lowest band and upper edge of the highest one in Hz.
        floor: mel magnitudes below it look like it. White noise of about -101 dBFS has the magnitude 1e-5 with a
            window of 2048: what lies below that is one silence to the published network.
    """

    n_fft: int = 1024
    hop: int = 256
    bands: int = 80
    f_max: float = 8000.0
    floor: float = 1e-5
    f_min: float = 0.0


@dataclass(frozen=True, slots=True)
class HifiGanConfig:
    """The waveform head.

    Attributes:
        channels: channels after the first convolution; halved by every upsampling unless `keep_channels`.
        rates, kernels: stride and taps of each transposed convolution.
        block_kernels, block_dilations: of the multi-receptive-field residual blocks.
        activation: Snake, or the leaky ReLU of the paper's own code.
        paired: every dilated convolution is followed by an undilated one (HiFi-GAN's ResBlock1; else ResBlock2).
        keep_channels: do not halve the channels.
        istft_n_fft: window of an inverse-STFT output layer (Kaneko et al. 2022); 0 ends in a waveform convolution.
        noise: the inverse-STFT layer adds white noise, filtered by a third set of channels.
        flat_noise: only the phases of that noise are random, its magnitudes are 1: the hiss has the level that the
            network gives it, without a second scatter of its own on top of that of what it stands for.
        calm_noise: the noise scatters less than white noise does, see `hifisr.noise`: nearer to speech by the LSD, and
            too smooth for music.
        voicing: bands in which the network decides how much of that noise is replaced by pulses in the rhythm of the
            voice below the cutoff (`pulses`); 0 for noise alone.
    """

    channels: int = 1024
    rates: tuple[int, ...] = (8, 8, 2, 2)
    kernels: tuple[int, ...] = (16, 16, 4, 4)
    block_kernels: tuple[int, ...] = (3, 7, 11)
    block_dilations: tuple[int, ...] = (1, 3, 5)
    activation: Literal["snake", "leaky_relu"] = "snake"
    paired: bool = True
    keep_channels: bool = False
    istft_n_fft: int = 0
    noise: bool = False
    flat_noise: bool = False
    calm_noise: bool = True
    voicing: int = 0

    @property
    def upsampling(self) -> int:
        return math.prod(self.rates)

    @property
    def has_few_rows(self) -> bool:
        """Whether a window has few rows at every stage, so that weights are the better part of what is computed with:
        so it is with an inverse STFT at the end."""
        return self.upsampling <= _FEW_ROWS
