from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.features import CHANNELS, GRID_HZ, GROUPS, POSITIONS, features
from tests.dsp.bandwidth.conftest import RATE, babble, brick_wall


def test_features_do_not_know_the_gain() -> None:
    seen = []
    for gain in (1.0, 0.1):
        levels = BandLevels(RATE)
        levels.push((gain * babble())[None].astype(np.float32))
        seen.append(features(levels))
    # a frame may fall into another class of loudness: a fraction of a decibel
    assert np.mean(np.abs(seen[0] - seen[1])) < 0.02


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000, 96_000])
def test_features_have_one_shape_and_end_at_nyquist(rate: int) -> None:
    levels = BandLevels(rate)
    levels.push(babble(1.0, rate)[None].astype(np.float32))
    seen = features(levels)
    assert seen.shape == (CHANNELS, POSITIONS)
    above = min(rate / 2, 24_000) < GRID_HZ
    assert not seen[:-2, above].any()
    assert seen[-3, ~above].all()


def test_bands_go_up_and_down_together_only_where_there_is_content() -> None:
    levels = BandLevels(RATE)
    hiss = 10 ** (-50 / 20) * np.random.default_rng(5).standard_normal(5 * RATE)
    levels.push((brick_wall(babble(), 4000) + hiss)[None].astype(np.float32))
    together = features(levels)[-3 - 2 * GROUPS : -3]
    content, floor = (GRID_HZ > 2000) & (GRID_HZ < 3700), (GRID_HZ > 4600) & (GRID_HZ < 22_000)
    beside_below = together[0]
    assert beside_below[content].min() > 0.5
    assert np.abs(beside_below[floor]).max() < 0.4
    assert np.abs(np.mean(beside_below[floor])) < 0.06
