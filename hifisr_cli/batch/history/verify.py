"""Is every output still what was written? The journal, or a single record, against the bytes. Never loads torch.

What holds for an output holds for the file of its layer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hifisr_cli.audio.suffixes import AUDIO_SUFFIXES
from hifisr_cli.batch.history.journal import has_journal, iter_journal
from hifisr_cli.batch.history.record import RECORD_SUFFIX, STREAM_NAME, OutputFile, Record, read_record, record_path
from hifisr_cli.errors import JournalError, UsageError, reason_of
from hifisr_cli.system.files import relative_path
from hifisr_cli.system.hashing import file_sha256

State = Literal["ok", "missing", "changed", "unreadable", "extra"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A file of the folder.

    Attributes:
        path: below the folder; of a single output, as it was given.
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
    time: str = ""

    @classmethod
    def of(cls, record: Record, file: OutputFile) -> _Expected:
        """What a record says of a file that was written."""
        return cls(file.size, file.sha256, needed=True, time=record.time)


def verify_folder(folder: Path, *, on_read: Callable[[int, int], None] | None = None) -> Iterator[Checked]:
    """Every output that the journal speaks of, in its order, those that have records beside them, then what is unknown.

    Originals that were kept as backups are checked as well.

    Args:
        on_read: called with the bytes that are checked and the bytes in all.

    Raises:
        UsageError: there is no such folder, or neither a journal nor a record in it.
        JournalError: the journal cannot be read.
    """
    if not folder.is_dir():
        raise UsageError("is not a folder", path=folder, hint="name the output folder of a run")
    expected = _expected(folder)
    recordings, records = _listed(folder)
    for name in records:
        _expect_single(expected, folder, name)
    if not expected and not has_journal(folder):
        raise UsageError(
            "there is no journal in this folder, and no record", path=folder, hint="name the output folder of a run"
        )
    total, done = sum(item.size for item in expected.values()), 0
    for name, item in expected.items():
        checked = _check(folder / name, name, item)
        done += item.size
        if on_read is not None:
            on_read(done, total)
        if checked is not None:
            yield checked
    yield from (Checked(name, "extra") for name in recordings if name not in expected)


def verify_file(path: Path, record: Path | None = None) -> list[Checked]:
    """A single output against the record beside it; without one, against the journal of the run that made it.

    The layer that a record speaks of is checked with its output, where the record says that it lies.

    Args:
        path: of the output, or of its record.
        record: the one to be compared with, wherever it lies and whatever name the output had then.

    Raises:
        UsageError: there is no record of it, or of no complete output.
        JournalError: the record cannot be read.
    """
    if record is None and path.name.endswith(RECORD_SUFFIX):
        path, record = _output_of(path), path
    if record is None:
        record = record_path(path)
        if not os.path.lexists(record):
            return [_by_journal(path)]
    made = read_record(record)
    if made.output is None:
        raise UsageError("is the record of a failure, which left no output", path=record)
    files = [(path, made.output)]
    if made.layer is not None:
        files.append((record.parent / made.layer.path, made.layer))
    return [checked for place, file in files if (checked := _check(place, str(place), _Expected.of(made, file)))]


def _output_of(record: Path) -> Path:
    """Where the output of a record lies: beside it under its name, or where the record says."""
    beside = record.with_name(record.name.removesuffix(RECORD_SUFFIX))
    if beside.name and os.path.lexists(beside):
        return beside
    made = read_record(record).output
    if made is not None and made.path == STREAM_NAME:
        raise UsageError(
            "its output went to standard output",
            path=record,
            hint="name the file that it was kept in: hifisr verify FILE --record RECORD",
        )
    return beside if made is None else record.parent / made.path


def _by_journal(path: Path) -> Checked:
    """An output of a run into a folder, named alone."""
    real = Path(os.path.realpath(path.parent), path.name)
    for folder in real.parents:
        if has_journal(folder):
            item = _expected(folder).get(real.relative_to(folder).as_posix())
            checked = None if item is None else _check(path, str(path), item)
            if checked is not None:
                return checked
    if not os.path.lexists(path):
        raise UsageError("there is no such file or folder", path=path, hint="name the output of a run")
    raise UsageError(
        "there is no record of it", path=path, hint="name the record with --record, or the output folder of the run"
    )


def _expected(folder: Path) -> dict[str, _Expected]:
    """What should be there by name. What an input no longer is the last word on may be there, but need not."""
    expected: dict[str, _Expected] = {}
    latest: dict[str, set[str]] = {}
    for record in iter_journal(folder):
        if record.output is None:
            continue
        key = record.input.absolute or record.input.path
        written = {file.path: _Expected.of(record, file) for file in record.files}
        for before in latest.get(key, set()) & expected.keys():
            expected[before] = replace(expected[before], needed=False)
        latest[key] = set(written)
        expected |= written
        _expect_backup(expected, record)
    return expected


def _expect_single(expected: dict[str, _Expected], folder: Path, name: str) -> None:
    """What the record of that name below the folder speaks of, unless the journal has a later word on it."""
    with contextlib.suppress(JournalError, UsageError):
        output, made = _output_of(folder / name), read_record(folder / name)
        below = relative_path(output, folder)
        outside = below.split("/", 1)[0] == os.pardir or Path(below).is_absolute()
        if made.output is None or outside or (below in expected and expected[below].time > made.time):
            return
        expected[below] = _Expected.of(made, made.output)
        if made.layer is not None:
            layer = relative_path(folder / name / os.pardir / made.layer.path, folder)
            expected[layer] = _Expected.of(made, made.layer)


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
        return Checked(name, "unreadable", reason_of(error))
    return Checked(name, "ok")


def _listed(folder: Path) -> tuple[list[str], list[str]]:
    """The recordings and the single records below a folder, by their paths from there, in sorted order."""
    recordings, records = [], []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        below = relative_path(parent, folder)
        for file in sorted(files):
            name = file if below == os.curdir else f"{below}/{file}"
            if os.path.splitext(file)[1].lower() in AUDIO_SUFFIXES:  # noqa: PTH122
                recordings.append(name)
            elif file.endswith(RECORD_SUFFIX):
                records.append(name)
    return recordings, records
