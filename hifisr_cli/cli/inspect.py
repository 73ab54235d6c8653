"""`hifisr inspect`: what recordings are, before anything is done to them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hifisr_cli.cli.options import Inputs
from hifisr_cli.cli.settings import check_streams
from hifisr_cli.errors import FileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hifisr_cli.batch.inspect import Inspected


def inspect(
    inputs: Inputs,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object per file on stdout.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A line of CSV per file on stdout, with a header.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; results and failures only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks of unexpected errors.")] = False,
) -> None:
    """Show what recordings are: format, real bandwidth, loudness, defects, and whether upsample would restore them."""
    from hifisr_cli.batch.inspect import inspect_all
    from hifisr_cli.batch.plan.discover import discover
    from hifisr_cli.cli.conclusion import logging_to_stderr
    from hifisr_cli.cli.inspect_progress import follow
    from hifisr_cli.cli.inspect_text import csv_header, csv_line, inspected_json, print_table
    from hifisr_cli.errors import UNEXPECTED

    if as_json and as_csv:
        raise UsageError("--json and --csv would both write to standard output", hint="choose one")
    check_streams(inputs, None, as_json=as_json, dry_run=True)
    found = discover(inputs)
    results: list[Inspected] = []
    with (
        logging_to_stderr(verbose=verbose, as_json=as_json),
        follow(found, quiet=quiet, as_json=as_json) as on_progress,
    ):
        if as_csv:
            print(csv_header(), flush=True)  # noqa: T201
        stdin = None if sys.stdin is None else sys.stdin.buffer
        for result in inspect_all(found, stdin=stdin, on_progress=on_progress):
            results.append(result)
            if as_json:
                print(inspected_json(result), flush=True)  # noqa: T201
            elif as_csv:
                print(csv_line(result), flush=True)  # noqa: T201
    if not as_json and not as_csv:
        print_table(results)
    _name_failures(results, as_json=as_json)
    codes = {result.error.code for result in results if result.error is not None}
    raise typer.Exit(1 if UNEXPECTED in codes else FileError.exit_status if codes else 0)


def _name_failures(results: Sequence[Inspected], *, as_json: bool) -> None:
    """A line for each on standard error; programs find them in the objects."""
    from hifisr_cli.cli.render import one_line

    for result in results:
        if result.error is not None and not as_json:
            hint = "" if result.error.hint is None else f" ({result.error.hint})"
            print(one_line(f"failed    {result.input}: {result.error.message}{hint}"), file=sys.stderr)  # noqa: T201
