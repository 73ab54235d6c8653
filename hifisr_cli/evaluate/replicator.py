"""Spectral band replication (SBR): the baseline that a network has to beat, without weights and not tuned.

The octave below the cutoff is copied upwards, again and again, at -9 dB an octave; half of its power is noise with the
same course. It is told the cutoff and goes through the same path as a model. SBR of broadcast codecs (ISO/IEC 14496-3)
is sent the envelope, which nobody knows here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hifisr_cli.engines.protocol import Geometry, Identity, WindowBatch
from hifisr_cli.engines.white_noise import white_noise
from hifisr_cli.results import SAMPLE_RATE

_FRAME = 1024  # samples, 21 ms
_HOP = _FRAME // 2  # square-root Hann windows add up to 1 at this hop
_FALL_DB = -9.0  # an octave
_NOISE = 0.5  # of the power
_SMOOTH_BINS = 9  # over which the noise follows the copied spectrum, 420 Hz
_NOISE_KEY = 0x5B5B  # so that no engine draws the same numbers


@dataclass(frozen=True, eq=False)
class Replicator:
    """An engine without weights; frames lie on a fixed grid, so that the place of a cut does not show."""

    identity: Identity = field(default_factory=lambda: Identity("sbr", "SBR", ""))
    geometry: Geometry = field(default_factory=lambda: Geometry(grid=_HOP, context=_HOP, trim=_HOP))
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    level_rms: float | None = None
    lanes: int = 1

    def generate(self, windows: WindowBatch) -> Tensor:
        """Copies the octave below the cutoff upwards: [B, T] -> [B, T - 2 trim]."""
        window = torch.hann_window(_FRAME).sqrt()
        spectra = torch.fft.rfft(windows.waves.unfold(1, _FRAME, _HOP) * window)
        noise = torch.fft.rfft(_noise(windows).unfold(1, _FRAME, _HOP) * window) / math.sqrt(_FRAME / 2)
        power = F.avg_pool1d(
            spectra.abs().square().flatten(0, 1), _SMOOTH_BINS, 1, _SMOOTH_BINS // 2, count_include_pad=False
        ).view(spectra.shape)
        places = torch.arange(spectra.shape[-1])
        edge = (windows.cutoff_hz * (_FRAME / SAMPLE_RATE)).long().clamp(min=2)[:, : spectra.shape[1], None]
        octave = edge // 2  # bins that are copied, the upper half of those below the cutoff
        source = torch.where(places < edge, places, edge - octave + (places - edge) % octave)
        fall: Tensor = (places / source.clamp(min=1)) ** (_FALL_DB / (20.0 * math.log10(2.0)))
        copied = math.sqrt(1.0 - _NOISE) * spectra.gather(2, source)
        hiss = math.sqrt(_NOISE) * power.gather(2, source).sqrt() * noise
        frames: Tensor = torch.fft.irfft(torch.where(places < edge, spectra, fall * (copied + hiss)), _FRAME) * window
        return (frames[:, :-1, _HOP:] + frames[:, 1:, :_HOP]).flatten(1)


def _noise(windows: WindowBatch) -> Tensor:
    """White noise by place in the recording: [B, T]."""
    blocks = range(windows.waves.shape[1] // _HOP)
    rows = [
        np.concatenate([white_noise(_NOISE_KEY, 0, start // _HOP + block, _HOP) for block in blocks])
        for start in windows.starts
    ]
    return torch.from_numpy(np.stack(rows))
