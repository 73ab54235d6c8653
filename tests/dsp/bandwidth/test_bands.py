from __future__ import annotations

import numpy as np

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.frames import Framing
from tests.dsp.bandwidth.conftest import RATE


def test_memory_is_constant() -> None:
    levels = BandLevels(RATE)
    size = levels.sums.nbytes + levels.counts.nbytes
    for _ in range(20):
        levels.push(np.zeros((1, 10_000), np.float32))
    assert levels.sums.nbytes + levels.counts.nbytes == size < 2_000_000


def test_frames_may_come_one_by_one() -> None:
    density = np.random.default_rng(6).exponential(1e-4, (50, len(BandLevels(RATE).cells)))
    density[7] = 0.0
    whole, single = BandLevels(RATE), BandLevels(RATE)
    whole.add(density)
    for row in density:
        single.add(row[None])
    assert whole.frames == single.frames == 49
    for name in ("counts", "sums", "histogram", "total", "products"):
        np.testing.assert_allclose(getattr(single, name), getattr(whole, name), rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(whole.products, (density**0.25).T @ density**0.25, rtol=1e-9)


def test_frames_can_be_taken_back() -> None:
    rng = np.random.default_rng(7)
    first, second = (0.1 * rng.standard_normal((2, RATE)).astype(np.float32) for _ in range(2))
    one, both = BandLevels(RATE), BandLevels(RATE)
    for frames in Framing(RATE).push(first):
        one.count(frames)
        both.count(frames)
    for frames in Framing(RATE).push(second):
        both.count(frames)
        both.count(frames, -1)
    for name in ("counts", "sums", "histogram", "total", "products", "spectrum"):
        np.testing.assert_allclose(getattr(both, name), getattr(one, name), rtol=1e-9, atol=1e-9, err_msg=name)
