"""The SHA-256 of an output in a file beside it, in the form that `sha256sum -c` reads."""

from __future__ import annotations

import os
from pathlib import Path

from hifisr_cli.batch.plan.output_names import LONGEST_NAME
from hifisr_cli.system.staged_file import write_file

SIDECAR_SUFFIX = ".sha256"


def sidecar_path(output: Path) -> Path:
    """Where the sidecar of an output lies: beside it."""
    return output.with_name(output.name + SIDECAR_SUFFIX)


def sidecar_line(name: str, sha256: str) -> bytes:
    """A line of `sha256sum`'s for the file `name`; a backslash in front says that the name is escaped."""
    raw = os.fsencode(name)
    escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != raw else b""
    return mark + sha256.encode("ascii") + b"  " + escaped + b"\n"


def write_sidecar(output: Path, sha256: str) -> str | None:
    """Write the sidecar of an output; it names the output without its folder, so it is checked from there.

    Returns why there is none: its name would be too long. The output is none the worse for that.

    Raises:
        OutputError: it cannot be written.
    """
    path = sidecar_path(output)
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        return f"no checksum file: its name would be longer than {LONGEST_NAME} bytes (the journal has the checksum)"
    write_file(path, [sidecar_line(output.name, sha256)], overwrite=True)
    return None
