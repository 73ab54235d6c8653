"""What the journal says of one recording: where it came from, what was done to it, and to which bytes.

A record is the provenance of an output: who has the output folder knows the input's identity, the software, the model
by the hash of its parameters, every option that has a say in the bytes, and the result as `upsample --json` prints it.
The published form is `record.schema.json`, beside this file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hifisr_cli.errors import JournalError
from hifisr_cli.results import FileResult

if TYPE_CHECKING:
    from hifisr_cli.restore.recording import RestoreOptions

RECORD_VERSION = 1
"""Raised when a field is renamed, removed or changes its meaning; new fields do not raise it."""

RESULT_VERSION = 1
"""Of the object below "result": that of `upsample --json`."""

OUTPUT_REVISION = "1"
"""Raised whenever the same input, options and model give other bytes than before: outputs of another revision are made
again by a run that resumes, those of another version of hifisr with the same revision are not."""

_NO_SAY = frozenset({"overwrite", "chunk_seconds", "batch_size", "keep_mtime"})
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
    """The output: its path below the output folder, its bytes, and its mtime when it was made."""

    path: str
    size: int
    sha256: str
    mtime_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """The model: its name, the SHA-256 of its parameters, and the arithmetic it ran in."""

    name: str
    parameter_sha256: str
    precision: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal.

    Attributes:
        time: when the work on it ended, UTC, "2026-11-21T15:00:00.000Z".
        software: versions by name: "hifisr", "resampler", "outputs" (see `OUTPUT_REVISION`), ...
        output: None where there is none: the file failed.
        model: None where no network ran: the recording was copied through, or failed.
        options: `RestoreOptions` as plain data.
        result: `FileResult` as plain data.
    """

    time: str
    software: Mapping[str, str]
    input: InputFile
    output: OutputFile | None
    model: ModelUsed | None
    options: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def status(self) -> str:
        """The result's: restored, copied or failed."""
        return str(self.result.get("status"))

    def to_line(self) -> str:
        """One line of ASCII JSON, without its end. What decides about resuming stands before "result"."""
        model = None if self.model is None else _lean(self.model)
        return json.dumps(
            {
                "version": RECORD_VERSION,
                "time": self.time,
                "software": dict(self.software),
                "input": _lean(self.input),
                "output": None if self.output is None else _lean(self.output),
                "model": model,
                "options": dict(self.options),
                "result": dict(self.result),
            },
            allow_nan=False,
        )

    @classmethod
    def from_line(cls, line: str | bytes) -> Record:
        """Reads what `to_line` wrote; fields that are not known are left out.

        Raises:
            JournalError: not a record, or one of a newer version.
        """
        try:
            data = json.loads(line)
            version = data["version"]
            if version != RECORD_VERSION:
                raise JournalError(
                    f"a record of version {version!r}; this hifisr reads {RECORD_VERSION}", hint="use a newer hifisr"
                )
            output, model = data["output"], data["model"]
            return cls(
                time=str(data["time"]),
                software=dict(data["software"]),
                input=InputFile(**_known(InputFile, data["input"])),
                output=None if output is None else OutputFile(**_known(OutputFile, output)),
                model=None if model is None else ModelUsed(**_known(ModelUsed, model)),
                options=dict(data["options"]),
                result=dict(data.get("result") or {}),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(f"not a record: {error}") from error


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
    telling = {
        name: value
        for name, value in given.items()
        if name not in _NO_SAY and not (name in default and default[name] == value)
    }
    return json.dumps(telling, sort_keys=True)


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    from hifisr_cli.restore.recording import RestoreOptions

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


def utc_now() -> str:
    """The time for a record."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lean(part: InputFile | OutputFile | ModelUsed) -> dict[str, Any]:
    """Without the optional fields that say nothing; `sha256` is said even where it is not known."""
    return {name: value for name, value in asdict(part).items() if value is not None or name == "sha256"}


def _known(kind: type[InputFile | OutputFile | ModelUsed], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in data.items() if name in names}
