"""A recording that a run hands to whoever does the work, and what comes back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.errors import UNEXPECTED, HifisrError, RunError, UnreadableError, reason_of
from hifisr_cli.results import ErrorInfo, FileResult


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A job that is to be done.

    Attributes:
        index: of the job in the run.
        mode: what may happen to an output that is there already: "new" nothing; "replace" it is replaced if it has
            the SHA-256 `expected`; "overwrite" it is replaced.
        expected_layer: the SHA-256 of the layer that an earlier run wrote, which may be replaced; None: there is none.
        stray: it may be the work of a run that died before it could record it. What "new" and "replace" do not let it
            replace is adopted if it is what would be written.
    """

    index: int
    job: Job
    mode: Literal["new", "replace", "overwrite"] = "new"
    expected: str | None = None
    expected_layer: str | None = None
    stray: bool = False


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A file's size and mtime, and the SHA-256 of its bytes where it could be read."""

    size: int
    mtime_ns: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class WorkOutcome:
    """What became of a work item.

    Attributes:
        input, output, layer: fingerprints for the record, None where there is none.
        computed: see `engines.numerics`; None where no network was loaded.
        end: what ends the run.
    """

    result: FileResult
    input: Fingerprint | None = None
    output: Fingerprint | None = None
    layer: Fingerprint | None = None
    end: RunError | None = None
    computed: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """What is done besides restoring.

    Attributes:
        hashes: inputs and outputs are hashed for their records.
        sidecars: see `RunSettings`.
    """

    hashes: bool = False
    sidecars: bool = False


def skipped(job: Job, note: str = "the output exists already; use --overwrite to replace it") -> FileResult:
    """The result of a job whose output is there."""
    return FileResult(job.label, _shown(job.target), "skipped", warnings=(note,))


def failed(job: Job, error: Exception) -> FileResult:
    """The result of a job that cannot be done."""
    output = None if job.target is None and job.error is not None else _shown(job.target)
    return FileResult(job.label, output, "failed", error=error_info(error, job.label))


def _shown(target: Path | None) -> str:
    return "-" if target is None else str(target)


def error_info(error: Exception, label: str) -> ErrorInfo:
    """An exception as data. The path is left out of the message where it is the input's own (it is in the result)."""
    if isinstance(error, HifisrError):
        where = "" if error.path in (None, label) else f"{error.path}: "
        return ErrorInfo(error.code, where + error.message, error.hint)
    if isinstance(error, MemoryError):
        return ErrorInfo("memory", "not enough memory", "try a smaller --chunk-seconds or --batch-size")
    if isinstance(error, OSError):
        where = "" if error.filename in (None, label) else f"{os.fsdecode(error.filename)}: "
        return ErrorInfo(UnreadableError.code, where + reason_of(error))
    name = type(error).__name__
    hint = "this is a bug: please report it with what --verbose prints"
    return ErrorInfo(UNEXPECTED, f"unexpected error: {name}: {error}", hint)
