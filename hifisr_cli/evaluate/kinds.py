"""Which kind of sound a recording holds, told by the folders that it lies in."""

from __future__ import annotations

from pathlib import Path

KINDS = {
    "speech": "speech",
    "music": "music",
    "singing": "singing",
    "effects": "effects",
    "sfx": "effects",
}
"""Names of folders, and the kinds that they stand for."""

OTHER = "other"


def kind_of(path: Path) -> str:
    """The kind that the nearest folder above a recording with such a name stands for; else "other"."""
    names = (folder.name.lower() for folder in path.absolute().parents)
    return next((KINDS[name] for name in names if name in KINDS), OTHER)
