"""What the network is told of a recording: the log-mel of its band, as the pairs that it was trained on had it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from hifisr_cli.degrade.band_limit import BandLimit
from hifisr_cli.engines.hifigan.config import MelConfig
from hifisr_cli.engines.hifigan.mel import band_edges
from hifisr_cli.results import KEPT_FRACTION

if TYPE_CHECKING:
    from hifisr_cli.engines.audiosr.network import AudioSr

_ORDER, _RIPPLE_DB, _PASSES = 8, 0.1, 4
"""Of the Chebyshev low-pass that the published program has as one of four: forwards and backwards, both twice. Of the
two sharp ones it needs no elliptic functions; the soft ones take up to 28 dB off what a recording has (network.md)."""


def condition_mel(network: AudioSr, waves: Tensor, cutoff_hz: Tensor) -> Tensor:
    """Log-mel of what stands below the cutoffs, which may change: [B, T], [B, F] -> [B, F, M].

    Above its cutoff a recording may hold noise, or the images of a poor resampler; training pairs held nothing there.
    """
    waves = waves - waves.mean(dim=1, keepdim=True)  # which training took away, too
    log_mel = network.log_mel(waves)
    for hz in torch.unique(cutoff_hz).tolist():
        if hz > 0.0:  # else silence, as the survey has it
            log_mel = torch.where((cutoff_hz == hz)[..., None], network.log_mel(low_passed(waves, hz)), log_mel)
    return log_mel


def low_passed(waves: Tensor, cutoff_hz: float) -> Tensor:
    """What waves [B, T] have below a cutoff, without delay; beyond their ends they go on from the other end."""
    band = BandLimit("chebyshev", cutoff_hz, _ORDER, _RIPPLE_DB)
    gain = np.abs(band.response(waves.shape[1])) ** _PASSES
    spectra = torch.fft.rfft(waves) * torch.from_numpy(gain.astype(np.float32)).to(waves.device)
    filtered: Tensor = torch.fft.irfft(spectra, waves.shape[1])
    return filtered


def with_known_bands(log_mel: Tensor, condition: Tensor, cutoff_hz: Tensor, mel: MelConfig) -> Tensor:
    """The decoded log-mel with the bands that the recording has as the recording has them.

    Shape: [B, F, M], [B, F, M], cutoffs [B, F] -> [B, F, M]. Bands that end below 0.9 of the cutoff are known: above,
    the low-pass has touched them.
    """
    ends = band_edges(mel.bands, mel.f_max, mel.f_min)[2:].to(log_mel.device)
    return torch.where(ends <= KEPT_FRACTION * cutoff_hz[..., None], condition, log_mel)
