"""Effective bit depth: what is really in use."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.inspection.bit_depth import BitDepthMeter


def used(integers: np.ndarray, scale_bits: int, file_bits: int, *, is_float: bool = False) -> int | None:
    meter = BitDepthMeter(file_bits, is_float=is_float)
    wave = (integers / 2.0 ** (scale_bits - 1)).astype(np.float32)
    for part in np.array_split(wave[None], 3, axis=1):
        meter.push(part)
    return meter.result()


@pytest.mark.parametrize("bits", [8, 12, 16, 20, 24])
@pytest.mark.parametrize("file_bits", [16, 24, 32])
def test_material_of_fewer_bits_is_recognised(bits: int, file_bits: int, rng: np.random.Generator) -> None:
    if bits <= file_bits:
        integers = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 5000)
        assert used(integers, bits, file_bits) == bits


def test_one_odd_sample_is_enough(rng: np.random.Generator) -> None:
    integers = rng.integers(-(2**15), 2**15, 5000) * 256
    integers[4000] += 1
    assert used(integers, 24, 24) == 24


@pytest.mark.parametrize("bits", [16, 24])
def test_floating_point_that_holds_integers(bits: int, rng: np.random.Generator) -> None:
    integers = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 5000)
    assert used(integers, bits, 32, is_float=True) == bits


def test_real_floating_point_has_no_depth(rng: np.random.Generator) -> None:
    assert used(rng.standard_normal(5000), 1, 32, is_float=True) is None


def test_silence_uses_nothing() -> None:
    assert used(np.zeros(100), 16, 16) == 0
    assert used(np.zeros(100), 16, 32, is_float=True) == 0


def test_full_negative_scale_alone_is_one_bit() -> None:
    assert used(np.full(10, -(2**15)), 16, 16) == 1
