"""Where imported weights come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.errors import ModelError, reason_of
from hifisr_cli.system.hashing import file_sha256


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that weights came from: its name without folders, its size in bytes and the SHA-256 of the whole."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> SourceFile:
        """Raises `ModelError` when the file cannot be read."""
        try:
            return cls(path.name, path.stat().st_size, file_sha256(path))
        except OSError as error:
            raise ModelError(f"cannot be read: {reason_of(error)}", path=path) from error


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where imported weights come from.

    Attributes:
        files: that they were read from.
        importer: the program that converted them, with its version.
        source: where the files were published, with the revision; None where that is not known.
    """

    files: tuple[SourceFile, ...]
    importer: str
    source: str | None = None

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Raises `TypeError`, `KeyError` or `ValueError` when something is missing."""
        data = json.loads(text)
        files = tuple(SourceFile(str(f["name"]), int(f["size"]), str(f["sha256"])) for f in data["files"])
        return cls(files, str(data["importer"]), data.get("source"))
