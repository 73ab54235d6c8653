"""The documentation says what the tool does: options, exit statuses, commands, files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hifisr_cli import __version__
from hifisr_cli.errors import EXIT_STATUSES
from hifisr_cli.version import NEXT


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def section(readme: str, title: str) -> str:
    """The text below a heading, down to the next one of the same depth."""
    found = re.search(rf"^## {re.escape(title)}$\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return found.group(1)


def test_the_exit_statuses_are_those_of_the_code(readme: str) -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", section(readme, "Exit statuses"), re.MULTILINE)
    assert {int(status): meaning for status, meaning in rows} == EXIT_STATUSES


def test_every_option_is_described_and_no_other(readme: str) -> None:
    import typer.main

    from hifisr_cli.cli.app import app

    command = typer.main.get_command(app)
    upsample = command.commands["upsample"]  # type: ignore[attr-defined]  # a group, since there is a subcommand
    spelled = {name for parameter in upsample.params for name in parameter.opts if name.startswith("--")}
    rows = re.findall(r"^\| `(?:-\w`, `)?(--[a-z-]+)", section(readme, "Options"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == spelled - {"--help"}


def test_links_lead_to_files(readme: str, repository: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", readme):
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
    _, terminal = project["tool"]["importlinter"]["contracts"]
    folders = {p.parent.name for p in (repository / "hifisr_cli").glob("*/__init__.py")} - {"cli"}
    assert folders <= {module.removeprefix("hifisr_cli.") for module in terminal["source_modules"]}
