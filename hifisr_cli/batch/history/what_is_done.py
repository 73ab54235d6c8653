"""What the journal of an output folder says about each job: done, to be done again, or somebody else's output."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hifisr_cli.batch.history.journal import iter_lines
from hifisr_cli.batch.history.lock import Announced
from hifisr_cli.batch.history.record import OUTPUT_REVISION, ModelUsed, Record, options_key
from hifisr_cli.batch.plan.discover import no_collection
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.engines.load import default_settings
from hifisr_cli.errors import JournalError
from hifisr_cli.system.files import portable_path, relative_path
from hifisr_cli.system.hashing import file_sha256

_RESULT = b', "result": '
"""What comes before the part of a record that has no say here: it is left unread, which halves the time."""

_OPTIONS = b', "options": '


@dataclass(frozen=True, slots=True)
class Made:
    """An output as its record describes it, in little memory: there may be a hundred thousand."""

    absolute: str | None
    size: int
    mtime_ns: int
    sha256: str | None
    key: str
    output_size: int
    output_mtime_ns: int | None
    output_sha256: str
    layer: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands.

    Attributes:
        kind: "done"; "ours": an output of this input stands there, but other options, another model or another state
            of the input made it; "unknown": the journal does not speak of it.
        made: the output's record.
    """

    kind: Literal["done", "ours", "unknown"]
    made: Made | None = None


class Ledger:
    """The journal of `folder`, read once.

    Args:
        options: of this run, as plain data.
        model: of this run.
        by_content: an input is known again by its SHA-256, whatever its mtime.
        announced: outputs that dead runs announced.

    Attributes:
        strays: those of them that have no later record in the part of the journal that would have it, and are not what
            another part says of them.
        stray_names: the same outputs.

    Raises:
        JournalError: the journal cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: Mapping[str, Any],
        model: ModelUsed,
        by_content: bool,
        announced: Announced | None = None,
    ) -> None:
        self._folder, self._by_content = os.fspath(folder), by_content
        self._prefix = os.path.join(self._folder, "")  # noqa: PTH118  strings: for each of a hundred thousand files
        self._options, self._model = options_key(options), model
        self._made: dict[str, Made] = {}
        self._layers: dict[str, tuple[int, str]] = {}
        self._last: dict[str, str | None] = {}
        self._names: dict[str, str] = {}
        self._seen: dict[bytes, str] = {}  # nearly every record has the same options
        self.strays = dict(announced or {})
        in_doubt = {name for _, name in self.strays}
        elsewhere: dict[str, str] = {}
        with no_collection():
            for part, offset, line in iter_lines(folder):
                head, found, _ = line.partition(_RESULT)
                with contextlib.suppress(JournalError):
                    record = Record.from_line(head + b"}" if found else line)
                    start = head.rfind(_OPTIONS)
                    self.note(record, head[start:] if start >= 0 else line)
                    for file in record.files if in_doubt else ():
                        if (part, file.path) not in self.strays:
                            elsewhere[file.path] = file.sha256
                        elif self.strays[part, file.path] <= offset:
                            del self.strays[part, file.path]
        for part, name in list(self.strays):  # which of two parts was written first, nobody knows; the bytes do
            if name in elsewhere and _has_bytes(folder / name, elsewhere[name]):
                del self.strays[part, name]
        self.stray_names = frozenset(name for _, name in self.strays)

    def note(self, record: Record, raw_options: bytes) -> None:
        """Take in a record; the last one of an input or output counts. Equal `raw_options` are the same options."""
        source = record.input
        absolute = source.absolute or source.path
        output = record.output
        self._last[absolute] = None if output is None else output.path
        if output is None:
            return
        options = self._seen.get(raw_options)
        if options is None:
            options = self._seen[raw_options] = options_key(record.options)
        key = _key(options, record.software.get("outputs"), record.model)
        self._made[output.path] = Made(
            absolute,
            source.size,
            source.mtime_ns,
            source.sha256,
            self._names.setdefault(key, key),
            output.size,
            output.mtime_ns,
            output.sha256,
            None if record.layer is None else record.layer.path,
        )
        if record.layer is not None:
            self._layers[record.layer.path] = record.layer.size, record.layer.sha256

    def judge(self, job: Job) -> Standing:
        """How a job stands that has a source and a target."""
        assert job.source is not None
        assert job.target is not None
        made = self._made.get(self.name(job.target))
        try:
            output = os.stat(job.target)  # noqa: PTH116  no time for more
            source = os.stat(job.source)  # noqa: PTH116
        except OSError:
            return Standing("unknown")
        if made is None:
            return Standing("unknown")
        if job.backup is not None:
            stands = ours = self._stands(job.target, output, made)
        elif self._is_input(job.source, source, made):
            failed_since = made.absolute is not None and self._last.get(made.absolute, "") is None
            stands = stat.S_ISREG(output.st_mode) and output.st_size == made.output_size and not failed_since
            ours = True
        else:
            stands, ours = False, made.absolute == os.path.abspath(job.source)  # noqa: PTH100
        if stands and self._wanted(made) and self._has_layer(job, made):
            return Standing("done", made)
        return Standing("ours" if ours else "unknown", made)

    def layer_sha256(self, job: Job) -> str | None:
        """What the file of a job's layer held when a run wrote it; None where none did."""
        return None if job.layer is None else self._layers.get(self.name(job.layer), (0, None))[1]

    def _has_layer(self, job: Job, made: Made) -> bool:
        """Whether the layer that is asked for stands there, too, and was written with this output."""
        if job.layer is None:
            return True
        name = self.name(job.layer)
        try:
            return made.layer == name and job.layer.stat().st_size == self._layers[name][0]
        except OSError:
            return False

    def name(self, target: Path) -> str:
        """A target as the journal calls it: its path below the folder."""
        text = os.fspath(target)
        if text.startswith(self._prefix):
            return portable_path(text[len(self._prefix) :])
        return relative_path(text, self._folder)

    def _wanted(self, made: Made) -> bool:
        """Whether this run would make the same output of the same input."""
        with_model = _key(self._options, OUTPUT_REVISION, self._model)
        return made.key in (with_model, _key(self._options, OUTPUT_REVISION, None))

    def _is_input(self, source: Path, status: os.stat_result, made: Made) -> bool:
        if status.st_size != made.size:
            return False
        if not self._by_content:
            return status.st_mtime_ns == made.mtime_ns
        return made.sha256 is not None and _has_bytes(source, made.sha256)

    def _stands(self, target: Path, status: os.stat_result, made: Made) -> bool:
        """Whether the output in its input's place still is what was made."""
        if status.st_size != made.output_size:
            return False
        if status.st_mtime_ns == made.output_mtime_ns and not self._by_content:
            return True
        return _has_bytes(target, made.output_sha256)


def _has_bytes(path: Path, sha256: str) -> bool:
    try:
        return file_sha256(path) == sha256
    except OSError:
        return False


def _key(options: str, revision: str | None, model: ModelUsed | None) -> str:
    used = None
    if model is not None:  # of networks of which each recording takes one, all have to be the same
        used = (model.chosen_from or model.parameter_sha256, model.precision, *_settings(model))
    return f"{revision} {used} {options}"


def _settings(model: ModelUsed) -> Iterator[tuple[str, Any]]:
    """Those that are not the engine's defaults: a setting that a record does not know had its default value then."""
    default = default_settings(model.engine or "hifisr")
    for name, value in sorted((model.settings or {}).items()):
        if name not in default or default[name] != value:
            yield name, value
