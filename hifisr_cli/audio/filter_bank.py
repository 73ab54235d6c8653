"""Filter banks for `resample.py`: the coefficients of every phase, and how a block of outputs is made from them.

With M/L the reduced ratio of input to output rate, the coefficient between input s and output m is
h((s*L - m*M) / L), where h is the impulse response with its time in input samples. Two banks do that:

- `PeriodicBank` for ratios between usual rates: the pattern repeats every L outputs, so a block of outputs is one
  matrix product of overlapping rows of input with a constant matrix.
- `InterpolatedBank` for awkward rates (primes, say) whose pattern is too long to store: a fixed number of phases,
  linearly interpolated (error below -140 dB), the memory bounded whatever the rate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from math import ceil, gcd
from typing import Protocol

import numpy as np
import numpy.typing as npt

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

Samples = npt.NDArray[np.float64]


class Bank(Protocol):
    """Makes outputs in units of a fixed number, unit u being outputs u*outputs to (u+1)*outputs - 1."""

    outputs: int

    def span(self, unit: int) -> tuple[int, int]:
        """The inputs [start, end) that a unit needs, as positions in the recording (negative before its start)."""
        ...

    def apply(self, unit: int, window: Samples) -> npt.NDArray[np.float32]:
        """The outputs [outputs] of a unit from the inputs [end - start] of its span."""
        ...


def half_filter(points: int, cutoff: float) -> Samples:
    """Right half of the impulse response: `points` + 1 samples of cutoff * sinc(cutoff * j) under a Kaiser window.

    `cutoff` is relative to the Nyquist frequency of the table. resampy only offers tables of 2**precision samples
    between zero crossings; taking every sample of the table for a "zero crossing" and scaling the roll-off down
    in proportion gives the same filter with any number of them.
    """
    window = partial(np.kaiser, beta=KAISER_BETA)
    table: Samples = _sinc_window()(num_zeros=points, precision=0, window=window, rolloff=cutoff)[0]
    return table


def _sinc_window() -> Callable[..., tuple[Samples, int, float]]:
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
    designer: Callable[..., tuple[Samples, int, float]] = filters.sinc_window
    return designer


class PeriodicBank:
    """Outputs by products [rows, inputs] x [inputs, outputs a row]; one row advances by a multiple of M inputs."""

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

    def apply(self, unit: int, window: Samples) -> npt.NDArray[np.float32]:  # noqa: ARG002 - all units are alike
        rows = np.lib.stride_tricks.sliding_window_view(window, self._hop + 2 * self._reach)[:: self._hop]
        out = np.empty((_ROWS, self._row_outputs), np.float32)
        for top in range(0, _ROWS, _PRODUCT_ROWS):
            part = slice(top, top + _PRODUCT_ROWS)
            heard = np.ascontiguousarray(rows[part])
            for columns, matrix in self._columns:
                out[part, columns] = heard @ matrix
        return out.reshape(-1)


class InterpolatedBank:
    """Outputs one by one from the two nearest stored phases."""

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

    def apply(self, unit: int, window: Samples) -> npt.NDArray[np.float32]:
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
