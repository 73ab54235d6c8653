"""`hifisr verify`: are outputs still what was written?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from hifisr_cli.errors import UsageError

_DAMAGED, _EXTRA = 10, 11


def verify(
    output: Annotated[
        Path, typer.Argument(metavar="DIR|FILE", help="The output folder of a run, a single output, or its record.")
    ],
    *,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The record of a single output [default: the one beside it]."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing where everything is as it was.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object for every file on stdout.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="A line for every file, and tracebacks of unexpected errors.")
    ] = False,
) -> None:
    """Check outputs against the journal of their run, or a single one against its record: every byte as it was written.

    Ends with status 0 if so, 10 if outputs are missing or changed, 11 if there are just recordings that no journal
    or record knows. Names the shards of a shared run that have written no journal yet.
    """
    from hifisr_cli.batch.history.journal import silent_shards
    from hifisr_cli.batch.history.verify import verify_file, verify_folder
    from hifisr_cli.cli.render import json_line, one_line

    counts: Counter[str] = Counter()
    with _Progress(shown=not quiet and not as_json and sys.stderr.isatty()) as progress:
        folder = output.is_dir()
        if folder and record is not None:
            raise UsageError("--record goes with a single output", path=output, hint="name the file that it speaks of")
        found = verify_folder(output, on_read=progress.update) if folder else verify_file(output, record)
        for checked in found:
            counts[checked.state] += 1
            if as_json:
                fields = {"path": checked.path, "state": checked.state, "detail": checked.detail}
                print(json_line(fields), flush=True)  # noqa: T201
            elif checked.state != "ok" or verbose:
                detail = "" if checked.detail is None else f": {checked.detail}"
                progress.print(one_line(f"{checked.state:<10} {checked.path}{detail}"))
    silent = {count: missing for count, missing in (silent_shards(output) if folder else {}).items() if missing}
    damaged = counts["missing"] + counts["changed"] + counts["unreadable"]
    if as_json and not quiet:
        print(json_line({"event": "summary", **_in_full(counts), **_of_shards(silent)}), file=sys.stderr)  # noqa: T201
    elif not quiet or damaged or counts["extra"]:
        said = ", ".join(f"{count} {state}" for state, count in _in_full(counts).items() if count or state == "ok")
        print(said, file=sys.stderr)  # noqa: T201
    for count, missing in () if as_json else silent.items():
        names = ", ".join(map(str, missing))
        print(f"{count - len(missing)} of {count} shards have a journal; none: {names}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(_DAMAGED if damaged else _EXTRA if counts["extra"] else 0)


def _of_shards(silent: Mapping[int, Sequence[int]]) -> dict[str, object]:
    return {"silent_shards": {str(count): missing for count, missing in silent.items()}} if silent else {}


def _in_full(counts: Counter[str]) -> dict[str, int]:
    return {state: counts[state] for state in ("ok", "missing", "changed", "unreadable", "extra")}


class _Progress:
    """A bar over the bytes on a terminal, or nothing."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def __enter__(self) -> _Progress:
        from tqdm import tqdm

        self._bar = tqdm(
            total=0,
            unit="B",
            unit_scale=True,
            disable=not self._shown,
            leave=False,
            file=sys.stderr,
            dynamic_ncols=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def print(self, line: str) -> None:
        self._bar.clear()
        print(line, flush=True)  # noqa: T201
