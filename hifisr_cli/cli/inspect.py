"""`hifisr inspect`: what recordings are, before anything is done to them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, TextIO, cast

import typer

from hifisr_cli.cli.options import Inputs
from hifisr_cli.cli.render import failure_text, json_line, one_line
from hifisr_cli.cli.settings import check_streams
from hifisr_cli.errors import UsageError

if TYPE_CHECKING:
    from hifisr_cli.batch.inspect import Inspected, Progress
    from hifisr_cli.batch.plan.discover import Found

_LOG_INTERVAL = 10.0
_JSON_INTERVAL = 0.5


def inspect(
    inputs: Inputs,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object per file on stdout.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A line of CSV per file on stdout, with a header.")] = False,
    as_track: Annotated[
        bool,
        typer.Option("--cutoff-track", help="Of a single file: its cutoffs as CSV, for upsample --cutoff-track."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; results and failures only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks of unexpected errors.")] = False,
) -> None:
    """Show what recordings are: format, real bandwidth, loudness, defects, and whether upsample would restore them."""
    from hifisr_cli.batch.inspect import inspect_all
    from hifisr_cli.batch.plan.discover import discover
    from hifisr_cli.batch.plan.left_aside import LeftAside
    from hifisr_cli.cli.inspect_text import csv_header, csv_line, inspected_json, print_table
    from hifisr_cli.cli.terminal import exit_status, logging_to_stderr
    from hifisr_cli.restore.cutoff_track import CutoffTrack

    forms = {"--json": as_json, "--csv": as_csv, "--cutoff-track": as_track}
    chosen = [name for name, wanted in forms.items() if wanted]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0]} and {chosen[1]} would both write to standard output", hint="choose one")
    check_streams(inputs, None, as_json=as_json, dry_run=True)
    aside = LeftAside()
    found = discover(inputs, aside=aside)
    if as_track and len(found) > 1:
        raise UsageError("--cutoff-track is for a single recording", hint="name one")
    results: list[Inspected] = []
    with (
        logging_to_stderr(verbose=verbose, as_json=as_json, quiet=quiet) as logger,
        _follow(found, quiet=quiet, as_json=as_json) as on_progress,
    ):
        if aside.line is not None:
            logger.warning("%s", aside.line)
        if as_csv:
            print(csv_header(), flush=True)  # noqa: T201
        stdin = None if sys.stdin is None else sys.stdin.buffer
        for result in inspect_all(found, stdin=stdin, on_progress=on_progress):
            results.append(result)
            if as_json:
                print(inspected_json(result), flush=True)  # noqa: T201
            elif as_csv:
                print(csv_line(result), flush=True)  # noqa: T201
            elif as_track and result.inspection is not None:
                print(CutoffTrack.of(result.inspection.stretches).to_csv(), end="", flush=True)  # noqa: T201
    if not chosen:
        print_table(results)
    for result in results:
        if result.error is not None and not as_json:  # programs find them in the objects
            print(failure_text(result.input, result.error), file=sys.stderr)  # noqa: T201
    raise typer.Exit(exit_status(result.error for result in results))


@contextmanager
def _follow(found: Sequence[Found], *, quiet: bool, as_json: bool) -> Iterator[Progress]:
    """Shows the progress on standard error: a bar on a terminal, sparse lines in a log, JSON, or nothing."""
    if quiet or sys.stderr is None:
        yield lambda _index, _seconds, _total: None
    elif as_json:
        yield _json(found)
    else:
        with _bar(found) as show:
            yield show


def _json(found: Sequence[Found]) -> Progress:
    last = time.monotonic()  # nothing about what takes no time

    def show(index: int, seconds: float, total: float | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _JSON_INTERVAL:
            last = time.monotonic()
            place = {"event": "progress", "index": index, "files": len(found), "input": found[index].label}
            print(json_line({**place, "seconds": seconds, "total_seconds": total}), file=sys.stderr, flush=True)  # noqa: T201

    return show


@contextmanager
def _bar(found: Sequence[Found]) -> Iterator[Progress]:
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
