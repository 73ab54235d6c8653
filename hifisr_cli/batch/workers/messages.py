"""What this process and its workers say to each other: pickled messages with their length in front, over pipes.

Both ends are the same program, started by one another; nothing else can write to these pipes.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

from hifisr_cli.batch.request import ModelRequest
from hifisr_cli.batch.workers.work_item import Manner, WorkItem, WorkOutcome

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Identity
    from hifisr_cli.restore.file import RestoreOptions

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Hello:
    """To a worker, first: how it works on every item."""

    model: ModelRequest
    options: RestoreOptions
    manner: Manner
    verbose: bool


@dataclass(frozen=True, slots=True)
class Do:
    """To a worker: items to be done together."""

    items: tuple[WorkItem, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: its model is loaded.

    Attributes:
        computed: how it rounds, see `engines.numerics`.
    """

    identity: Identity
    computed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoStart:
    """From a worker: it has no model, and why."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Progressed:
    """From a worker: how far it has come with an item."""

    index: int
    stage: Literal["survey", "restore"]
    seconds: float
    total: float | None


@dataclass(frozen=True, slots=True)
class Done:
    """From a worker: what became of an item."""

    index: int
    outcome: WorkOutcome


@dataclass(frozen=True, slots=True)
class Said:
    """From a worker: a line for the log."""

    level: int
    text: str


Reply = Ready | NoStart | Progressed | Done | Said
Order = Hello | Do


def send(stream: BinaryIO, message: Reply | Order) -> None:
    """Write a message."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: BinaryIO) -> object:
    """The next message, None at the end of the stream (in the middle of a message, too)."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return pickle.loads(data) if len(data) == length else None
