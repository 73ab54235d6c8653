"""The head of the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hifisr_cli.report.overview import overview
from hifisr_cli.report.rows import Shared, to_row
from tests.report.conftest import RESULT, record


def test_time_that_processes_share_and_pauses_between_runs_do_not_count() -> None:
    """Two files side by side for 10 s, a third one the next day for 5 s: 15 s of work for 60 s of audio."""
    times = {
        "a": ("2026-11-21T15:00:10.000Z", 10.0),
        "b": ("2026-11-21T15:00:10.000Z", 8.0),
        "c": ("2026-11-22T09:00:00Z", 5.0),
    }
    rows = [
        to_row(record(replace(RESULT, seconds=20.0, wall_seconds=wall), f"{name}.wav", time=time), Shared())
        for name, (time, wall) in times.items()
    ]
    figures = overview(rows)
    assert figures.wall_seconds == pytest.approx(15.0)
    assert figures.times_real_time == pytest.approx(4.0)
