from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.plan.shard import Shard, shards_of

RECORDINGS = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 10**9), max_size=40)


def jobs(recordings: dict[str, int]) -> list[Job]:
    return [Job(f"/in/{name}", f"/out/{name}", name, size, relative=name) for name, size in recordings.items()]


def archive(files: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    sizes = 1e6 * np.exp(1.4 * rng.standard_normal(files))
    return [(f"box {rng.integers(40)}/tape {place}.wav", int(size)) for place, size in enumerate(sizes)]


@given(RECORDINGS, st.integers(1, 7))
def test_every_recording_is_in_one_shard(recordings: dict[str, int], count: int) -> None:
    whole = jobs(recordings)
    shares = [Shard(count, index).own(whole) for index in range(1, count + 1)]
    assert sorted(job.label for share in shares for job in share) == sorted(recordings)
    for share in shares:
        assert list(share) == [job for job in whole if job in share], "in the order of the run"


@given(RECORDINGS, st.integers(1, 7), st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(recordings: dict[str, int], count: int, chance: object) -> None:
    listed = list(recordings.items())
    other = sorted(listed, key=lambda item: (item[1], item[0]))
    assert dict(zip(listed, shards_of(listed, count), strict=True)) == dict(
        zip(other, shards_of(other, count), strict=True)
    )


@pytest.mark.parametrize("count", [2, 16, 64])
def test_shards_are_of_one_size(rng: np.random.Generator, count: int) -> None:
    recordings = archive(4_000, rng)
    sizes = np.array([size for _, size in recordings])
    loads = np.bincount(shards_of(recordings, count), weights=sizes)[1:]
    assert len(loads) == count
    assert loads.max() <= 1.05 * loads.mean() + sizes.max() / count
    assert loads.max() < 1.2 * loads.mean()


def test_one_that_is_larger_than_a_share_has_a_shard_for_itself() -> None:
    recordings = [("huge.wav", 1000), *((f"{index}.wav", 1) for index in range(300))]
    shards = shards_of(recordings, 4)
    assert shards.count(shards[0]) == 1


def test_few_change_their_shard_when_recordings_are_added(rng: np.random.Generator) -> None:
    recordings = archive(4_000, rng)
    before = shards_of(recordings[:3_600], 16)
    after = shards_of(recordings, 16)
    moved = sum(size for (_, size), old, new in zip(recordings, before, after, strict=False) if old != new)
    assert moved < 0.1 * sum(size for _, size in recordings[:3_600]), "sharing out anew would move 15 of 16"
    one_more = shards_of([*recordings, ("new.wav", 1_000_000)], 16)[:-1]
    assert sum(old != new for old, new in zip(after, one_more, strict=True)) < 200


def test_odd_names_and_none_at_all() -> None:
    assert shards_of([], 3) == []
    assert shards_of([("\udce9.wav", 0), ("é.wav", 0)], 1) == [1, 1]


@pytest.mark.parametrize(("text", "shard"), [("3-of-16", Shard(16, 3)), ("3-of", None), ("", None), ("a-of-b", None)])
def test_the_part_of_a_name(text: str, shard: Shard | None) -> None:
    assert Shard.of_part(text) == shard
    assert shard is None or (shard.part == text and str(shard) == "3/16")
    assert Path(Shard(16, 3).part).name == "3-of-16"
