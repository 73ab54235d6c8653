"""Simulated band limits: frequency responses of the filters that recordings went through.

Shared by training and by the bench, so that both speak of the same degradations. They are complex responses, since a
recording is filtered with their phase; `dsp.bandwidth.templates` holds the powers alone, to compare spectra with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import FloatArray, Wave
from hifisr_cli.results import SAMPLE_RATE

Family = Literal["resample", "brickwall", "butterworth", "chebyshev", "gaussian"]
Response = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class BandLimit:
    """A low-pass.

    Attributes:
        family: resample (a raised-cosine edge that is -6 dB just under the cutoff), brickwall, Butterworth,
            Chebyshev type I, or Gaussian (the limit of Bessel filters of high order).
        cutoff_hz: nominal cutoff.
        order: of the Butterworth and Chebyshev filters.
        ripple_db: of the Chebyshev filter.
        softness: width of the resampling edge as a fraction of the cutoff.
    """

    family: Family
    cutoff_hz: float
    order: int = 8
    ripple_db: float = 0.5
    softness: float = 0.06

    def response(self, samples: int) -> Response:
        """Complex response on the bins of a real FFT of `samples` points: [K], K = samples // 2 + 1."""
        ratio = np.asarray(np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE) / self.cutoff_hz)
        return np.asarray(self._at(ratio), dtype=np.complex128)

    def _at(self, ratio: FloatArray) -> NDArray[np.inexact]:
        """The response at multiples of the cutoff frequency."""
        match self.family:
            case "resample":
                position = np.clip((ratio - (1.0 - self.softness)) / self.softness, 0.0, 1.0)
                return np.asarray(0.5 + 0.5 * np.cos(np.pi * position))
            case "brickwall":
                return np.asarray(ratio <= 1.0, dtype=np.float64)
            case "butterworth":
                return _all_pole(ratio, _butterworth_poles(self.order))
            case "chebyshev":
                epsilon = float(np.sqrt(10.0 ** (self.ripple_db / 10.0) - 1.0))
                return _all_pole(ratio, _chebyshev_poles(self.order, epsilon))
            case "gaussian":
                return np.asarray(np.exp(-0.5 * np.log(2.0) * ratio**2))


def _butterworth_poles(order: int) -> Response:
    k = np.arange(1, order + 1)
    return np.asarray(np.exp(1j * np.pi * (2 * k + order - 1) / (2 * order)))


def _chebyshev_poles(order: int, epsilon: float) -> Response:
    """Poles on an ellipse (Oppenheim and Schafer, Discrete-Time Signal Processing, appendix B)."""
    k = np.arange(1, order + 1)
    angle = np.pi * (2 * k - 1) / (2 * order)
    width = np.arcsinh(1.0 / epsilon) / order
    return np.asarray(-np.sinh(width) * np.sin(angle) + 1j * np.cosh(width) * np.cos(angle))


def _all_pole(ratio: FloatArray, poles: Response) -> Response:
    """The analogue all-pole low-pass of unit gain at 0 Hz, on the frequency axis s = j ratio."""
    s = 1j * ratio[:, None]
    return np.asarray(np.prod(-poles / (s - poles), axis=1))


def apply(wave: Wave, response: Response) -> Wave:
    """Filters a waveform [T] by circular convolution; `response` has T // 2 + 1 bins."""
    return np.fft.irfft(np.fft.rfft(wave) * response, wave.shape[-1]).astype(np.float32)
