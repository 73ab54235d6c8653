"""Progress of an inspection on standard error: a bar on a terminal, sparse lines in a log, JSON, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, TextIO, cast

from hifisr_cli.cli.render import json_line, one_line

if TYPE_CHECKING:
    from hifisr_cli.batch.plan.discover import Found

Follow = Callable[[int, float, float | None], None]

_LOG_INTERVAL = 10.0
_JSON_INTERVAL = 0.5


@contextmanager
def follow(found: Sequence[Found], *, quiet: bool, as_json: bool) -> Iterator[Follow]:
    """What takes the index of a recording, its seconds that are through and its seconds in all, and shows them."""
    if quiet or sys.stderr is None:
        yield lambda _index, _seconds, _total: None
    elif as_json:
        yield _json(found)
    else:
        with _bar(found) as show:
            yield show


def _json(found: Sequence[Found]) -> Follow:
    last = time.monotonic()  # nothing about what takes no time

    def show(index: int, seconds: float, total: float | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _JSON_INTERVAL:
            last = time.monotonic()
            place = {"event": "progress", "index": index, "files": len(found), "input": found[index].label}
            print(json_line({**place, "seconds": seconds, "total_seconds": total}), file=sys.stderr, flush=True)  # noqa: T201

    return show


@contextmanager
def _bar(found: Sequence[Found]) -> Iterator[Follow]:
    """Recordings count by their size, which is known before they are opened."""
    from tqdm import tqdm

    from hifisr_cli.cli.bars import _WholeLines

    terminal = sys.stderr.isatty()
    sizes = [float(max(item.size, 1)) for item in found]
    before = [0.0, *accumulate(sizes)]
    tqdm.monitor_interval = 0  # no thread that redraws
    with tqdm(
        total=sum(sizes),
        file=sys.stderr if terminal else cast(TextIO, _WholeLines()),
        mininterval=0.2 if terminal else _LOG_INTERVAL,
        miniters=0,
        delay=0.5 if terminal else _LOG_INTERVAL,
        ascii=not terminal,
        leave=False,
        bar_format="{percentage:3.0f}% |{bar:20}| {desc}",
    ) as bar:

        def show(index: int, seconds: float, total: float | None) -> None:
            name = one_line(found[index].label)
            bar.set_description_str(f"{index} of {len(found)} files, {name[-40:]}", refresh=False)
            share = min(seconds / total, 1.0) if total else 0.0
            bar.update(max(before[index] + share * sizes[index] - bar.n, 0.0))

        yield show
