"""One of N parts of a run that several machines share: `3/16` is the third of sixteen.

Which recordings are a shard's is decided by every shard for itself, from the list that it has found: nobody hands them
out. So the rule has to give about the same answer for a list that has grown meanwhile, and shards of about the same
size. It is rendezvous hashing with bounded loads (after Thaler and Ravishankar, and Mirrokni, Thorup and Zadimoghaddam,
"Consistent hashing with bounded loads"): the largest recording first, each goes to the first shard in an order of its
own, drawn from its name, that has room for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.system.files import portable_path

_ROOM = 1.05
"""How much more than the mean a shard takes, in bytes. By `benchmarks/shard_balance.py`, of 2,000 recordings in 16
shards: less balances little better and moves more (1.02: 4.2 % of the bytes change their shard when a tenth is added,
1.05: 3.4 %, 1.2: 1.7 %)."""

_CHOICES = 16
"""Shards that a recording asks for room before it goes to the emptiest: as many as fit into one hash."""


@dataclass(frozen=True, slots=True, order=True)
class Shard:
    """The shard `index` of `count`, from 1 on."""

    count: int
    index: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def part(self) -> str:
        """What tells its files from those of other shards in one folder: "3-of-16"."""
        return f"{self.index}-of-{self.count}"

    @classmethod
    def of_part(cls, text: str) -> Self | None:
        """The shard whose `part` it is, if it is one."""
        found = re.fullmatch(r"(\d+)-of-(\d+)", text, re.ASCII)
        return None if found is None else cls(int(found[2]), int(found[1]))

    def own(self, jobs: Sequence[Job]) -> tuple[Job, ...]:
        """Those of all jobs of a run that are this shard's, in the same order."""
        shards = shards_of([(portable_path(job.relative), job.size) for job in jobs], self.count)
        return tuple(job for job, index in zip(jobs, shards, strict=True) if index == self.index)


def shards_of(recordings: Sequence[tuple[str, int]], count: int) -> list[int]:
    """The shard of each recording, from 1 on, by its name below the input folder and its size in bytes."""
    most = _ROOM * sum(size for _, size in recordings) / count
    loads = [0] * count
    shards = [0] * len(recordings)
    for place in sorted(range(len(recordings)), key=lambda place: (-recordings[place][1], recordings[place][0])):
        name, size = recordings[place]
        chosen = next((shard for shard in _order(name, count) if loads[shard] + size <= most), None)
        if chosen is None:
            chosen = loads.index(min(loads))
        loads[chosen] += size
        shards[place] = chosen + 1
    return shards


def _order(name: str, count: int) -> Iterator[int]:
    """The shards that a recording asks, one after the other: the same for every list that it stands in."""
    drawn = blake2b(os.fsencode(name), digest_size=4 * _CHOICES).digest()
    for start in range(0, len(drawn), 4):
        yield int.from_bytes(drawn[start : start + 4], "big") % count
