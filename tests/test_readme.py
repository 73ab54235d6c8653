"""What stands beside the package agrees with it: README, changelog, examples, import rules. Pages: test_docs.py."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hifisr_cli import __version__
from hifisr_cli.version import NEXT


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_lead_to_files(repository: Path, name: str) -> None:
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", (repository / name).read_text(encoding="utf-8")):
        assert (repository / link).exists(), link


def test_the_changelog_begins_with_what_is_signed(repository: Path) -> None:
    headings = re.findall(r"^## (.+)$", (repository / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    dated = re.fullmatch(rf"\[{re.escape(NEXT)}\] - \d{{4}}-\d\d-\d\d", headings[0])
    assert dated or (headings[0] == "[Unreleased]" and __version__ != NEXT), "a release has a section of its own"


def test_every_example_is_listed(repository: Path) -> None:
    listed = (repository / "examples" / "README.md").read_text(encoding="utf-8")
    recordings = [p.name for p in (repository / "examples").iterdir() if p.suffix in (".wav", ".flac", ".mp3")]
    assert recordings
    assert [name for name in recordings if f"`{name}`" not in listed] == []


def test_the_import_rules_name_every_folder(repository: Path) -> None:
    """A folder of the package that no contract knows would be free to import anything."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    *_, terminal = project["tool"]["importlinter"]["contracts"]
    folders = {p.parent.name for p in (repository / "hifisr_cli").glob("*/__init__.py")}
    assert folders - {"cli"} <= {module.removeprefix("hifisr_cli.") for module in terminal["source_modules"]}
    tree = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert folders == set(re.findall(r"^  (\w+)/ ", tree, re.MULTILINE))
