"""Chunk plans: whatever the cuts, exactly the samples that came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.errors import UsageError
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.restore.windows import ChunkPlan, windows


@given(
    total=st.integers(0, 3000),
    core=st.integers(1, 40),
    context=st.integers(0, 30),
    hop=st.sampled_from([1, 3, 16]),
    grain=st.sampled_from([1, 1, 4]),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
    channels=st.integers(1, 3),
)
def test_cores_join_to_the_input(
    *, total: int, core: int, context: int, hop: int, grain: int, cuts: list[int], channels: int
) -> None:
    samples = np.random.default_rng(total).standard_normal((channels, total)).astype(np.float32)
    plan = ChunkPlan(core * hop, context * hop, hop, grain)
    blocks = np.split(samples, sorted(min(cut, total) for cut in cuts), axis=1)
    padded = np.pad(samples, ((0, 0), (plan.context, plan.context + plan.core)))
    joined, start = [], 0
    for window in windows(blocks, plan):
        assert (window.samples.shape[1] - 2 * plan.context) % hop == 0
        size = window.samples.shape[1] - 2 * plan.context
        assert size == plan.core or size % (grain * hop) == 0
        assert size <= plan.core
        # Every window sees the true neighbourhood of its core, and silence outside the recording.
        assert np.array_equal(window.samples, padded[:, start : start + window.samples.shape[1]])
        joined.append(window.samples[:, plan.context : plan.context + window.length])
        start += window.length
    assert start == total
    if total:
        assert np.array_equal(np.concatenate(joined, axis=1), samples)


def test_fit_rounds_to_whole_frames() -> None:
    plan = ChunkPlan.fit(1.0, 1000, 480, 48_000)
    assert (plan.core, plan.context, plan.hop) == (48_000, 1440, 480)
    assert ChunkPlan.fit(0.0001, 0, 480, 48_000).core == 480


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 0.0, -1.0])
def test_chunks_of_no_length(seconds: float) -> None:
    with pytest.raises(UsageError, match="seconds long"):
        ChunkPlan.fit(seconds, 0, 480, 48_000)
    with pytest.raises(UsageError, match="seconds long"):
        RestoreOptions(chunk_seconds=seconds)
