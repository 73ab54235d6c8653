from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.frames import Framing
from tests.dsp.bandwidth.conftest import RATE


@pytest.mark.parametrize("block", [1_000, 65_536, 10**9])
def test_frames_say_where_they_are_and_silent_ones_are_left_out(block: int) -> None:
    rng = np.random.default_rng(0)
    audio = np.zeros((1, 10 * RATE), np.float32)
    for second in (1, 2, 6, 9):
        audio[:, second * RATE :][:, : RATE // 2] = rng.standard_normal(RATE // 2)
    framing = Framing(RATE)
    frames = [
        part for start in range(0, audio.shape[1], block) for part in framing.push(audio[:, start : start + block])
    ]
    starts = np.concatenate([part.starts for part in frames])
    end = int(np.flatnonzero(audio[0])[-1]) + 1
    every = np.arange(0, end - framing.window + 1, framing.hop)
    sounding = [start for start in every if audio[0, start : start + framing.window].any()]
    np.testing.assert_array_equal(starts, sounding)


def test_the_mean_density_of_white_noise_is_its_power() -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal((2, 5 * RATE)).astype(np.float32)
    density = np.concatenate([part.density for part in Framing(RATE).push(noise)], axis=1)
    assert density.shape[0] == 2
    np.testing.assert_allclose(density.mean(axis=1), 0.01, rtol=0.1)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="sample_rate"):
        Framing(0)
    with pytest.raises(ValueError, match="channels"):
        list(Framing(RATE).push(np.zeros(100, np.float32)))
