"""Texture: how rough a spectrum is around its own smooth course.

LSD alone rewards smooth, buzzing spectra. A faithful texture is as rough as the original's: hiss and breath have log
powers that scatter like those of noise around their envelope, and a network that answers with the mean does not.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from hifisr_cli.dsp.metrics.lsd import N_FFT, POWER_FLOOR, log_power
from hifisr_cli.results import SAMPLE_RATE

SMOOTH_BINS = 9
"""The local smooth is a mean of log10 power over 9 bins (211 Hz) of the STFT that LSD uses; chosen by hand."""
SMOOTH_FRAMES = 5
"""It is a mean over 5 frames (53 ms), too; chosen by hand. Figures of other sizes cannot be compared."""
_CLEAR_OF_FLOOR = 1.0
"""Where the original's smooth is nearer than this (in log10) to the power floor, it is the clamp that is smooth."""


def texture_ratio(estimate: Tensor, reference: Tensor, cutoff_hz: float) -> float | None:
    """Roughness of the generated band over that of the original: 1 is faithful, below is too smooth.

    The standard deviation of log10 power minus its local smooth, over all bins from the cutoff up and all frames where
    the original stands clear of the power floor. None where it nowhere does.

    Shape: [T], [T] of equal length, longer than 1024 samples.
    """
    first = math.ceil(cutoff_hz * N_FFT / SAMPLE_RATE)
    own, original = (log_power(wave)[first:] for wave in (estimate, reference))
    if original.shape[0] < SMOOTH_BINS:
        return None
    smooth = _local_mean(original)
    clear = smooth > math.log10(POWER_FLOOR) + _CLEAR_OF_FLOOR
    if int(clear.sum()) < SMOOTH_BINS * SMOOTH_FRAMES:
        return None
    roughness = [float((power - mean)[clear].std()) for power, mean in ((own, _local_mean(own)), (original, smooth))]
    return roughness[0] / roughness[1] if roughness[1] > 0.0 else None


def _local_mean(power: Tensor) -> Tensor:
    """[K, F] -> [K, F], windows cropped at the edges."""
    return F.avg_pool2d(
        power[None, None],
        (SMOOTH_BINS, SMOOTH_FRAMES),
        stride=1,
        padding=(SMOOTH_BINS // 2, SMOOTH_FRAMES // 2),
        count_include_pad=False,
    )[0, 0]
