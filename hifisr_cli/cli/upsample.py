"""`hifisr upsample`: restore files and folders."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import typer

from hifisr_cli.cli.settings import check_bit_depth, check_device, check_streams, parse_cutoff

if TYPE_CHECKING:
    from hifisr_cli.restore.model import Model

_FEW_FILES = 20
"""Up to so many files, each gets a line of its own without --verbose."""


def upsample(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Recordings, folders of recordings (searched recursively), or - for stdin."
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
        typer.Option(metavar="auto|float32|bfloat16|float16", help="Arithmetic of the network; auto is float32."),
    ] = "auto",
    cutoff: Annotated[
        str,
        typer.Option(metavar="auto|HZ", help="Upper edge of the recordings' real content: measured, or given in Hz."),
    ] = "auto",
    chunk_seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            max=600.0,
            help="Length of the network's pieces: memory and speed, not the result.",
        ),
    ] = 10.0,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=1024, help="Pieces computed at once [default: 1 on the processor, 8 on a GPU]."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=1024, help="Processor threads of the network [default: all cores]."),
    ] = None,
    file_format: Annotated[
        Literal["wav", "flac", "keep"] | None,
        typer.Option(
            "--format",
            metavar="wav|flac|keep",
            help="Format of the outputs; keep is the input's [default: the file name's, or wav].",
        ),
    ] = None,
    bit_depth: Annotated[
        Literal["keep", "16", "24", "32f"],
        typer.Option(
            metavar="keep|16|24|32f", help="Bits a sample; keep is the input's, at least 24; 32f is floating point."
        ),
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
    from hifisr_cli.cli.conclusion import Conclusion, logging_to_stderr
    from hifisr_cli.cli.progress import display
    from hifisr_cli.restore.recording import RestoreOptions
    from hifisr_cli.results import Event

    check_streams(inputs, output, as_json=as_json, dry_run=dry_run)
    check_device(device)
    to_file = output != STDOUT and names_file(output, inputs)
    check_bit_depth(bit_depth, file_format, output if to_file else None)
    options = RestoreOptions(parse_cutoff(cutoff), chunk_seconds, batch_size, file_format, bit_depth, overwrite)
    find_model(model)  # a model that is not there is noticed before any work
    found = discover(inputs, exclude=None if to_file or output == STDOUT else Path(output))
    jobs = plan_outputs(found, output, requested=file_format, to_file=to_file)

    def load() -> Model:
        from hifisr_cli.restore.model import load_model

        started = time.monotonic()
        loaded = load_model(model, device=device, precision=precision, threads=threads)
        seconds = time.monotonic() - started
        logger.info("model %s on %s, %s, loaded in %.1f s", loaded.name, loaded.device, loaded.precision, seconds)
        return loaded

    each = verbose or len(jobs) <= _FEW_FILES
    lines: Literal["all", "failures", "none"] = "none" if dry_run else "all" if each else "failures"
    conclusion = Conclusion(quiet=quiet, as_json=as_json, dry_run=dry_run, failures_shown=each and not quiet)
    with (
        logging_to_stderr(verbose=verbose, as_json=as_json) as logger,
        conclusion,
        display([job.size for job in jobs], quiet=quiet, as_json=as_json, lines=lines) as show,
    ):

        def on_event(event: Event) -> None:
            show(event)
            conclusion.take(event)

        run(jobs, load=load, options=options, dry_run=dry_run, on_event=on_event, stdin=_stdin())
    raise typer.Exit(conclusion.exit_status)


def _stdin() -> BinaryIO | None:
    return None if sys.stdin is None else sys.stdin.buffer
