"""Level error: by how many dB the bands at the top of a recording are too loud or too quiet, frame by frame.

Recordings end in their own noise floor and in decays up there, and what a listener notices first is how loud those are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hifisr_cli.dsp.metrics.lsd import N_FFT, POWER_FLOOR, log_power
from hifisr_cli.results import SAMPLE_RATE

BANDS_HZ = ((16_000.0, 16_000.0 * 2.0**0.5), (16_000.0 * 2.0**0.5, 24_000.0))
"""Half octaves from 16 kHz up; Nyquist cuts the second short."""


_CLEAR_OF_FLOOR_DB = 10.0
"""Frames in which the original's band is nearer than this to the power floor of the LSD have no level there."""


def level_errors(estimate: Tensor, reference: Tensor) -> tuple[float | None, ...]:
    """The mean absolute level error over the frames of a recording, in dB, in each of `BANDS_HZ`.

    A band's level is its power in a frame of the STFT that LSD uses. None where the original has no level in any frame:
    recordings at 44.1 kHz have none above 22 kHz.

    Shape: [T], [T] of equal length, longer than 1024 samples.
    """
    errors: list[float | None] = []
    for own, original in zip(_levels_db(estimate), _levels_db(reference), strict=True):
        clear = original > 10.0 * math.log10(POWER_FLOOR) + _CLEAR_OF_FLOOR_DB
        errors.append(float((own - original)[clear].abs().mean()) if clear.any() else None)
    return tuple(errors)


def _levels_db(wave: Tensor) -> Tensor:
    """[T] -> [bands, F]."""
    power = 10.0 ** log_power(wave)
    frequency = torch.arange(power.shape[0]) * (SAMPLE_RATE / N_FFT)
    bands = [power[(frequency >= low) & (frequency < high)].mean(dim=0) for low, high in BANDS_HZ]
    return 10.0 * torch.log10(torch.stack(bands))
