"""Band-limited resampling as a stream, bit-identical for every way of cutting the input into blocks.

resampy designs the filter with its `sinc_window`: a Kaiser-windowed sinc, 128 zero crossings a side, flat to 0.95 of
the lower Nyquist frequency. Its table is used without interpolation. For the reduced ratio M/L output m stands at input
time m*M/L, so every distance between an output and an input sample is a whole multiple of 1/L, and a table with that
step holds exactly the coefficients that are needed. `filter_bank.py` applies them to blocks of one fixed size, aligned
on the absolute position in the recording; that is what makes the result independent of how it was pushed.

`resampy.resample` itself is not called, because it takes whole recordings only, some 4 GB for an hour of sound, and
compiles its kernels for about a second in every process. The tests compare every rate with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.filter_bank import design_bank
from hifisr_cli.results import SAMPLE_RATE

MIN_RATE = 1_000
MAX_RATE = 768_000
RESAMPLER_ID = "resampy-sinc-window/zeros=128,kaiser=14.77,rolloff=0.985,polyphase-float64/1"
"""Names the filter and its arithmetic; stored with a checkpoint, since training and inference must use the same."""

_PUSH = 1 << 17  # samples a channel that `resample` hands over at once, so that its working memory stays small

Block = npt.NDArray[np.float32]


def output_length(n: int, rate_in: int, rate_out: int = SAMPLE_RATE) -> int:
    """Length of `n` samples after resampling: exactly round(n * rate_out / rate_in), ties up, in integers."""
    return (2 * n * rate_out + rate_in) // (2 * rate_in)


class Resampler:
    """Resamples a stream of blocks; output m stands at input time m * rate_in / rate_out, without delay.

    Before the first and after the last sample the input counts as zero. Equal rates are the identity.

    Args:
        rate_in, rate_out: Hz, 1000 to 768,000.
        channels: C, at least 1. Every channel gets the same arithmetic: equal channels stay equal.

    Raises:
        ValueError: a rate or channel number out of range.
    """

    def __init__(self, rate_in: int, rate_out: int = SAMPLE_RATE, channels: int = 1) -> None:
        for rate in (rate_in, rate_out):
            if not MIN_RATE <= rate <= MAX_RATE:
                raise ValueError(f"sample rate {rate} Hz is outside {MIN_RATE} to {MAX_RATE} Hz")
        if channels < 1:
            raise ValueError(f"a recording has at least one channel, not {channels}")
        self.rate_in, self.rate_out, self.channels = rate_in, rate_out, channels
        self._bank = None if rate_in == rate_out else design_bank(rate_in, rate_out)
        self._received = 0
        self._unit = 0  # index of the next block of outputs
        self._finished = False
        # the input that is still needed; its first sample stands at _origin (negative: the zeros before the start)
        self._origin = 0 if self._bank is None else self._bank.span(0)[0]
        self._pending = np.zeros((channels, -self._origin), np.float32)

    def push(self, block: npt.ArrayLike) -> Block:
        """Take the next samples [C, T], return the outputs [C, T'] that have become final (often none).

        Raises:
            ValueError: another number of channels, or `finish` was called before.
        """
        if self._finished:
            raise ValueError("this resampler has finished; use a new one for another recording")
        new = np.asarray(block, dtype=np.float32)
        if new.ndim != 2 or new.shape[0] != self.channels:
            raise ValueError(f"expected a block [{self.channels}, T], got shape {new.shape}")
        self._received += new.shape[1]
        if self._bank is None:
            return new.copy()
        if new.shape[1]:
            self._pending = np.concatenate([self._pending, new], axis=1)
        return self._drain()

    def finish(self) -> Block:
        """Return the rest [C, T'']; all outputs together are `output_length(T, rate_in, rate_out)` samples."""
        if self._finished:
            raise ValueError("this resampler has finished already")
        self._finished = True
        if self._bank is None:
            return np.zeros((self.channels, 0), np.float32)
        done = self._unit * self._bank.outputs
        left = output_length(self._received, self.rate_in, self.rate_out) - done
        if left <= 0:
            return np.zeros((self.channels, 0), np.float32)
        units = -(-left // self._bank.outputs)
        end = self._bank.span(self._unit + units - 1)[1]
        missing = max(0, end - self._origin - self._pending.shape[1])
        self._pending = np.pad(self._pending, ((0, 0), (0, missing)))
        return self._drain(units)[:, :left]

    def _drain(self, units: int | None = None) -> Block:
        """Compute `units` blocks of outputs, or as many as the pending input allows."""
        bank = self._bank
        if bank is None:  # equal rates keep nothing back
            return np.zeros((self.channels, 0), np.float32)
        parts: list[Block] = []
        have = self._origin + self._pending.shape[1]
        while units is None or len(parts) < units:
            start, end = bank.span(self._unit)
            if end > have:
                break
            window = self._pending[:, start - self._origin : end - self._origin].astype(np.float64)
            parts.append(np.stack([bank.apply(self._unit, channel) for channel in window]))
            self._unit += 1
        keep = bank.span(self._unit)[0]
        if keep > self._origin:
            self._pending = self._pending[:, keep - self._origin :].copy()
            self._origin = keep
        return np.concatenate(parts, axis=1) if parts else np.zeros((self.channels, 0), np.float32)


def resample(audio: npt.ArrayLike, rate_in: int, rate_out: int = SAMPLE_RATE) -> Block:
    """Resample a whole recording [C, T] to [C, output_length(T)], the same samples as `Resampler` gives.

    Raises:
        ValueError: not [C, T], or a rate out of range.
    """
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim != 2:
        raise ValueError(f"expected audio [C, T], got shape {samples.shape}")
    resampler = Resampler(rate_in, rate_out, samples.shape[0])
    parts = [resampler.push(samples[:, start : start + _PUSH]) for start in range(0, samples.shape[1], _PUSH)]
    return np.concatenate([*parts, resampler.finish()], axis=1)
