"""`hifisr upsample`: restore files and folders, with what is left beside the outputs on request."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hifisr_cli.cli import options as given
from hifisr_cli.cli.settings import (
    check_bit_depth,
    check_cluster,
    check_device,
    check_in_place,
    check_record,
    check_streams,
    is_live,
    parse_cutoff,
    parse_duration,
    parse_engine_settings,
    parse_layer_gain,
    parse_loudness,
    parse_measure,
    parse_shard,
    parse_true_peak,
)
from hifisr_cli.errors import UsageError

if TYPE_CHECKING:
    from hifisr_cli.batch.plan.output_names import Job

_FEW_FILES = 20
"""Up to so many files, each gets a line of its own without --verbose."""


def upsample(
    inputs: given.Inputs,
    *,
    output: given.Output = None,
    layer: given.Layer = None,
    file_format: given.FileFormat = None,
    bit_depth: given.BitDepth = "keep",
    overwrite: given.Overwrite = False,
    keep_mtime: given.KeepMtime = False,
    name_suffix: given.NameSuffix = "",
    in_place: given.InPlace = False,
    backup_dir: given.BackupDir = None,
    model: given.ModelName = None,
    device: given.Device = "auto",
    precision: given.Precision = "auto",
    engine_set: given.EngineSet = None,
    chunk_seconds: given.ChunkSeconds = None,
    batch_size: given.BatchSize = None,
    threads: given.Threads = None,
    cutoff: given.Cutoff = "auto",
    cutoff_track: given.CutoffTrackFile = None,
    above_cutoff: given.AboveCutoff = "auto",
    measure: given.Measure = None,
    layer_gain: given.LayerGain = "0",
    loudness: given.LoudnessTarget = "keep",
    true_peak: given.TruePeak = None,
    raw: given.Raw = None,
    salvage: given.Salvage = False,
    jobs: given.Jobs = None,
    cluster: given.ClusterAddress = None,
    mixed: given.Mixed = False,
    checksum: given.Checksum = False,
    time_limit: given.TimeLimit = None,
    shard: given.ShardOfMany = None,
    dry_run: given.DryRun = False,
    checksums: given.Checksums = False,
    record: given.RecordFile = None,
    no_record: given.NoRecord = False,
    report: given.ReportPage = False,
    premis: given.Premis = False,
    bagit: given.Bagit = False,
    quiet: given.Quiet = False,
    verbose: given.Verbose = False,
    as_json: given.AsJson = False,
) -> None:
    """Restore band-limited recordings to full-band 48 kHz.

    Below the cutoff an output is the input; above it, it is generated. Full-band recordings are copied through.
    """
    from hifisr_cli.audio.decoders.raw import parse_raw
    from hifisr_cli.batch.plan.output_names import STDOUT, names_file
    from hifisr_cli.batch.request import ModelRequest, RunRequest, RunSettings
    from hifisr_cli.batch.run import open_run
    from hifisr_cli.cli.terminal import Conclusion, display, logging_to_stderr
    from hifisr_cli.restore.cutoff_track import read_cutoff_track
    from hifisr_cli.restore.file import RestoreOptions
    from hifisr_cli.restore.pipe import LIVE_CHUNK_SECONDS
    from hifisr_cli.restore.windows import CHUNK_SECONDS

    file_format = check_in_place(output, file_format, name_suffix, backup_dir, in_place=in_place)
    check_streams(inputs, output, as_json=as_json, dry_run=dry_run)
    check_device(device)
    check_record(output, record, no_record=no_record, checksums=checksums)
    single = output is not None and (output == STDOUT or names_file(output, inputs))
    check_cluster(
        cluster,
        [*inputs, output],
        jobs=jobs,
        threads=threads,
        shard=shard,
        device=device,
        in_place=in_place,
        mixed=mixed,
    )
    settings = RunSettings(jobs, checksum, checksums, parse_duration(time_limit), cluster, mixed)
    check_bit_depth(bit_depth, file_format, output if single else None)
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
        cutoff_track=None if cutoff_track is None else read_cutoff_track(cutoff_track),
        above_cutoff=above_cutoff,
        layer_gain_db=parse_layer_gain(layer_gain),
    )
    part = parse_shard(shard)
    extras = Afterwards(report, premis, bagit, of_shard=part is not None)
    payload = extras.payload(None if single else output, in_place=in_place, dry_run=dry_run)
    run = open_run(
        RunRequest(
            inputs,
            output,
            options,
            ModelRequest(model, device, precision, threads, parse_engine_settings(engine_set or ())),
            settings,
            name_suffix=name_suffix,
            payload=payload,
            layer=layer,
            backups=backup_dir,
            record=None if no_record else record or "beside",
            dry_run=dry_run,
            shard=part,
        )
    )
    jobs_planned = run.plan.jobs
    extras.check_names(jobs_planned, bag=bool(payload))
    each = verbose or len(jobs_planned) <= _FEW_FILES
    conclusion = Conclusion(quiet=quiet, as_json=as_json, dry_run=dry_run, failures_shown=each and not quiet)
    with (
        logging_to_stderr(verbose=verbose, as_json=as_json, quiet=quiet) as logger,
        conclusion,
        display(
            [job.size for job in jobs_planned],
            names=[job.label for job in jobs_planned],
            quiet=quiet,
            as_json=as_json,
            lines="none" if dry_run else "all" if each else "failures",
        ) as show,
        run,
    ):
        if run.limits:
            logger.warning("known limits of this model: %s", "; ".join(run.limits))
        if run.plan.left_aside is not None:
            logger.warning("%s", run.plan.left_aside)
        for result in run.results(on_event=show):
            conclusion.take(result)
        if dry_run:
            conclusion.expect(run.expected_seconds)
    if not dry_run:
        extras.make(run.plan.folder, bag=bool(payload), quiet=quiet or as_json)
    raise typer.Exit(conclusion.exit_status)


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What `upsample` was asked to make of its output folder.

    Attributes:
        report, premis, bagit: whether to make it.
        of_shard: whether others are at work on the folder: then nothing can be made of it yet.
    """

    report: bool = False
    premis: bool = False
    bagit: bool = False
    of_shard: bool = False

    def payload(self, output: str | None, *, in_place: bool, dry_run: bool) -> str:
        """Where in the output folder the outputs go: "data" in a bag, else "". A folder that is a bag stays one.

        Args:
            output: the output folder, None where a file or a stream is written.

        Raises:
            UsageError: what was asked for needs a folder, or this folder cannot be a bag.
        """
        asked = [name for name in ("report", "premis", "bagit") if getattr(self, name)]
        if asked and output is None and not in_place:
            raise UsageError(f"--{asked[0]} is for outputs in a folder", hint="name a folder with --output")
        if asked and self.of_shard:
            raise UsageError(
                f"--{asked[0]} is for a whole run", hint="when all shards are done, run once more without --shard"
            )
        if self.bagit and in_place:
            raise UsageError("--bagit and --in-place do not fit together", hint="name a folder with --output")
        if output is None or in_place:
            return ""
        folder = Path(output)
        if not self.bagit and not (folder / "bagit.txt").is_file():
            return ""
        from hifisr_cli.provenance.bagit import PAYLOAD, check_bag

        if not dry_run or folder.exists():
            check_bag(folder)
        return PAYLOAD

    def check_names(self, jobs: Sequence[Job], *, bag: bool) -> None:
        """Refuses names that a bag cannot hold, before any work."""
        if bag:
            from hifisr_cli.provenance.bagit import manifest_name

            for job in jobs:
                if job.target is not None:
                    manifest_name(str(job.target), job.target)

    def make(self, folder: Path | None, *, bag: bool, quiet: bool) -> None:
        """Makes it, after a run that has come to its end. The seal of a bag comes last: it covers the others.

        Raises what making it raises; a folder without a journal, where every input was a failure of its own, gets none.
        """
        from hifisr_cli.batch.history.journal import has_journal

        if folder is None or self.of_shard or not has_journal(folder):
            return
        if self.premis:
            from hifisr_cli.provenance.premis import write_premis

            _say(f"PREMIS events: {write_premis(folder)}", quiet=quiet)
        if self.report:
            from hifisr_cli.cli.report import make_report

            _say(f"report: {make_report(folder, quiet=quiet, seal=False).path}", quiet=quiet)
        if bag:
            from hifisr_cli.provenance.bagit import seal

            _say(f"bag: {seal(folder)}", quiet=quiet)


def _say(line: str, *, quiet: bool) -> None:
    if not quiet:
        from hifisr_cli.cli.render import one_line

        print(one_line(line), file=sys.stderr)  # noqa: T201
