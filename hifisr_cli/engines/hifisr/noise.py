"""The noise that the network shapes into the texture of breath, fricatives and cymbals: white and of unit variance.

Most networks want it calm.

White noise scatters by 5.6 dB in every bin of a short-time spectrum. What it stands for does, too, but elsewhere. Calm
noise has its magnitudes drawn a little towards their mean.

That of a recording depends on nothing but the place: sample n is the same whenever and however the recording is cut, so
that outputs are reproducible and independent of chunks.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.engines.white_noise import white_noise

_HOP = 1024
_N_FFT = 2 * _HOP
_CALM = 0.3
"""How far towards the mean, of their distance in decibels."""
_LOUDER = 1.0526
"""Makes up for what that takes from the variance."""
_BLOCK = 5 * _HOP
_BLOCKS = 200
"""It begins again after 21 seconds: nobody hears so long a period, and nothing is made twice."""
_KEY = 0x48694669


def positional_noise(start: int, length: int, seed: int = 0, *, calm: bool = True) -> Wave:
    """Samples `start` to `start + length` of an endless noise: [T]. `start` may be negative.

    Args:
        seed: 0 to 2^32 - 1; another one, another noise.
    """
    first, last = start // _BLOCK, (start + length - 1) // _BLOCK
    block = _block if calm else _white
    blocks = [block(seed, index % _BLOCKS) for index in range(first, last + 1)]
    offset = start - first * _BLOCK
    return np.concatenate(blocks)[offset : offset + length] if length else np.zeros(0, np.float32)


def drawn_noise(generator: np.random.Generator, length: int, *, calm: bool = True) -> Wave:
    """A draw of such noise: [T]."""
    if not calm:
        return generator.standard_normal(length, np.float32)
    hops = -(-length // _HOP)
    return _calmed(generator.standard_normal((hops + 2) * _HOP, np.float32))[:length]


def _calmed(white: Wave) -> Wave:
    """White noise of unit variance made calm, less a hop at either end: [(F + 2) hop] -> [F hop]."""
    window = np.sin(np.pi * (np.arange(_N_FFT, dtype=np.float32) + 0.5) / _N_FFT).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(white, _N_FFT)[::_HOP] * window
    spectrum = np.fft.rfft(frames)
    magnitude = np.abs(spectrum) / np.float32(np.sqrt(_N_FFT / 2)) + np.float32(1e-6)
    frames = np.fft.irfft(spectrum * (_LOUDER * magnitude**-_CALM).astype(np.float32), n=_N_FFT) * window
    return np.asarray((frames[:-1, _HOP:] + frames[1:, :_HOP]).ravel(), np.float32)


@cache
def _block(seed: int, index: int) -> Wave:
    before, after = (index - 1) % _BLOCKS, (index + 1) % _BLOCKS
    around = (_white(seed, before)[-_HOP:], _white(seed, index), _white(seed, after)[:_HOP])
    block = _calmed(np.concatenate(around))
    block.flags.writeable = False
    return block


@cache
def _white(seed: int, index: int) -> Wave:
    return white_noise(_KEY, seed, index, _BLOCK)
