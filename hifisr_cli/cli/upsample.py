"""`hifisr upsample`: restore files and folders."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import typer

from hifisr_cli.cli.afterwards import Afterwards
from hifisr_cli.cli.loudness import parse_loudness, parse_true_peak
from hifisr_cli.cli.settings import (
    check_bit_depth,
    check_device,
    check_in_place,
    check_raw,
    check_record,
    check_streams,
    is_live,
    parse_cutoff,
    parse_duration,
    parse_measure,
)

if TYPE_CHECKING:
    from hifisr_cli.engines.hifisr.engine import Model

_FEW_FILES = 20
"""Up to so many files, each gets a line of its own without --verbose."""


def upsample(  # noqa: PLR0915  one command, many options
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Recordings, folders of recordings (searched recursively), or - for stdin."
        ),
    ],
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR|FILE|-",
            help="Where to write: a folder, a file name for a single input, or - for stdout.",
        ),
    ] = None,
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
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            max=600.0,
            help="Length of the network's pieces: memory, speed and delay, not the result [default: 3; 1 in a pipe].",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=1024, help="Pieces computed at once [default: one a core, 8 on a GPU]."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=1024, help="Processor threads of the network [default: all cores]."),
    ] = None,
    file_format: Annotated[
        Literal["wav", "flac", "raw", "keep"] | None,
        typer.Option(
            "--format",
            metavar="wav|flac|raw|keep",
            help="Format of the outputs; raw has no header, keep is the input's [default: the file name's, or wav].",
        ),
    ] = None,
    bit_depth: Annotated[
        Literal["keep", "16", "24", "32f"],
        typer.Option(
            metavar="keep|16|24|32f", help="Bits a sample; keep is the input's, at least 24; 32f is floating point."
        ),
    ] = "keep",
    loudness: Annotated[
        str,
        typer.Option(metavar="keep|match|LUFS", help="Output as loud as restored, as its input, or as this: -23."),
    ] = "keep",
    true_peak: Annotated[
        str | None,
        typer.Option(
            metavar="DBTP|off", help="The gain keeps the true peak below [default: -1 with a target in LUFS, else off]."
        ),
    ] = None,
    raw: Annotated[
        str | None,
        typer.Option(
            metavar="RATE,CHANNELS,FORMAT", help="Inputs without a header; FORMAT: s16le, s24be, f32le, u8, mulaw, ..."
        ),
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS|all", help="From stdin to stdout: measure the cutoff on so much, or all [default: 10]."
        ),
    ] = None,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Restore what is readable of damaged recordings; the result says so.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that are there already.")] = False,
    keep_mtime: Annotated[
        bool, typer.Option("--keep-mtime", help="Outputs keep their input's time of modification.")
    ] = False,
    name_suffix: Annotated[
        str, typer.Option("--suffix", metavar="TEXT", help="Goes into the names of outputs: _48k makes NAME_48k.wav.")
    ] = "",
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Outputs replace their inputs; the originals are kept as NAME.orig."),
    ] = False,
    backup_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With --in-place: keep the originals in this folder, under their names."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=1024,
            help="Worker processes; 0 is none but this one [default: as many as the cores, 0 for one file].",
        ),
    ] = None,
    checksum: Annotated[
        bool, typer.Option("--checksum", help="What is done already is known by the inputs' SHA-256, not their mtime.")
    ] = False,
    checksums: Annotated[
        bool, typer.Option("--checksums", help="Write the SHA-256 of each output beside it, for sha256sum -c.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The record of a single output (what was done, hashes) [default: OUTPUT.hifisr.json; none of stdout].",
        ),
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Write no record of a single output.")] = False,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="SECONDS|H:MM:SS", help="End after this time; the same command goes on from there."),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write report.html into the output folder: what was done, to see and hear.")
    ] = False,
    premis: Annotated[
        bool, typer.Option("--premis", help="Write premis.xml into the output folder: the run as PREMIS 3 events.")
    ] = False,
    bagit: Annotated[
        bool, typer.Option("--bagit", help="Make the output folder a BagIt bag, with the outputs below data/.")
    ] = False,
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
    from hifisr_cli.audio.decoders.raw import parse_raw
    from hifisr_cli.batch.plan.output_names import STDOUT, names_file
    from hifisr_cli.batch.run import iterate
    from hifisr_cli.batch.start import choose_workers, open_session, plan_run, plan_run_in_place, with_record
    from hifisr_cli.batch.workers.process import Reserve
    from hifisr_cli.batch.workers.sharing import ModelRequest, RunSettings
    from hifisr_cli.checkpoints.frozen import read_info
    from hifisr_cli.checkpoints.registry import find_model
    from hifisr_cli.cli.conclusion import Conclusion, logging_to_stderr
    from hifisr_cli.cli.progress import display
    from hifisr_cli.restore.file import RestoreOptions
    from hifisr_cli.restore.pipe import LIVE_CHUNK_SECONDS
    from hifisr_cli.restore.windows import CHUNK_SECONDS
    from hifisr_cli.results import Event

    file_format = check_in_place(output, file_format, name_suffix, backup_dir, in_place=in_place)
    output = "" if output is None else output
    check_streams(inputs, output, as_json=as_json, dry_run=dry_run)
    check_device(device)
    check_raw(inputs, raw=raw is not None)
    check_record(output, record, no_record=no_record, checksums=checksums)
    to_file = not in_place and output != STDOUT and names_file(output, inputs)
    settings = RunSettings(jobs, checksum, checksums, parse_duration(time_limit))
    request = ModelRequest(model, device, precision, threads)
    check_bit_depth(bit_depth, file_format, output if to_file else None)
    wanted = parse_loudness(loudness)
    options = RestoreOptions(
        parse_cutoff(cutoff),
        chunk_seconds or (LIVE_CHUNK_SECONDS if is_live(inputs, output) else CHUNK_SECONDS),
        batch_size,
        file_format,
        bit_depth,
        overwrite,
        keep_mtime=keep_mtime,
        loudness=wanted,
        true_peak_dbtp=parse_true_peak(true_peak, wanted),
        salvage=salvage,
        raw=None if raw is None else parse_raw(raw),
        measure_seconds=parse_measure(measure),
    )
    extras = Afterwards(report, premis, bagit)
    folder = None if to_file or in_place or output == STDOUT else output
    payload = extras.payload(folder, in_place=in_place, dry_run=dry_run)
    limits = read_info(find_model(model).path).limits  # a model that is not there is noticed before any work
    reserve = None if dry_run or jobs == 0 else Reserve()
    if in_place:
        plan = plan_run_in_place(inputs, backups=backup_dir, reserve=reserve)
    else:
        plan = plan_run(
            inputs,
            output,
            requested=file_format,
            to_file=to_file,
            name_suffix=name_suffix,
            payload=payload,
            reserve=reserve,
        )
    plan = with_record(plan, record, wanted=not no_record, overwrite=overwrite)
    extras.check_names(plan.jobs, bag=bool(payload))
    workers = choose_workers(plan, settings=settings, request=request, verbose=verbose, reserve=reserve)

    def load() -> Model:
        from hifisr_cli.engines.hifisr.engine import load_model

        started = time.monotonic()
        loaded = load_model(model, device=device, precision=precision, threads=threads)
        seconds = time.monotonic() - started
        logger.info("model %s on %s, %s, loaded in %.1f s", loaded.name, loaded.device, loaded.precision, seconds)
        return loaded

    each = verbose or len(plan.jobs) <= _FEW_FILES
    lines: Literal["all", "failures", "none"] = "none" if dry_run else "all" if each else "failures"
    conclusion = Conclusion(quiet=quiet, as_json=as_json, dry_run=dry_run, failures_shown=each and not quiet)
    with (
        logging_to_stderr(verbose=verbose, as_json=as_json, quiet=quiet) as logger,
        conclusion,
        display(
            [job.size for job in plan.jobs],
            names=[job.label for job in plan.jobs],
            quiet=quiet,
            as_json=as_json,
            lines=lines,
        ) as show,
        open_session(plan, options=options, settings=settings, request=request, dry_run=dry_run) as session,
    ):
        if limits:
            logger.warning("known limits of this model: %s", "; ".join(limits))

        def on_event(event: Event) -> None:
            show(event)
            conclusion.take(event)

        for _ in iterate(
            plan.jobs,
            load=load,
            options=options,
            dry_run=dry_run,
            on_event=on_event,
            stdin=_stdin(),
            settings=settings,
            session=session,
            workers=workers,
        ):
            pass
    if not dry_run:
        extras.make(plan.folder, bag=bool(payload), quiet=quiet or as_json)
    raise typer.Exit(conclusion.exit_status)


def _stdin() -> BinaryIO | None:
    return None if sys.stdin is None else sys.stdin.buffer
