"""Band-limited resampling as a stream, bit-identical for every way of cutting the input into blocks.

resampy designs the filter with its `sinc_window`: a Kaiser-windowed sinc, 128 zero crossings a side, flat to 0.95 of
the lower Nyquist frequency. Its table is used without interpolation. For the reduced ratio M/L output m stands at input
time m*M/L, so every distance between an output and an input sample is a whole multiple of 1/L, and a table with that
step holds exactly the coefficients that are needed: between input s and output m h((s*L - m*M) / L), where h is the
impulse response with its time in input samples. They are applied to blocks of one fixed size, aligned on the absolute
position in the recording; that is what makes the result independent of how it was pushed.

`resampy.resample` itself is not called, because it takes whole recordings only, some 4 GB for an hour of sound, and
compiles its kernels for about a second in every process. The tests compare every rate with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from math import ceil, gcd
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray, Wave
from hifisr_cli.results import SAMPLE_RATE

MIN_RATE = 1_000
MAX_RATE = 768_000
RESAMPLER_ID = "resampy-sinc-window/zeros=128,kaiser=14.77,rolloff=0.985,polyphase-float64/1"
"""Names the filter and its arithmetic; stored with a checkpoint, since training and inference must use the same."""

_PUSH = 1 << 17  # samples a channel that `resample` hands over at once, so that its working memory stays small

NUM_ZEROS = 128
ROLLOFF = 0.985
KAISER_BETA = 14.769656459379492  # the beta of resampy's own kaiser_best: side lobes below -150 dB

_ROWS = 32  # rows of input in a unit
_PRODUCT_ROWS = 8
# OpenBLAS starts its threads from 2**18 multiplications on, and on a busy machine they wait for each other a hundred
# times longer than the product takes: stay below.
_MATRIX_ENTRIES = (1 << 18) // _PRODUCT_ROWS
_PERIODIC_ENTRIES = 1 << 20  # ratios that need more than this are awkward
_FINE_PHASES = 8192  # phases between two zero crossings of an interpolated bank
_INTERPOLATED_OUTPUTS = 1024
_GATHERED_OUTPUTS = 128  # outputs whose coefficients are gathered at once


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

    def push(self, block: npt.ArrayLike) -> Wave:
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

    def finish(self) -> Wave:
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

    def _drain(self, units: int | None = None) -> Wave:
        """Compute `units` blocks of outputs, or as many as the pending input allows."""
        bank = self._bank
        if bank is None:  # equal rates keep nothing back
            return np.zeros((self.channels, 0), np.float32)
        parts: list[Wave] = []
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


def resampled(blocks: Iterable[Wave], sample_rate: int, resampler: Resampler | None = None) -> Iterator[Wave]:
    """Blocks [C, T] at any rate -> blocks [C, T'] at 48 kHz, to the end of what `resampler` (or a new one) holds."""
    for block in blocks:
        if resampler is None:
            resampler = Resampler(sample_rate, SAMPLE_RATE, block.shape[0])
        out = resampler.push(block)
        if out.shape[1]:
            yield out
    if resampler is not None and (rest := resampler.finish()).shape[1]:
        yield rest


def resample(audio: npt.ArrayLike, rate_in: int, rate_out: int = SAMPLE_RATE) -> Wave:
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


class Bank(Protocol):
    """Makes outputs in units of a fixed number, unit u being outputs u*outputs to (u+1)*outputs - 1."""

    outputs: int

    def span(self, unit: int) -> tuple[int, int]:
        """The inputs [start, end) that a unit needs, as positions in the recording (negative before its start)."""
        ...

    def apply(self, unit: int, window: FloatArray) -> Wave:
        """The outputs [outputs] of a unit from the inputs [end - start] of its span."""
        ...


def half_filter(points: int, cutoff: float) -> FloatArray:
    """Right half of the impulse response: `points` + 1 samples of cutoff * sinc(cutoff * j) under a Kaiser window.

    `cutoff` is relative to the Nyquist frequency of the table. resampy only offers tables of 2**precision samples
    between zero crossings; taking every sample of the table for a "zero crossing" and scaling the roll-off down
    in proportion gives the same filter with any number of them.
    """
    window = partial(np.kaiser, beta=KAISER_BETA)
    table: FloatArray = _sinc_window()(num_zeros=points, precision=0, window=window, rolloff=cutoff)[0]
    return table


def _sinc_window() -> Callable[..., tuple[FloatArray, int, float]]:
    """`resampy.filters.sinc_window`, which designs the filter.

    The module is loaded alone: `import resampy` would load numba, too, for kernels that are not used here, and that
    takes 0.24 s of a processor and 62 MB in every process.
    """
    package = find_spec("resampy")
    spec = PathFinder.find_spec("resampy.filters", package.submodule_search_locations if package else None)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("resampy is not installed", name="resampy")
    filters = module_from_spec(spec)
    spec.loader.exec_module(filters)
    designer: Callable[..., tuple[FloatArray, int, float]] = filters.sinc_window
    return designer


class PeriodicBank:
    """For ratios between usual rates: the pattern repeats every L outputs, so a block of outputs is one product
    [rows, inputs] x [inputs, outputs a row] with a constant matrix; one row advances by a multiple of M inputs."""

    def __init__(self, m: int, ratio: int) -> None:
        step = max(ratio, m)  # table samples between zero crossings: all distances are whole table samples
        table = half_filter(NUM_ZEROS * step, ROLLOFF / step) * ratio
        self._reach = NUM_ZEROS * step // ratio  # input samples a side
        periods = 1
        while (periods + 1) * ratio * ((periods + 1) * m + 2 * self._reach) <= _MATRIX_ENTRIES:
            periods += 1
        self._hop = periods * m
        self._row_outputs = periods * ratio
        self.outputs = _ROWS * self._row_outputs
        inputs = np.arange(-self._reach, self._hop + self._reach)
        distance = np.abs(inputs[:, None] * ratio - np.arange(self._row_outputs)[None, :] * m)
        matrix = np.where(distance < len(table), table[np.minimum(distance, len(table) - 1)], 0.0)
        width = max(1, _MATRIX_ENTRIES // len(inputs))
        self._columns = [
            (slice(start, start + width), np.ascontiguousarray(matrix[:, start : start + width]))
            for start in range(0, self._row_outputs, width)
        ]

    def span(self, unit: int) -> tuple[int, int]:
        start = unit * _ROWS * self._hop
        return start - self._reach, start + _ROWS * self._hop + self._reach

    def apply(self, unit: int, window: FloatArray) -> Wave:  # noqa: ARG002 - all units are alike
        rows = np.lib.stride_tricks.sliding_window_view(window, self._hop + 2 * self._reach)[:: self._hop]
        out = np.empty((_ROWS, self._row_outputs), np.float32)
        for top in range(0, _ROWS, _PRODUCT_ROWS):
            part = slice(top, top + _PRODUCT_ROWS)
            heard = np.ascontiguousarray(rows[part])
            for columns, matrix in self._columns:
                out[part, columns] = heard @ matrix
        return out.reshape(-1)


class InterpolatedBank:
    """For awkward rates (primes, say), whose pattern is too long to store: a fixed number of phases, outputs one by
    one from the two nearest (error below -140 dB), the memory bounded whatever the rate."""

    outputs = _INTERPOLATED_OUTPUTS

    def __init__(self, m: int, ratio: int) -> None:
        self._m, self._l = m, ratio
        scale = min(1.0, ratio / m)
        self._reach = ceil(NUM_ZEROS / scale)
        self._phases = ceil(_FINE_PHASES * scale)
        table = half_filter(self._reach * self._phases, ROLLOFF * scale / self._phases) * self._phases
        taps = np.arange(-self._reach + 1, self._reach + 1)
        # row q: the coefficients of inputs n - reach + 1 ... n + reach for an output q/phases after input n
        self._rows = table[np.abs(taps[None, :] * self._phases - np.arange(self._phases + 1)[:, None])]

    def span(self, unit: int) -> tuple[int, int]:
        first = unit * self.outputs
        last = first + self.outputs - 1
        return first * self._m // self._l - self._reach + 1, last * self._m // self._l + self._reach + 1

    def apply(self, unit: int, window: FloatArray) -> Wave:
        ticks = np.arange(unit * self.outputs, (unit + 1) * self.outputs, dtype=np.int64) * self._m
        inputs, late = np.divmod(ticks, self._l)
        phase, rest = np.divmod(late * self._phases, self._l)
        weight = rest / self._l
        views = np.lib.stride_tricks.sliding_window_view(window, 2 * self._reach)
        out = np.empty(self.outputs)
        for start in range(0, self.outputs, _GATHERED_OUTPUTS):
            part = slice(start, start + _GATHERED_OUTPUTS)
            heard = views[inputs[part] - inputs[0]]
            before = np.einsum("ok,ok->o", heard, self._rows[phase[part]])
            after = np.einsum("ok,ok->o", heard, self._rows[phase[part] + 1])
            out[part] = before + weight[part] * (after - before)
        return out.astype(np.float32)


@lru_cache(maxsize=8)
def design_bank(rate_in: int, rate_out: int) -> Bank:
    """The bank for a pair of rates in Hz; the last few are kept."""
    common = gcd(rate_in, rate_out)
    m, ratio = rate_in // common, rate_out // common
    reach = NUM_ZEROS * max(ratio, m) // ratio
    awkward = (m + 2 * reach) * ratio > _PERIODIC_ENTRIES
    return InterpolatedBank(m, ratio) if awkward else PeriodicBank(m, ratio)
