"""Which files get pictures where there are too many to draw them all: those that somebody should look at first."""

from __future__ import annotations

from collections.abc import Sequence

from hifisr_cli.report.rows import Row


def by_interest(rows: Sequence[Row], most: int | None) -> list[int]:
    """Numbers of at most `most` rows (None: all) that have an output: warnings, then the largest kept-band error.

    Failures are more interesting still, but there is nothing to draw of them.
    """
    candidates = [number for number, row in enumerate(rows) if row.record.output is not None]
    candidates.sort(key=lambda number: (not rows[number].warnings, -rows[number].kept_band_error_db, number))
    return candidates if most is None else candidates[:most]
