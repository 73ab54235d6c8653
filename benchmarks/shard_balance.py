"""How evenly `--shard` shares recordings out, and how many change their shard when recordings are added.

    python benchmarks/shard_balance.py [--shards 16]

Recordings of log-normal length (median 90 s, sigma 1.4), 20 archives of each size. Balance is the bytes of the fullest
shard over the mean. For comparison: the name's hash alone, and the longest first to whoever has least (LPT), which
balances best and moves nearly everything.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from hifisr_cli.batch.plan import shard as module
from hifisr_cli.batch.plan.shard import shards_of

Recordings = Sequence[tuple[str, int]]


def by_hash(recordings: Recordings, count: int) -> list[int]:
    return [next(module._order(name, count)) + 1 for name, _ in recordings]


def longest_first(recordings: Recordings, count: int) -> list[int]:
    loads, shards = [0] * count, [0] * len(recordings)
    for place in sorted(range(len(recordings)), key=lambda place: (-recordings[place][1], recordings[place][0])):
        chosen = loads.index(min(loads))
        loads[chosen] += recordings[place][1]
        shards[place] = chosen + 1
    return shards


def with_room(room: float) -> Callable[[Recordings, int], list[int]]:
    def rule(recordings: Recordings, count: int) -> list[int]:
        before, module._ROOM = module._ROOM, room
        try:
            return shards_of(recordings, count)
        finally:
            module._ROOM = before

    return rule


def archive(files: int, seed: int) -> list[tuple[str, int]]:
    rng = np.random.default_rng(seed)
    sizes = 32_000 * 90 * np.exp(1.4 * rng.standard_normal(files))
    return [(f"box {rng.integers(40)}/tape {rng.integers(10**9)}.wav", int(size)) for size in sizes]


def balance(recordings: Recordings, shards: list[int], count: int) -> float:
    loads = np.bincount(np.array(shards) - 1, weights=[size for _, size in recordings], minlength=count)
    return float(loads.max() / loads.mean())


def moved(rule: Callable[[Recordings, int], list[int]], recordings: Recordings, added: int, count: int) -> float:
    """The share of the bytes that change their shard when the last `added` recordings come to the others."""
    before = recordings[: len(recordings) - added]
    pairs = zip(before, rule(before, count), rule(recordings, count), strict=False)
    return sum(size for (_, size), first, then in pairs if first != then) / sum(size for _, size in before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--archives", type=int, default=20)
    given = parser.parse_args()
    rules = {"hash": by_hash, "longest first": longest_first} | {f"room {r}": with_room(r) for r in (1.02, 1.05, 1.2)}
    print("files   rule           balance  worst   moved by +1 file    +1 %   +10 %")
    for files in (200, 2_000, 20_000):
        for name, rule in rules.items():
            archives = [archive(files, seed) for seed in range(given.archives)]
            even = [balance(recordings, rule(recordings, given.shards), given.shards) for recordings in archives]
            shares = [
                np.mean([moved(rule, recordings, added, given.shards) for recordings in archives])
                for added in (1, files // 100, files // 11)
            ]
            print(
                f"{files:6}  {name:14} {np.mean(even):7.2f} {max(even):6.2f}  "
                + "".join(f"{share:10.2%}" for share in shares),
                flush=True,
            )


if __name__ == "__main__":
    main()
