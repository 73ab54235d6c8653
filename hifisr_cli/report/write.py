"""A report from a folder's journal: rows, pictures, page, file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hifisr_cli.batch.history.journal import read_journal
from hifisr_cli.errors import JournalError, OutputExistsError
from hifisr_cli.report.draw import Artist
from hifisr_cli.report.overview import overview
from hifisr_cli.report.page import GENERATOR, page_html
from hifisr_cli.report.rows import Row, Shared, to_row
from hifisr_cli.system.staged_file import output_error, write_file

REPORT_NAME = "report.html"

PICTURES = 50
"""So many files get pictures, unless another number is asked for: the page stays at a few megabytes."""

_DRAW_MORE = "hifisr report DIR --pictures all draws them all"


@dataclass(frozen=True, slots=True)
class Report:
    """A page that was written.

    Attributes:
        path: of the page.
        files: in its table.
        drawn: files with pictures.
    """

    path: Path
    files: int
    drawn: int


def write_report(
    folder: Path,
    target: Path | None = None,
    *,
    pictures: int | Literal["all"] = PICTURES,
    embed: bool = False,
    originals: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Writes the page about everything that the journal of `folder` says. A page of hifisr's is replaced.

    Args:
        folder: an output folder.
        target: the page; `report.html` in the folder if None.
        pictures: of so many files, put into the page; "all" puts them into a folder beside it.
        embed: put the sound of the drawn files into the page, too, up to `draw.EMBED_LIMIT` bytes.
        originals: where the inputs lie now, if they have moved.
        on_progress: called with how many files are drawn, and how many will be.

    Raises:
        JournalError: the folder has no journal.
        OutputExistsError: the target is there and no page of hifisr's.
        OutputError: it cannot be written.
    """
    page = target if target is not None else folder / REPORT_NAME
    _check_target(page)
    records = read_journal(folder)
    if not records:
        raise JournalError("no journal of a run in this folder", path=folder, hint="name the output folder of a run")
    how = Shared()
    rows = [to_row(record, how) for record in records]
    beside = page.with_name(f"{page.stem}-pictures") if pictures == "all" else None
    artist = Artist(page, folder, originals, beside, embed)
    for row in rows:
        artist.refer(row)
    chosen = _by_interest(rows, None if pictures == "all" else pictures)
    try:
        for done, number in enumerate(chosen):
            artist.draw(rows[number], number)
            if on_progress is not None:
                on_progress(done + 1, len(chosen))
    except OSError as error:
        raise output_error(error, beside or page) from error
    drawn = sum("picture" in row.data for row in rows)
    all_outputs = sum(not row.failed for row in rows)
    notes = (
        [f"Pictures were drawn of {drawn:,} of {all_outputs:,} outputs; {_DRAW_MORE}."] if drawn < all_outputs else []
    )
    text = page_html(
        folder.resolve().name or str(folder),
        overview(rows),
        rows,
        how=how.values,
        draw_more=_DRAW_MORE,
        notes=notes,
    )
    write_file(page, [text.encode("utf-8")], overwrite=True)
    return Report(page, len(rows), drawn)


def _by_interest(rows: Sequence[Row], most: int | None) -> list[int]:
    """Numbers of at most `most` rows (None: all) with an output: with warnings first, then by kept-band error.

    Failures are more interesting still, but there is nothing to draw of them.
    """
    candidates = [number for number, row in enumerate(rows) if row.record.output is not None]
    candidates.sort(key=lambda number: (not rows[number].warnings, -rows[number].kept_band_error_db, number))
    return candidates if most is None else candidates[:most]


def _check_target(page: Path) -> None:
    if not os.path.lexists(page):
        return
    with contextlib.suppress(OSError), page.open("rb") as file:
        if GENERATOR.encode("ascii") in file.read(4_096):
            return
    raise OutputExistsError("is there already, and is no report of hifisr's", path=page, hint="choose another name")
