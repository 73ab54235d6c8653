"""The head of the page: counts, time, speed, models, and how the cutoffs are distributed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hifisr_cli.report.rows import Row


@dataclass(frozen=True, slots=True)
class Overview:
    """A run in figures.

    Attributes:
        statuses: files by status.
        warned: files with warnings.
        audio_seconds: of all files that were restored or copied.
        wall_seconds: while at least one of them was being worked on, by however many processes and runs.
        first, last: when the first and the last file ended, UTC.
        models: name and parameter hash of every model that was used, the most used first.
        software: versions of hifisr, the most used first.
        cutoff_counts: restored files by cutoff in bands of 1 kHz from 0 to 24.
        worst_kept_db: the largest kept-band error of all, None where every kept band is untouched.
    """

    statuses: Mapping[str, int]
    warned: int
    audio_seconds: float
    wall_seconds: float
    first: str | None
    last: str | None
    models: Sequence[tuple[str, str]]
    software: Sequence[str]
    cutoff_counts: Sequence[int]
    worst_kept_db: float | None

    @property
    def files(self) -> int:
        return sum(self.statuses.values())

    @property
    def times_real_time(self) -> float | None:
        """Seconds of audio for a second of work."""
        return self.audio_seconds / self.wall_seconds if self.wall_seconds > 0 else None


def overview(rows: Sequence[Row]) -> Overview:
    """Sums up the rows."""
    finished = [row for row in rows if not row.failed]
    times = sorted(row.record.time for row in rows)
    models = Counter((r.record.model.name, r.record.model.parameter_sha256) for r in rows if r.record.model is not None)
    software = Counter(row.record.software.get("hifisr", "?") for row in rows)
    bands = [0] * 24
    for row in finished:
        if row.record.status == "restored" and row.data.get("cutoff") is not None:
            bands[min(int(row.data["cutoff"] // 1000), 23)] += 1
    errors = [row.data["kept"] for row in finished if row.data["kept"] is not None]
    return Overview(
        statuses=Counter(row.record.status for row in rows),
        warned=sum(bool(row.warnings) for row in rows),
        audio_seconds=sum(float(row.data.get("seconds") or 0) for row in finished),
        wall_seconds=_wall_seconds(finished),
        first=times[0] if times else None,
        last=times[-1] if times else None,
        models=[model for model, _ in models.most_common()],
        software=[version for version, _ in software.most_common()],
        cutoff_counts=bands,
        worst_kept_db=max(errors, default=None),
    )


def _wall_seconds(rows: Sequence[Row]) -> float:
    """Length of the union of the times in which the rows' files were worked on."""
    spans = []
    for row in rows:
        end = datetime.fromisoformat(row.record.time).timestamp()
        spans.append((end - float(row.data.get("work") or 0), end))
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total
