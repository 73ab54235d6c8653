"""Low-band replacement keeps the input itself below the cutoff and takes the network's output above it.

One linear-phase high-pass h serves both sides, because its complement is the low-pass:

    output = input + h * (generated - input)

so where generated equals input the crossover is exactly transparent, and below the transition the output is the input
down to the stop-band attenuation of h.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from hifisr_cli.results import KEPT_FRACTION, LEAST_CROSSOVER_HZ, SAMPLE_RATE

ATTENUATION_DB = 90.0
"""In its stop band the kernel leaves what a 16-bit file would not hold. Twice as much would double its length."""
_BLOCK = 4096  # samples of a transform, at least: fits into a processor's cache (commit f4d2b85)


def transition(cutoff_hz: float, kept_hz: float | None = None) -> tuple[float, float]:
    """Returns the edges of the crossover in Hz: from 0.9 of the cutoff, or from `kept_hz`, up to the cutoff."""
    low = KEPT_FRACTION * cutoff_hz if kept_hz is None else kept_hz
    return low, max(cutoff_hz, low + LEAST_CROSSOVER_HZ)


@lru_cache(maxsize=64)
def highpass_kernel(cutoff_hz: float, kept_hz: float | None = None) -> Tensor:
    """Returns a Kaiser-windowed linear-phase high-pass [N], N odd, float32 (length and window after Kaiser 1974)."""
    low, high = transition(cutoff_hz, kept_hz)
    width = 2.0 * math.pi * (high - low) / SAMPLE_RATE
    half = math.ceil((ATTENUATION_DB - 8.0) / (2.285 * width) / 2.0)
    n = torch.arange(-half, half + 1, dtype=torch.float64)
    beta = 0.1102 * (ATTENUATION_DB - 8.7)
    window = torch.kaiser_window(2 * half + 1, periodic=False, beta=beta, dtype=torch.float64)
    centre = (low + high) / SAMPLE_RATE
    lowpass = centre * torch.sinc(centre * n) * window
    lowpass /= lowpass.sum()
    lowpass[half] -= 1.0
    return (-lowpass).float()


def reach(cutoff_hz: float, kept_hz: float | None = None) -> int:
    """Returns how many samples the crossover needs to either side."""
    return (highpass_kernel(cutoff_hz, kept_hz).numel() - 1) // 2


def replace_low_band(generated: Tensor, original: Tensor, cutoff_hz: float, kept_hz: float | None = None) -> Tensor:
    """Joins the original below the cutoff and the generated signal above it.

    Shape: [..., T], [..., T] -> [..., T]. The outermost `reach(cutoff_hz, kept_hz)` samples see zeros beyond the edge.

    Args:
        kept_hz: where the crossover begins; None for 0.9 of the cutoff. The original is whole up to there.
    """
    output: Tensor = original + above_edge(generated - original, cutoff_hz, kept_hz)
    return output


def above_edge(signal: Tensor, cutoff_hz: float, kept_hz: float | None = None) -> Tensor:
    """What a signal [..., T] has above the edge; see `replace_low_band`."""
    kernel = highpass_kernel(cutoff_hz, kept_hz).to(signal.device)
    half, length = (kernel.numel() - 1) // 2, signal.shape[-1]
    # In short blocks (overlap-save), which stay in the cache: ten times faster than one long transform.
    size = max(_BLOCK, 1 << (8 * half).bit_length())
    step = size - 2 * half
    count = -(-length // step)
    padded = F.pad(signal.float(), (half, half + count * step - length))
    spectra = torch.fft.rfft(padded.unfold(-1, size, step)) * torch.fft.rfft(kernel, size)
    filtered: Tensor = torch.fft.irfft(spectra, size)[..., 2 * half :].flatten(-2)[..., :length]
    return filtered
