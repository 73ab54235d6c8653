"""`hifisr upsample`: restore files and folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hifisr_cli.errors import UsageError

if TYPE_CHECKING:
    from hifisr_cli.restore.model import Model
    from hifisr_cli.results import RunSummary

_MANY_FILES = 20
"""Up to so many files, each gets a line of its own without --verbose."""

_LOWEST_HZ, _HIGHEST_HZ = 100.0, 24_000.0
_SOME_FAILED = 3


def upsample(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...", help="Recordings, folders of recordings (searched recursively), or - for stdin."
        ),
    ],
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE|-",
            help="Where to write: a folder, a file name for a single input, or - for stdout.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="A bundled model by name, or a .safetensors file [default: bundled]."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|cuda:N|mps", help="Where the network runs.")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        typer.Option(help="Arithmetic of the network; auto is float32."),
    ] = "auto",
    cutoff: Annotated[
        str,
        typer.Option(metavar="auto|HZ", help="Upper edge of the recordings' real content: measured, or given in Hz."),
    ] = "auto",
    chunk_seconds: Annotated[
        float,
        typer.Option(min=0.1, max=600.0, help="Length of the network's pieces: memory and speed, not the result."),
    ] = 20.0,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Pieces computed at once [default: 1 on the processor, 8 on a GPU]."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processor threads of the network [default: all cores].")
    ] = None,
    file_format: Annotated[
        Literal["wav", "flac", "keep"] | None,
        typer.Option("--format", help="Format of the outputs; keep is the input's [default: the file name's, or wav]."),
    ] = None,
    bit_depth: Annotated[
        Literal["keep", "16", "24", "32f"],
        typer.Option(help="Bits a sample; keep is the input's, at least 24; 32f is floating point."),
    ] = "keep",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there already.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be done, with the measured cutoffs; write nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary; failures only.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="A line for every file, and tracebacks of unexpected errors.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object per file on stdout, progress as JSON on stderr.")
    ] = False,
) -> None:
    """Restore band-limited recordings to full-band 48 kHz.

    Below the cutoff an output is the input; above it, it is generated. Full-band recordings are copied through.
    """
    from hifisr_cli.batch.discover import discover
    from hifisr_cli.batch.plan import STDOUT, names_file, plan_outputs
    from hifisr_cli.batch.runner import run
    from hifisr_cli.checkpoints.registry import find_model
    from hifisr_cli.cli.progress import display
    from hifisr_cli.restore.recording import RestoreOptions
    from hifisr_cli.results import Event, FileFinished

    if as_json and output == STDOUT:
        raise UsageError("--json and --output - would both write to standard output", hint="write to a file")
    options = RestoreOptions(_cutoff(cutoff), chunk_seconds, batch_size, file_format, bit_depth, overwrite)
    find_model(model)  # a model that is not there is noticed before any work
    _set_up_logging(verbose=verbose)
    to_file = output != STDOUT and names_file(output, inputs)
    found = discover(inputs, exclude=None if to_file or output == STDOUT else Path(output))
    jobs = plan_outputs(found, output, requested=file_format, to_file=to_file)

    def load() -> Model:
        from hifisr_cli.restore.model import load_model

        return load_model(model, device=device, precision=precision, threads=threads)

    lines = (verbose or len(jobs) <= _MANY_FILES) and not dry_run
    with display([job.size for job in jobs], quiet=quiet or dry_run, as_json=as_json, lines=lines) as show:

        def on_event(event: Event) -> None:
            show(event)
            if as_json and isinstance(event, FileFinished):
                from hifisr_cli.cli.render import result_json

                print(result_json(event.result), flush=True)  # noqa: T201

        summary = run(jobs, load=load, options=options, dry_run=dry_run, on_event=on_event)
    _conclude(summary, quiet=quiet, as_json=as_json, dry_run=dry_run, lines_shown=lines)
    if summary.count("failed"):
        raise typer.Exit(_SOME_FAILED)


def _conclude(summary: RunSummary, *, quiet: bool, as_json: bool, dry_run: bool, lines_shown: bool) -> None:
    """The last words of a run."""
    from hifisr_cli.cli.render import json_line, plan_table, summary_fields, summary_text

    if as_json:
        print(json_line(summary_fields(summary)), file=sys.stderr)  # noqa: T201
        return
    if dry_run:
        print("\n".join(plan_table(summary.results)))  # noqa: T201
    if not quiet:
        # With a line per file and few of them, the failures have just been read.
        print("\n".join(summary_text(summary, name_failures=not lines_shown)), file=sys.stderr)  # noqa: T201
    elif summary.count("failed"):
        print("\n".join(summary_text(summary)[1:]), file=sys.stderr)  # noqa: T201


def _cutoff(text: str) -> float | None:
    """The value of --cutoff in Hz, None for "auto"."""
    if text == "auto":
        return None
    try:
        hertz = float(text)
    except ValueError:
        hertz = float("nan")
    if not _LOWEST_HZ <= hertz <= _HIGHEST_HZ:
        raise UsageError(
            f"--cutoff {text!r} is neither 'auto' nor a frequency from {_LOWEST_HZ:g} to {_HIGHEST_HZ:g} Hz",
            hint="say --cutoff 3400",
        )
    return hertz


def _set_up_logging(*, verbose: bool) -> None:
    """With --verbose the library's log, tracebacks of failed files included, goes to standard error."""
    import logging

    logger = logging.getLogger("hifisr_cli")
    logger.setLevel(logging.DEBUG if verbose else logging.CRITICAL)
    if verbose and not logger.handlers:
        logger.addHandler(logging.StreamHandler())
