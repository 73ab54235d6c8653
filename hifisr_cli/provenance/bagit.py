"""An output folder as a BagIt bag (RFC 8493).

The outputs lie below `data/`; the journal, a report and a PREMIS file stand beside it as tag files. Sealing writes the
manifests, the last step of a run. A folder that is a bag stays one: a later run puts its outputs below `data/` again
and seals it again, so that `upsample` resumes on a bag as on any other folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from hifisr_cli.batch.history.journal import has_journal, iter_journal, read_journal
from hifisr_cli.batch.history.lock import LOCK_NAME
from hifisr_cli.errors import OutputError, UsageError, reason_of
from hifisr_cli.system.hashing import file_sha256
from hifisr_cli.system.staged_file import write_file

PAYLOAD = "data"
"""The folder in a bag that holds its content."""

_DECLARATION = "bagit.txt"
_INFO = "bag-info.txt"
_MANIFEST, _TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
_OURS = ("Bagging-Date", "Payload-Oxum", "Bag-Software-Agent")
_DESCRIPTION = "Recordings restored to 48 kHz. What lies above the cutoff of a recording is synthetic; see the journal."


def is_bag(folder: Path) -> bool:
    """The folder is a bag, complete or not."""
    return (folder / _DECLARATION).is_file()


def check_bag(folder: Path) -> None:
    """Refuses folders that cannot become, or stay, a bag of hifisr's.

    Raises:
        UsageError: it is somebody else's bag, or has outputs that do not lie below `data/`.
    """
    if is_bag(folder) and not has_journal(folder):
        raise UsageError("is a bag that hifisr did not make", path=folder, hint="name another folder with --output")
    if any(r.output is not None and not r.output.path.startswith(f"{PAYLOAD}/") for r in iter_journal(folder)):
        raise UsageError("holds outputs of runs without --bagit", path=folder, hint="name another folder with --output")


def seal(folder: Path) -> Path:
    """Makes the folder a valid bag of what lies below `data/` now; returns the folder.

    The hashes of outputs and layers are those of the journal, taken while they were written; other files are read.
    Fields that somebody has added to bag-info.txt are kept.

    Raises:
        OutputError: something cannot be read or written, or has a name that a manifest cannot hold.
    """
    from hifisr_cli import __version__

    (folder / PAYLOAD).mkdir(parents=True, exist_ok=True)
    known = {(file.path, file.size): file.sha256 for record in read_journal(folder) for file in record.files}
    lines, size, count = [], 0, 0
    for path in _files(folder / PAYLOAD):
        name = path.relative_to(folder).as_posix()
        length = path.stat().st_size
        lines.append(f"{known.get((name, length)) or _sha256(path)}  {manifest_name(name, path)}\n")
        size, count = size + length, count + 1
    fields = {
        "Bagging-Date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "Payload-Oxum": f"{size}.{count}",
        "Bag-Software-Agent": f"hifisr {__version__}",
    }
    _write(folder / _MANIFEST, lines)
    _write(folder / _DECLARATION, ["BagIt-Version: 1.0\n", "Tag-File-Character-Encoding: UTF-8\n"])
    _write(folder / _INFO, _info(folder / _INFO, fields))
    seal_tags(folder)
    return folder


def seal_tags(folder: Path) -> None:
    """Notes the hashes of everything outside `data/`, after a report was written into a bag, say.

    Raises:
        OutputError: something cannot be read or written.
    """
    lines = []
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if name.startswith((f"{PAYLOAD}/", LOCK_NAME)) or name == _TAG_MANIFEST:
            continue
        lines.append(f"{_sha256(path)}  {manifest_name(name, path)}\n")
    _write(folder / _TAG_MANIFEST, lines)


def _files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in sorted order."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def manifest_name(name: str, path: Path) -> str:
    """As RFC 8493, 2.1.3 wants it: line ends and percent signs escaped, everything else as it is, in UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise OutputError(
            "a bag cannot hold a file whose name is not UTF-8", path=path, hint="rename the input and run again"
        ) from None
    return name.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise OutputError(f"cannot be read: {reason_of(error)}", path=path) from error


def _info(path: Path, fields: Mapping[str, str]) -> list[str]:
    """The lines of bag-info.txt: ours, then what was there before."""
    kept, ours = [], False
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith((" ", "\t")):  # else it goes on with the field before
                ours = line.partition(":")[0] in _OURS
            if line and not ours:
                kept.append(f"{line}\n")
    else:
        kept = [f"External-Description: {_DESCRIPTION}\n"]
    return [f"{name}: {value}\n" for name, value in fields.items()] + kept


def _write(path: Path, lines: Iterable[str]) -> None:
    write_file(path, (line.encode("utf-8") for line in lines), overwrite=True)
