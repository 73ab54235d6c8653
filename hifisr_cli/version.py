"""The version that outputs are signed with, taken from git: no two commits sign alike.

A release is a commit with a tag such as `v0.2.0`, and its version is the tag's. Any other commit is a step towards
`NEXT` and signs as `0.2.0.dev20261130+g62f47ec0a1`, with its day and its hash; `.dirty` follows where the package was
changed since. An installed wheel and an unpacked sdist carry what was built. A checkout is asked each time, since an
editable install outlives many commits. `git archive` writes the commit into this file. What is not known is called so.

Hatchling runs this file to name what it builds, so it imports nothing of the package. Only what signs imports it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

NEXT = "0.2.0"
"""The release that is being worked on; raised by the first commit after its tag."""

_QUESTION = "%cs %H %(describe:tags=true,match=v*)"
"""Day, hash, and the last tag with how far back it is; an older git than 2.35 leaves the tag unanswered."""

_ARCHIVED = "$Format:%cs %H %(describe:tags=true,match=v*)$"
"""The same, answered in place by `git archive` (.gitattributes)."""


def version_of(root: Path, commit: str = _ARCHIVED) -> str:
    """The version (PEP 440) of the package that lies in the folder `root`, where `commit` is its `_ARCHIVED`."""
    for card in (*root.glob("hifisr-*.dist-info/METADATA"), root / "PKG-INFO"):
        if card.is_file():
            return card.read_text(encoding="utf-8").partition("\nVersion: ")[2].split()[0]
    changed = False
    if (root / ".git").exists():  # in a linked worktree it is a file
        commit, changed = _checked_out(root)
    known = re.fullmatch(r"(\d+)-(\d+)-(\d+) (\w{10})\w* ?(.*)", commit.strip())
    if not known:
        return f"{NEXT}.dev0+unknown"
    *day, digest, tag = known.groups()
    if re.fullmatch(r"v\d+(\.\d+)*((a|b|rc)\d+)?", tag) and not changed:
        return tag[1:]
    return f"{NEXT}.dev{''.join(day)}+g{digest}" + (".dirty" if changed else "")


def _checked_out(root: Path) -> tuple[str, bool]:
    """The answer to `_QUESTION` in a checkout, empty if unknown, and whether the package was changed since."""
    import subprocess

    # Run by a hook of another repository, we would be told of that one by these variables.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Whoever owns the checkout: its code is running already.
    git = ["git", "-c", "safe.directory=*", "--no-optional-locks", "-C", str(root)]
    questions = ["log", "-1", f"--format={_QUESTION}"], ["status", "--porcelain", "-unormal", "--", "hifisr_cli"]
    try:
        commit, changes = (
            subprocess.run(
                [*git, *question], check=True, capture_output=True, stdin=subprocess.DEVNULL, env=environment
            )
            for question in questions
        )
    except (OSError, subprocess.CalledProcessError):  # no git, or no commit yet
        return "", True
    return commit.stdout.decode("ascii", "replace"), bool(changes.stdout)


__version__ = version_of(Path(__file__).resolve().parents[1])
