"""Is every output of a folder still what was written? The journal against the bytes. Never loads torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hifisr_cli.audio.formats import AUDIO_SUFFIXES
from hifisr_cli.batch.journal import iter_journal, journal_path
from hifisr_cli.batch.record import Record
from hifisr_cli.batch.task import file_sha256
from hifisr_cli.errors import UsageError

State = Literal["ok", "missing", "changed", "unreadable", "extra"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A file of the folder.

    Attributes:
        path: below the folder.
        state: "ok"; "missing", "changed" (other bytes than were written) or "unreadable"; "extra" is a recording that
            the journal does not know.
        detail: what is wrong with it.
    """

    path: str
    state: State
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class _Expected:
    size: int
    sha256: str | None
    needed: bool


def verify_folder(folder: Path, *, on_read: Callable[[int, int], None] | None = None) -> Iterator[Checked]:
    """Every output that the journal speaks of, in its order, then the recordings that it does not know.

    Originals that were kept as backups are checked as well.

    Args:
        on_read: hears the bytes that are checked and those that there are in all.

    Raises:
        UsageError: there is no such folder, or no journal in it.
        JournalError: the journal cannot be read.
    """
    if not folder.is_dir():
        raise UsageError("is not a folder", path=folder, hint="name the output folder of a run")
    if not journal_path(folder).exists():
        raise UsageError("there is no journal in this folder", path=folder, hint="name the output folder of a run")
    expected = _expected(folder)
    total, done = sum(item.size for item in expected.values()), 0
    for name, item in expected.items():
        checked = _check(folder / name, name, item)
        done += item.size
        if on_read is not None:
            on_read(done, total)
        if checked is not None:
            yield checked
    yield from _extra(folder, expected)


def _expected(folder: Path) -> dict[str, _Expected]:
    """What should be there by name. What an input no longer is the last word on may be there, but need not."""
    expected: dict[str, _Expected] = {}
    latest: dict[str, str] = {}
    for record in iter_journal(folder):
        if record.output is None:
            continue
        key = record.input.absolute or record.input.path
        name = record.output.path
        before = latest.get(key)
        if before not in (None, name) and before in expected:
            old = expected[before]
            expected[before] = _Expected(old.size, old.sha256, needed=False)
        latest[key] = name
        expected[name] = _Expected(record.output.size, record.output.sha256, needed=True)
        _expect_backup(expected, record)
    return expected


def _expect_backup(expected: dict[str, _Expected], record: Record) -> None:
    if record.input.backup is not None:
        expected[record.input.backup] = _Expected(record.input.size, record.input.sha256, needed=True)


def _check(path: Path, name: str, item: _Expected) -> Checked | None:
    """None for what is not there and need not be."""
    try:
        size = path.stat().st_size
        if size != item.size:
            return Checked(name, "changed", f"{size} bytes instead of {item.size}")
        if item.sha256 is not None and file_sha256(path) != item.sha256:
            return Checked(name, "changed", "other bytes than were written")
    except (FileNotFoundError, NotADirectoryError):
        return Checked(name, "missing") if item.needed else None
    except OSError as error:
        return Checked(name, "unreadable", (error.strerror or str(error)).lower())
    return Checked(name, "ok")


def _extra(folder: Path, known: dict[str, _Expected]) -> Iterator[Checked]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        below = os.path.relpath(parent, folder)
        for file in sorted(files):
            name = file if below == os.curdir else os.path.join(below, file)  # noqa: PTH118
            if os.path.splitext(file)[1].lower() in AUDIO_SUFFIXES and name not in known:  # noqa: PTH122
                yield Checked(name, "extra")
