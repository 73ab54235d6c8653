"""What the networks of all engines that can be trained have in common: a waveform in, a waveform out."""

from __future__ import annotations

from torch import Tensor, nn


class Upsampler(nn.Module):
    """A network from end to end, as training and validation run it.

    Shape: band-limited waveform at 48 kHz [B, T], cutoff in Hz [B], white noise of unit variance [B or 1, T] for those
    that shape it -> full-band waveform [B, T]; T a multiple of `hop`.

    Attributes:
        hop: samples; chunks must start on multiples of it to agree.
        context: samples to either side that an output sample depends on, a multiple of `hop`.
        calm: whether the noise that it shapes is calm, see `hifisr.noise`.
    """

    hop: int
    context: int
    calm: bool = True

    def forward(self, wave: Tensor, cutoff_hz: Tensor, noise: Tensor | None = None) -> Tensor:
        raise NotImplementedError
