from __future__ import annotations

import numpy as np

from hifisr_cli.degrade.disturb import gated


def test_a_gate_closes_in_pauses_only() -> None:
    rng = np.random.default_rng(2)
    wave = 1e-4 * rng.standard_normal(48_000).astype(np.float32)
    voiced = slice(16_000, 32_000)
    wave[voiced] += 0.1 * np.sin(np.arange(16_000) / 20).astype(np.float32)
    for seed in range(8):
        closed = gated(wave, np.random.default_rng(seed))
        assert np.array_equal(closed[voiced], wave[voiced])
        assert np.abs(closed[:8_000]).max() < 0.4 * np.abs(wave[:8_000]).max()
