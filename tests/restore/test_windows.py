"""Windows: whatever the cuts, exactly the samples that came in; and the seam that joins what became of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.errors import UsageError
from hifisr_cli.restore.file import RestoreOptions
from hifisr_cli.restore.windows import ChunkPlan, Seam, windows

Wave = np.ndarray

PLACES = {
    "total": st.integers(0, 3000),
    "core": st.integers(1, 40),
    "context": st.integers(0, 30),
    "hop": st.sampled_from([1, 3, 16]),
    "cuts": st.lists(st.integers(0, 3000), max_size=8),
    "channels": st.integers(1, 3),
}


def blocks_of(total: int, cuts: list[int], channels: int) -> tuple[Wave, list[Wave]]:
    samples = np.random.default_rng(total).standard_normal((channels, total)).astype(np.float32)
    return samples, np.split(samples, sorted(min(cut, total) for cut in cuts), axis=1)


@given(**PLACES, grain=st.sampled_from([1, 1, 4]))
def test_cores_join_to_the_input(
    *, total: int, core: int, context: int, hop: int, grain: int, cuts: list[int], channels: int
) -> None:
    samples, blocks = blocks_of(total, cuts, channels)
    plan = ChunkPlan(core * hop, context * hop, grain * hop)
    padded = np.pad(samples, ((0, 0), (plan.context, plan.context + plan.core)))
    joined, start = [], 0
    for window in windows(blocks, plan):
        size = window.samples.shape[1] - 2 * plan.context
        assert size % hop == 0
        assert size == plan.core or size % plan.grain == 0
        assert size <= plan.core
        # Every window sees the true neighbourhood of its core, and silence outside the recording.
        assert np.array_equal(window.samples, padded[:, start : start + window.samples.shape[1]])
        joined.append(window.samples[:, plan.context : plan.context + window.length])
        start += window.length
    assert start == total
    if total:
        assert np.array_equal(np.concatenate(joined, axis=1), samples)


def fixed(core: int, context: int) -> ChunkPlan:
    return ChunkPlan(core, context, core, "mirror")


@given(**PLACES)
def test_windows_of_one_length_have_it_to_the_end(
    *, total: int, core: int, context: int, hop: int, cuts: list[int], channels: int
) -> None:
    samples, blocks = blocks_of(total, cuts, channels)
    plan = fixed(core * hop, context * hop)
    joined, start = [], 0
    for window in windows(blocks, plan):
        assert window.samples.shape == (channels, plan.core + 2 * plan.context)
        assert window.start == start - plan.context
        inside = slice(max(-window.start, 0), min(total - window.start, window.samples.shape[1]))
        place = slice(window.start + inside.start, window.start + inside.stop)
        assert np.array_equal(window.samples[:, inside], samples[:, place])  # the recording, where there is one
        joined.append(window.samples[:, window.context : window.context + window.length])
        start += window.length
    assert start == total
    if total:
        assert np.array_equal(np.concatenate(joined, axis=1), samples)


def test_beyond_the_ends_stands_the_mirror_image() -> None:
    samples = np.arange(1, 13, dtype=np.float32)[None]
    first, second = windows([samples], fixed(8, 3))
    assert first.samples[0].tolist() == [3, 2, 1, *range(1, 12)]
    assert second.samples[0].tolist() == [*range(6, 13), 12, 11, 10, 9, 8, 7, 6]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_shortest_recordings_fill_a_window(length: int) -> None:
    (window,) = windows([np.ones((2, length), np.float32)], fixed(48, 16))
    assert window.samples.shape == (2, 80)
    assert (window.samples == 1).all()
    assert window.length == length


def test_nothing_here_is_large() -> None:
    """Constant memory: what a recording of any length keeps in hand is less than two windows."""
    plan = fixed(147_456, 24_576)
    limit = 2 * (plan.core + 2 * plan.context)
    for window in windows((np.zeros((1, 48_000), np.float32) for _ in range(60)), plan):
        base = window.samples.base
        assert base is None or base.size <= limit


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 0.0, -1.0])
def test_chunks_of_no_length(seconds: float) -> None:
    with pytest.raises(UsageError, match="seconds long"):
        RestoreOptions(chunk_seconds=seconds)


def test_the_seam_fades_linearly_from_one_window_to_the_next() -> None:
    seam = Seam(4)
    first = seam.join(np.zeros((1, 14), np.float32), 10)
    second = seam.join(np.ones((1, 14), np.float32), 10)
    assert not first.any()
    assert second[0, :5].tolist() == [0.125, 0.375, 0.625, 0.875, 1.0]
    assert seam.join(np.ones((1, 2 + 4), np.float32), 2).tolist() == [[1.0, 1.0]]  # shorter than the fade
