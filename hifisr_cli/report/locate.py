"""Where the recordings of a journal are now, and how a page beside them refers to them."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from hifisr_cli.batch.history.record import Record


def find_original(record: Record, folder: Path, originals: Path | None) -> Path | None:
    """The recording that was read, or None where it is not to be found any more.

    Args:
        folder: the one that holds the journal.
        originals: where the inputs lie now, if they have moved; looked at first.
    """
    given = record.input
    candidates = [] if originals is None else [originals / given.relative]
    if given.backup is not None:
        candidates.append(folder / given.backup)
    candidates += [Path(path) for path in (given.absolute, given.path) if path]
    return next((path for path in candidates if _is_file(path)), None)


def find_output(record: Record, folder: Path) -> Path | None:
    """The output, or None where there is none."""
    if record.output is None:
        return None
    path = folder / record.output.path
    return path if _is_file(path) else None


def has_changed(path: Path, size: int) -> bool:
    """The file does not have the size that the journal noted."""
    try:
        return path.stat().st_size != size
    except OSError:
        return True


def reference(path: Path, page: Path) -> str:
    """How the page refers to a file: relative and percent-encoded, whatever bytes its name has."""
    base = os.path.realpath(page.parent)
    try:
        relative = os.path.relpath(os.path.join(os.path.realpath(path.parent), path.name), base)  # noqa: PTH118
    except ValueError:  # another drive
        return path.absolute().as_uri()
    quoted = quote(os.fsencode(relative).replace(os.fsencode(os.sep), b"/"))
    return f"./{quoted}" if not quoted.startswith("../") else quoted


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
