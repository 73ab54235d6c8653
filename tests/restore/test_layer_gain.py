from __future__ import annotations

import math

import numpy as np
import pytest

from hifisr_cli.errors import UsageError
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.restore.layer_gain import HIGHEST_DB, LOWEST_DB, mixed


def test_the_layer_alone_is_louder_or_quieter(rng: np.random.Generator) -> None:
    original, restored = (rng.standard_normal((2, 1_000)).astype(np.float32) for _ in range(2))
    assert mixed(restored, original, 0.0) is restored, "to the bit"
    assert np.array_equal(mixed(restored, original, -math.inf), original)
    for gain_db in (LOWEST_DB, -6.0, 6.0, HIGHEST_DB):
        layer = mixed(restored, original, gain_db).astype(np.float64) - original
        expected = 10 ** (gain_db / 20) * (restored.astype(np.float64) - original)
        assert np.abs(layer - expected).max() < 1e-6 * max(1.0, np.abs(expected).max())


def test_a_copy_stays_one(rng: np.random.Generator) -> None:
    original = rng.standard_normal((1, 100)).astype(np.float32)
    assert mixed(original, original, -6.0) is original


@pytest.mark.parametrize("gain_db", [math.nan, math.inf, 20.1, -61.0])
def test_what_is_no_gain(gain_db: float) -> None:
    with pytest.raises(UsageError, match="layer gain"):
        RestoreOptions(layer_gain_db=gain_db)
