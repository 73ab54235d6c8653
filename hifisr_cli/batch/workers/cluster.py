"""A crew of Dask workers: recordings are sent to nodes, never more at once than these have threads.

Every group goes to one node that is named, so Dask's scheduler neither queues, nor moves, nor repeats any of it: what
becomes of the work of a node that is lost is decided here. All items are sent as such that may be done already: an
output that a lost node finished before anybody heard of it is adopted if its bytes are right.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import queue
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from hifisr_cli.batch.history.record import software
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.workers.alike import Alike
from hifisr_cli.batch.workers.crew import News
from hifisr_cli.batch.workers.messages import Hello, Progressed
from hifisr_cli.batch.workers.node import TICK, SharedFile, attend, work
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome, failed
from hifisr_cli.errors import ClusterError, CrashedError, DeviceError, HifisrError
from hifisr_cli.results import FileResult

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Identity

logger = logging.getLogger(__name__)

_LOOK = 1.0
"""Seconds between two looks at which nodes there are, and so until it is noticed that one is lost."""

_PATIENCE = 60.0
"""Seconds that a run waits for a first node, or for another one when all are gone."""

_DEATHS = 3
"""Nodes that may be lost with an item before the item is to blame, and starts that may fail on a node before it is."""

_ENDS_WITHIN = 4.0
"""Seconds that the nodes of a run that ends have for saying what they have finished. Ctrl-C ends all within five."""

AGAIN = "the same command goes on from here"

Heard = Callable[[object], None]
"""Is called, in another thread, with what a call returned or raised."""


class Dask(Protocol):
    """A connection to a Dask scheduler."""

    def nodes(self) -> Mapping[str, int]:
        """The threads of every Dask worker, by its address.

        Raises:
            ClusterError: the scheduler is gone.
        """
        ...

    def call(self, ticket: str, address: str, heard: Heard, function: Callable[..., object], *given: object) -> None:
        """Call a function on one Dask worker and nowhere else. `ticket` names the call."""
        ...

    def forget(self, ticket: str) -> None:
        """Nobody wants to hear of a call any more; what has not begun is not done."""
        ...

    def close(self) -> None:
        """End the cluster, too, if it was started for this run. Never raises."""
        ...


Connect = Callable[[str, Callable[[Mapping[str, Any]], None]], Dask]
"""Connects; the second argument is called, in another thread, with what nodes tell the topic that the first names."""


@dataclass(eq=False, slots=True)
class Member:
    """A node as the run sees it.

    Attributes:
        slots: groups that it works on at once.
        versions, said: what it says of itself, None before.
        admitted: it may work.
        refused: why it may not.
        leaving: something went wrong there. It gets no more to do, and has to introduce itself again after what it has.
        groups: what it works on, by the ticket of the call.
    """

    address: str
    slots: int
    versions: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, Any] | None = None
    admitted: bool = False
    refused: str | None = None
    leaving: bool = False
    groups: dict[str, tuple[WorkItem, ...]] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """How many further groups it may be given."""
        return self.slots - len(self.groups) if self.admitted and not self.leaving and self.refused is None else 0


class Cluster:
    """A crew of the nodes of a cluster, which come and go. It is connected to when there is work.

    Args:
        hello: how the nodes work.
        shared: what they have to see.
        model: what they have to compute with.
        mixed: nodes may round differently.
    """

    def __init__(
        self, connect: Connect, hello: Hello, *, shared: Sequence[SharedFile], model: Identity, mixed: bool
    ) -> None:
        self._connect, self._hello, self._shared = connect, hello, tuple(shared)
        self._run, self._count = f"hifisr-{uuid.uuid4().hex}", itertools.count()
        self._alike = Alike(model, mixed=mixed)
        self._dask: Dask | None = None
        self._members: dict[str, Member] = {}
        self._calls: dict[str, tuple[Member, Callable[[Member, str, object], Iterable[News]]]] = {}
        self._again: deque[WorkItem] = deque()
        self._deaths: Counter[int] = Counter()
        self._failures: Counter[str] = Counter()
        self._heard: queue.SimpleQueue[tuple[str | None, Any]] = queue.SimpleQueue()
        self._started = self._ending = self._was_admitted = False
        self._looked, self._alone_since = -math.inf, time.monotonic()

    @property
    def size(self) -> int:
        self._open()
        return max(1, sum(member.slots for member in self._members.values() if member.admitted))

    @property
    def free(self) -> bool:
        self._open()
        return not self._again and self._has_room

    @property
    def busy(self) -> bool:
        return bool(self._again) or self._working

    def start(self, items: Sequence[WorkItem]) -> tuple[()]:
        """Send items to the node that has the most room; the news of them come from `wait`."""
        member = max(self._members.values(), key=lambda member: member.free)
        sent = tuple(replace(item, stray=True, job=_absolute(item.job)) for item in items)
        member.groups[self._call(member, self._worked, work, self._run, sent)] = tuple(items)
        return ()

    def wait(self, timeout: float | None) -> Iterator[News]:
        """What the nodes say.

        Raises:
            ClusterError: the scheduler is gone, or there are no nodes any more.
            HifisrError: the model does not load.
        """
        yield from self._look()
        yield from self._listen(_LOOK if timeout is None else min(timeout, _LOOK))

    def close(self) -> list[tuple[WorkItem, WorkOutcome]]:
        """End what the nodes do, and take what they have finished."""
        if self._dask is None:
            return []
        self._ending = True
        for ticket, (member, _) in list(self._calls.items()):
            if ticket not in member.groups:
                self._dask.forget(ticket)
        finished, until = [], time.monotonic() + _ENDS_WITHIN
        with contextlib.suppress(HifisrError):
            while self._working and (left := until - time.monotonic()) > 0:
                for _ in self._look():  # raises where there is nobody to wait for
                    pass
                finished += [news for news in self._listen(min(left, TICK)) if not isinstance(news, Progressed)]
        self._dask.close()
        return finished

    @property
    def _has_room(self) -> bool:
        return any(member.free > 0 for member in self._members.values())

    @property
    def _working(self) -> bool:
        return any(member.groups for member in self._members.values())

    def _open(self) -> None:
        """Connect, if that is not done, and get to know the nodes that are there."""
        if self._dask is not None:
            return
        self._dask = self._connect(self._run, lambda word: self._heard.put((None, word)))
        until = time.monotonic() + _PATIENCE
        unknown = True
        while unknown and time.monotonic() < until:
            for _ in itertools.chain(self._look(), self._listen(TICK)):
                pass
            unknown = not self._members or any(m.said is None and m.refused is None for m in self._members.values())
        self._started = True
        for _, member in sorted(self._members.items()):  # the first one sets how it is rounded
            self._admit(member)
        self._check_alone()

    def _look(self) -> Iterator[News]:
        """Notice which nodes have come and gone, once in a while."""
        assert self._dask is not None
        if time.monotonic() - self._looked < _LOOK:
            return
        self._looked = time.monotonic()
        there = self._dask.nodes()
        for address, member in list(self._members.items()):
            if address not in there or (member.leaving and not member.groups):
                yield from self._gone(self._members.pop(address))
        for address in there.keys() - self._members.keys():
            member = self._members[address] = Member(address, there[address])
            self._call(member, self._compare_versions, software)
        self._check_alone()
        self._send_again()

    def _listen(self, timeout: float) -> Iterator[News]:
        """What is heard; waits for the first of it."""
        with contextlib.suppress(queue.Empty):
            ticket, word = self._heard.get(timeout=timeout)
            while True:
                if ticket is None:
                    yield from self._told(word)
                elif ticket in self._calls:
                    member, then = self._calls.pop(ticket)
                    self._forget(ticket)
                    yield from then(member, ticket, word)
                self._send_again()
                ticket, word = self._heard.get_nowait()

    def _told(self, word: Mapping[str, Any]) -> Iterator[News]:
        """A node says something by itself."""
        match word:
            case {"node": address}:
                if (member := self._members.get(address)) is not None:
                    member.said = word
                    if self._started:
                        self._admit(member)
            case {"level": level, "text": text}:
                logger.log(level, "%s", text)
            case {"progressed": progress}:
                yield Progressed(**progress)

    def _call(
        self,
        member: Member,
        then: Callable[[Member, str, object], Iterable[News]],
        function: Callable[..., object],
        *given: object,
    ) -> str:
        assert self._dask is not None
        ticket = f"{self._run}-{next(self._count)}"
        self._calls[ticket] = member, then
        self._dask.call(ticket, member.address, lambda result: self._heard.put((ticket, result)), function, *given)
        return ticket

    def _forget(self, ticket: str) -> None:
        assert self._dask is not None
        self._calls.pop(ticket, None)
        self._dask.forget(ticket)

    def _compare_versions(self, member: Member, _ticket: str, result: object) -> tuple[()]:
        """What a new node answers to the first question; then it is to attend."""
        if not isinstance(result, Mapping):
            self._refuse(member, f"no hifisr like this one is installed there: {result}")
            return ()
        member.versions = dict(result)
        if (different := self._alike.other_versions(result)) is not None:
            self._refuse(member, different)
        else:
            self._call(member, self._left, attend, self._run, self._hello, self._shared)
        return ()

    def _admit(self, member: Member) -> None:
        """Let a node work that has said how it computes, or refuse it."""
        if member.said is None or member.refused is not None:
            return
        if (different := self._alike.other_bytes(member.said)) is not None:
            self._refuse(member, different)
            return
        member.admitted = self._was_admitted = True
        how = ", ".join(f"{name} {value}" for name, value in member.said["computed"].items())
        logger.info("%s takes part, %d at once: %s", member.address, member.slots, how)

    def _refuse(self, member: Member, why: str) -> None:
        member.refused = why
        logger.warning("%s takes no part: %s", member.address, why)
        for ticket, (called, _) in list(self._calls.items()):
            if called is member and ticket not in member.groups:
                self._forget(ticket)

    def _left(self, member: Member, _ticket: str, result: object) -> tuple[()]:
        """A node attends no more, or never did."""
        if self._ending:
            return ()
        self._failures[member.address] += 1
        if isinstance(result, DeviceError) and self._failures[member.address] < _DEATHS:
            member.leaving = True  # a process of it died while it started, which may have been bad luck
        else:
            self._refuse(member, str(result) if isinstance(result, Exception) else "it is ending")
        return ()

    def _worked(self, member: Member, ticket: str, result: object) -> Iterator[News]:
        """A node has worked on a group."""
        group = member.groups.pop(ticket)
        if isinstance(result, HifisrError) and not isinstance(result, DeviceError | ClusterError):
            raise result
        if not isinstance(result, list):
            member.leaving = True
            yield from self._lost(group, str(result))
            return
        outcomes: dict[int, WorkOutcome] = dict(result)
        member.leaving = member.leaving or len(outcomes) < len(group)
        for item in group:
            outcome = outcomes.get(item.index)
            if outcome is None:  # the node ended before
                self._again.append(item)
                continue
            self._deaths.pop(item.index, None)
            if outcome.computed is not None:
                told = self._alike.told(member.address, member.versions, outcome.computed)
                outcome = replace(outcome, computed=told)
            yield item, replace(outcome, result=_as_planned(outcome.result, item.job))

    def _gone(self, member: Member) -> Iterator[News]:
        """A node is there no more: what it worked on is done elsewhere."""
        groups, member.groups = member.groups, {}
        for ticket, (called, _) in list(self._calls.items()):
            if called is member:
                self._forget(ticket)
        for group in groups.values():
            yield from self._lost(group, f"{member.address} is gone")

    def _lost(self, group: Sequence[WorkItem], why: str) -> Iterator[News]:
        """Each is done again, alone, unless it was lost too often."""
        for item in group:
            self._deaths[item.index] += 1
            if self._deaths[item.index] < _DEATHS:
                self._again.append(item)
                continue
            error = CrashedError(
                f"{_DEATHS} nodes were lost while they worked on it: {why}",
                path=item.job.label,
                hint="the file may be damaged, or need too much memory; the others go on",
            )
            yield item, WorkOutcome(failed(item.job, error))

    def _send_again(self) -> None:
        while self._again and self._has_room and not self._ending:
            self.start([self._again.popleft()])

    def _check_alone(self) -> None:
        """Raises ClusterError: there is no node left to wait for."""
        if any(member.refused is None for member in self._members.values()):
            self._alone_since = time.monotonic()
            return
        refused = next(iter(self._members.values()), None)
        if refused is not None and not self._was_admitted:
            raise ClusterError(f"no worker can take part: {refused.address}: {refused.refused}", hint=AGAIN)
        if time.monotonic() - self._alone_since > _PATIENCE:
            raise ClusterError(f"there has been no worker for {_PATIENCE:g} seconds", hint=AGAIN)


def _absolute(job: Job) -> Job:
    """The same job, whatever the working folder."""
    reads, writes, adds = (None if path is None else path.absolute() for path in (job.source, job.target, job.layer))
    return replace(job, reads=reads, writes=writes, adds=adds)


def _as_planned(result: FileResult, job: Job) -> FileResult:
    """A result whose outputs are called as in the plan of the run."""
    output, layer = (None if path is None else str(path) for path in (job.target, job.layer))
    return replace(result, output=result.output and output, layer=result.layer and layer)
