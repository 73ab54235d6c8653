"""Products in portions are products."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.matmul_portions import matmul_in_portions


@pytest.mark.parametrize("shape", [(0, 3, 2), (1, 1000, 1000), (999, 36, 32), (70_000, 4, 4)])
def test_it_is_the_matmul_in_portions(shape: tuple[int, int, int], rng: np.random.Generator) -> None:
    rows, inner, columns = shape
    left, right = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    assert np.allclose(matmul_in_portions(left, right), left @ right)
    assert matmul_in_portions(left.astype(np.float32), right.astype(np.float32)).dtype == np.float32
