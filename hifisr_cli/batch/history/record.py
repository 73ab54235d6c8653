"""The record of one recording: where it came from, what was done to it, and to which bytes.

The journal of an output folder has a record a line; a single output has one beside it. A record is the provenance of an
output: it names the input, the software, the model by the hash of its parameters, every option that changes the bytes,
and the result as `upsample --json` prints it. The published form is `record.schema.json`, beside this file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.audio.formats import RAW_SUFFIX
from hifisr_cli.audio.suffixes import AUDIO_SUFFIXES
from hifisr_cli.errors import JournalError
from hifisr_cli.results import Bandwidth, FileResult, HeardSound, Slope, Stretch, restored_from_hz
from hifisr_cli.system.files import portable_path

if TYPE_CHECKING:
    from hifisr_cli.batch.plan.output_names import Job
    from hifisr_cli.batch.workers.work_item import Fingerprint, WorkOutcome
    from hifisr_cli.engines.protocol import Identity
    from hifisr_cli.restore.file import RestoreOptions

RECORD_VERSION = 1
"""Raised when a field is renamed, removed or changes its meaning; new fields do not raise it."""

RESULT_VERSION = 1
"""The version of the object below "result", which is that of `upsample --json`."""

RECORD_SUFFIX = ".hifisr.json"
"""The record of the single output `a.wav` is `a.wav.hifisr.json`."""

STREAM_NAME = "-"
"""What a record calls standard output."""

_LONGEST = 1 << 24
"""Bytes of a record: anything longer is something else, and not read to its end."""

OUTPUT_REVISION = "6"
"""Raised whenever the same input, options and model give other bytes than before: outputs of another revision are made
again by a run that resumes, those of another version of hifisr with the same revision are not."""

_SAME_BYTES = frozenset({"overwrite", "chunk_seconds", "batch_size", "keep_mtime"})
"""Options that leave the bytes of an output alone."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """The recording that was read.

    Attributes:
        path: as it was given or found.
        relative: below the folder that was given (the name alone of a file that was given).
        size, mtime_ns: in bytes, in nanoseconds since 1970, as they were before it was read.
        sha256: of the bytes that were read, None where nothing could be read.
        absolute: where it lay; tells two inputs of the same name apart.
        backup: where the original was kept, below the output folder or absolute, if it was replaced.
    """

    path: str
    relative: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    absolute: str | None = None
    backup: str | None = None


@dataclass(frozen=True, slots=True)
class OutputFile:
    """The output, or the file of the layer that was added in it.

    Attributes:
        path: from the folder that holds the record; "-" is standard output.
        size, sha256, mtime_ns: as it was made; a stream has no mtime.
        synthetic_above_hz: the lowest cutoff, above which content is generated; None where nothing is, and for a layer.
    """

    path: str
    size: int
    sha256: str
    mtime_ns: int | None = None
    synthetic_above_hz: float | None = None


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """The model.

    Attributes:
        name, parameter_sha256: its name and the SHA-256 of its parameters.
        precision: the arithmetic it ran in.
        engine: the kind of network; None in records of before there were several, when all were "hifisr".
        settings: of the engine, defaults included; None in records of before there were any: the defaults.
        chosen_from: the SHA-256 of the parameters of all networks that it was chosen from (`--model auto`); None where
            it was asked for by name.
    """

    name: str
    parameter_sha256: str
    precision: str | None = None
    engine: str | None = None
    settings: Mapping[str, Any] | None = None
    chosen_from: str | None = None

    @classmethod
    def of(cls, identity: Identity) -> ModelUsed:
        """Of an engine."""
        return cls(
            identity.name, identity.parameter_hash, identity.precision, identity.engine, plain(identity.settings)
        )

    @classmethod
    def on(cls, identity: Identity, sound: HeardSound | None) -> ModelUsed:
        """Of the network that an engine takes for such sound."""
        network = identity.of(sound)
        used = cls.of(network)
        return used if network is identity else replace(used, chosen_from=identity.parameter_hash)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal, or the file beside a single output.

    Attributes:
        time: when the work on it ended, UTC, "2026-11-21T15:00:00.000Z".
        software: versions by name: "hifisr", "resampler", "outputs" (see `OUTPUT_REVISION`), ...
        output: None where there is none: the file failed.
        model: None where no network ran: the recording was copied through, or failed.
        options: `RestoreOptions` as plain data.
        result: `FileResult` as plain data.
        layer: None where none was written.
        computed: what decided how the numbers were rounded, by name: "processor", "capability", "torch", "mkl",
            "device", "threads", and "node" where a cluster's computers differ; None where no network was loaded.
    """

    time: str
    software: Mapping[str, str]
    input: InputFile
    output: OutputFile | None
    model: ModelUsed | None
    options: Mapping[str, Any]
    result: Mapping[str, Any]
    layer: OutputFile | None = None
    computed: Mapping[str, str] | None = None

    @property
    def files(self) -> tuple[OutputFile, ...]:
        """What was written."""
        return tuple(file for file in (self.output, self.layer) if file is not None)

    @property
    def status(self) -> str:
        """The result's: restored, copied or failed."""
        return str(self.result.get("status"))

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The result's. A record of before there were any has one, those of a failure or another version are none."""
        whole = {"channel": None, "start_seconds": 0.0, "end_seconds": self.result.get("seconds")}
        given = self.result.get("stretches") or [{**whole, "bandwidth": self.result.get("bandwidth")}]
        try:
            return tuple(Stretch(**{**each, "bandwidth": _bandwidth(**each["bandwidth"])}) for each in given)
        except (KeyError, TypeError):
            return ()

    def to_line(self) -> str:
        """One line of ASCII JSON, without its end. What decides about resuming stands before "result"."""
        return json.dumps(self._data(), allow_nan=False)

    def to_text(self) -> str:
        """The same for people to read, with its end."""
        return json.dumps(self._data(), allow_nan=False, indent=2) + "\n"

    def _data(self) -> dict[str, Any]:
        return {
            "version": RECORD_VERSION,
            "time": self.time,
            "software": dict(self.software),
            "input": _lean(self.input),
            "output": None if self.output is None else _lean(self.output),
            **({} if self.layer is None else {"layer": _lean(self.layer)}),
            "model": None if self.model is None else _lean(self.model),
            **({} if self.computed is None else {"computed": dict(self.computed)}),
            "options": dict(self.options),
            "result": dict(self.result),
        }

    @classmethod
    def from_line(cls, line: str | bytes) -> Record:
        """Reads what `to_line` or `to_text` wrote; fields that are not known are left out.

        Raises:
            JournalError: not a record, or one of a newer version.
        """
        try:
            data = json.loads(line)
            if data["version"] != RECORD_VERSION:
                raise JournalError(
                    f"a record of version {data['version']!r}; this hifisr reads {RECORD_VERSION}",
                    hint="use a newer hifisr",
                )
            output, layer, model = data["output"], data.get("layer"), data["model"]
            computed = data.get("computed")
            return cls(
                time=str(data["time"]),
                software=dict(data["software"]),
                input=InputFile(**_known(InputFile, data["input"])),
                output=None if output is None else OutputFile(**_known(OutputFile, output)),
                layer=None if layer is None else OutputFile(**_known(OutputFile, layer)),
                model=None if model is None else ModelUsed(**_known(ModelUsed, model)),
                computed=None if computed is None else dict(computed),
                options=dict(data["options"]),
                result=dict(data.get("result") or {}),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise JournalError(f"not a record: {error}") from error


def record_path(output: Path) -> Path:
    """Where the record of a single output lies: beside it."""
    return output.with_name(output.name + RECORD_SUFFIX)


def read_record(path: str | os.PathLike[str]) -> Record:
    """The record of a single output.

    Args:
        path: of the record, or of the output that it lies beside.

    Raises:
        JournalError: there is none, or it cannot be read.
    """
    given = Path(path)
    beside = record_path(given)
    file = beside if given.suffix.lower() in AUDIO_SUFFIXES | {RAW_SUFFIX} else given
    try:
        with file.open("rb") as opened:
            data = opened.read(_LONGEST)
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise JournalError(f"the record cannot be read: {why}", path=file, hint="name it, or its output") from error
    try:
        return Record.from_line(data)
    except JournalError as error:
        error.path = str(file)
        raise


def make_record(
    job: Job,
    outcome: WorkOutcome,
    *,
    name: Callable[[Path], str],
    options: Mapping[str, Any],
    model: Identity,
) -> Record:
    """The record of a job that has been worked on, at this moment.

    Args:
        name: gives a file as the record calls it, relative to where the record is kept.
        options: from `options_data`.
        model: the one that was loaded; it is left out where no network ran.
    """
    source, output, result = outcome.input, outcome.output, outcome.result
    if source is None:
        size, mtime_ns = _identity(job)
        sha256 = None
    else:
        size, mtime_ns, sha256 = source.size, source.mtime_ns, source.sha256
    return Record(
        time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        software=software(),
        input=InputFile(
            path=job.label,
            relative=portable_path(job.relative),
            size=size,
            mtime_ns=0 if job.source is None else mtime_ns,
            sha256=sha256,
            absolute=None if job.source is None else os.path.abspath(job.source),  # noqa: PTH100
            backup=None if output is None or job.backup is None else name(job.backup),
        ),
        output=_output(job, outcome, name),
        layer=_written(job.layer, outcome.layer, name),
        model=ModelUsed.on(model, result.sound) if result.status == "restored" else None,
        options=options,
        result=result_data(result),
        computed=outcome.computed,
    )


def _output(job: Job, outcome: WorkOutcome, name: Callable[[Path], str]) -> OutputFile | None:
    result, written = outcome.result, _written(job.target, outcome.output, name)
    if written is None or result.status != "restored":
        return written
    return replace(written, synthetic_above_hz=restored_from_hz(result.stretches))


def _written(path: Path | None, made: Fingerprint | None, name: Callable[[Path], str]) -> OutputFile | None:
    """A file, or standard output, that is complete."""
    if made is None or made.sha256 is None:
        return None
    if path is None:
        return OutputFile(STREAM_NAME, made.size, made.sha256)
    return OutputFile(name(path), made.size, made.sha256, made.mtime_ns)


def _identity(job: Job) -> tuple[int, int]:
    """Size and mtime of the input of a failed job, as far as they are known."""
    try:
        status = None if job.source is None else job.source.stat()
    except (OSError, ValueError):
        status = None
    return (job.size, 0) if status is None else (status.st_size, status.st_mtime_ns)


@cache
def software() -> dict[str, str]:
    """The versions of what decides about the bytes of an output, by name."""
    from hifisr_cli.audio.resample import RESAMPLER_ID
    from hifisr_cli.version import __version__

    versions = {"hifisr": __version__, "outputs": OUTPUT_REVISION, "resampler": RESAMPLER_ID}
    for package in ("torch", "numpy", "soundfile"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def result_data(result: FileResult) -> dict[str, Any]:
    """A result as plain data: the object that `upsample --json` prints; infinities and NaN become None."""
    data: dict[str, Any] = plain({"version": RESULT_VERSION, **asdict(result)})
    return data


def options_data(options: RestoreOptions) -> dict[str, Any]:
    """Options as plain data."""
    data: dict[str, Any] = plain(asdict(options))
    return data


def options_key(options: Mapping[str, Any]) -> str:
    """Equal for options that give the same bytes. An option that a record does not know had its default value then."""
    return _options_key(json.dumps(options, sort_keys=True))


@lru_cache(maxsize=64)  # nearly every record of a journal has the same ones
def _options_key(text: str) -> str:
    given = json.loads(text)
    default = _defaults()
    chosen = {
        name: value
        for name, value in given.items()
        if name not in _SAME_BYTES and not (name in default and default[name] == value)
    }
    return json.dumps(chosen, sort_keys=True)


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    from hifisr_cli.restore.file import RestoreOptions

    return options_data(RestoreOptions())


def plain(value: Any) -> Any:
    """`value` as JSON can hold it, the bytes of odd file names included."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _lean(part: InputFile | OutputFile | ModelUsed) -> dict[str, Any]:
    """Without the optional fields that say nothing; `sha256` is said even where it is not known."""
    return {name: value for name, value in asdict(part).items() if value is not None or name == "sha256"}


def _known(kind: type[InputFile | OutputFile | ModelUsed], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def _bandwidth(slope: Mapping[str, Any] | None = None, **others: Any) -> Bandwidth:
    return Bandwidth(**others, slope=None if slope is None else Slope(**slope))
