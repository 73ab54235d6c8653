"""How far a network really sees.

The bound by construction adds up the widest path through every layer. What arrives along that path is far below the
rounding of the arithmetic, so most of such a context is computed for nothing, and in short recordings it is most of
the work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hifisr_cli.results import SAMPLE_RATE

if TYPE_CHECKING:
    from hifisr_cli.engines.hifisr.generator import Generator

INAUDIBLE_DB = -95.0  # what may change in the generated band where a window is cut, relative to that band
_SAFETY = 2  # real speech was seen to need up to twice the context of the signals that are measured here
_STEP_FRAMES = 4
_CORE_FRAMES = 60
_CUTOFFS_HZ = (1_500.0, 3_000.0, 6_000.0, 11_000.0)
_LEVEL = 0.05


@torch.inference_mode()
def measured_reach(generator: Generator, *, inaudible_db: float = INAUDIBLE_DB) -> int:
    """Frames to either side of a latent frame that matter: less than `inaudible_db` comes from further away.

    Measured with bursts of noise and pulses at several cutoffs, and doubled. At most the bound by construction.
    """
    bound = generator.latent.context_frames
    head = generator.context // generator.hop - generator.latent_reach
    signals = _signals((2 * (bound + head) + _CORE_FRAMES) * generator.hop)
    for frames in range(_STEP_FRAMES, bound, _STEP_FRAMES):
        changes = (_change_db(generator, wave, hz, frames, head) for wave in signals for hz in _CUTOFFS_HZ)
        if all(change < inaudible_db for change in changes):
            return min(_SAFETY * frames, bound)
    return bound


def _change_db(generator: Generator, wave: Tensor, cutoff_hz: float, frames: int, head: int) -> float:
    """How much the core changes when only `frames` more than the head needs are around it: [1, T] -> dB."""
    hop, middle = generator.hop, wave.shape[1] // generator.hop // 2
    first, last = middle - _CORE_FRAMES // 2, middle + _CORE_FRAMES // 2
    whole = _core(generator, wave, cutoff_hz, first, last)
    low, high = first - head - frames, last + head + frames
    part = _core(generator, wave[:, low * hop : high * hop], cutoff_hz, first - low, last - low)
    above = [_energy_above(x, cutoff_hz) for x in (part - whole, whole)]
    return 10.0 * math.log10((above[0] + 1e-30) / (above[1] + 1e-30))


def _core(generator: Generator, wave: Tensor, cutoff_hz: float, first: int, last: int) -> Tensor:
    generated: Tensor = generator(wave, torch.tensor([cutoff_hz]))
    return generated[:, first * generator.hop : last * generator.hop]


def _energy_above(wave: Tensor, cutoff_hz: float) -> float:
    spectrum = torch.fft.rfft(wave * torch.hann_window(wave.shape[1]))
    bins = torch.linspace(0.0, SAMPLE_RATE / 2, spectrum.shape[1])
    return float(spectrum[:, bins >= cutoff_hz].abs().square().sum())


def _signals(length: int) -> list[Tensor]:
    """Bursts and gaps of 50 to 150 ms, as noise and as pulses of 120 Hz, at the network's level: [1, T] each."""
    source = torch.Generator().manual_seed(0)
    gate = torch.zeros(length)
    place = 0
    while place < length:
        on, off = (int(SAMPLE_RATE * (0.05 + 0.1 * float(torch.rand((), generator=source)))) for _ in range(2))
        gate[place : place + on] = 1.0
        place += on + off
    gate = gate * 0.999 + 0.001
    pulses = torch.zeros(length)
    pulses[:: SAMPLE_RATE // 120] = 10.0
    noise = torch.randn(length, generator=source)
    return [(_LEVEL * gate * signal)[None] for signal in (noise, pulses, noise + pulses)]
