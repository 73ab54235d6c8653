"""The documentation is true: its examples run, its commands and options exist, its links lead somewhere.

A fenced block after `<!-- run -->` is run, with the others, from top to bottom, in one folder that holds examples/
(`<!-- run: 4 -->` ends with that status). What they need besides, recordings and weights, is made up here.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hifisr_cli.errors import EXIT_STATUSES
from tests.conftest import ROOT
from tests.engines.audiosr import published_form as audiosr_form
from tests.engines.hifisr.published_form import random_states, save

# In this order: what one page makes, a later one uses.
PAGES = (
    "quick-start",
    "how-it-works",
    "options",
    "choosing-options",
    "for-archives",
    "clusters",
    "checkpoint-format",
    "for-developers",
    "performance",
    "audiosr",
    "exit-statuses",
)


@dataclass(frozen=True)
class Block:
    """A fenced block with the comment before it."""

    page: str
    language: str
    mark: str
    text: str

    @property
    def status(self) -> int:
        return int(self.mark.partition(":")[2] or 0)


def blocks(page: str, folder: Path = ROOT / "docs") -> list[Block]:
    text = (folder / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(r"(?:<!-- (.+?) -->\n)?^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(page, language, mark, body) for mark, language, body in found]


ALL = [block for page in PAGES for block in blocks(page)]


def lines(block: Block) -> Iterator[list[str]]:
    """The `hifisr` commands in a block, as arguments."""
    for found in re.findall(r"(?:^|[|(]\s*)(hifisr .*?)(?=$|[|)>])", block.text, re.MULTILINE):
        yield shlex.split(found, comments=True)[1:]


def command_of(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command that arguments name, and what is left of them."""
    import typer.main

    from hifisr_cli.cli.app import app

    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert arguments[0] in command.commands, f"no command {arguments[0]}"
        command, arguments = command.commands[arguments[0]], arguments[1:]
    return command, arguments


def assert_understood(arguments: list[str]) -> None:
    """There is such a command, with every option that is given."""
    command, rest = command_of(arguments)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert given <= known, f"hifisr {' '.join(arguments)}"


def test_every_page_is_listed_and_tested() -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"README"}
    assert pages == set(PAGES)
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if f"]({page}.md)" not in index] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / link).exists(), link


def test_every_command_is_in_the_index() -> None:
    import typer.main

    from hifisr_cli.cli.app import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `hifisr (\w+)`", index, re.MULTILINE)) == set(commands)
    shown = {arguments[0] for block in ALL for arguments in lines(block)}
    assert set(commands) <= shown, "every command has an example"


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "sh"], ids=lambda b: f"{b.page}-{b.text[:30]}")
def test_the_options_of_examples_exist(block: Block) -> None:
    assert re.fullmatch(r"run(: \d+)?", block.mark), "an example that no test runs"
    commands = list(lines(block))
    assert commands
    for arguments in commands:
        assert_understood(arguments)


def test_the_commands_of_the_readme_exist() -> None:
    (use,) = (block for block in blocks("README", ROOT) if block.language == "sh" and not block.mark)
    commands = list(lines(use))
    assert len(commands) == 3
    for arguments in commands:
        assert_understood(arguments)


def test_every_option_is_described_below_its_panel_and_no_other() -> None:
    command, _ = command_of(["upsample"])
    spelled = [
        (parameter.rich_help_panel, name)
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("--") and name != "--help"
    ]
    _, *panels = re.split(r"^## ", (ROOT / "docs" / "options.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    described = [
        (panel.partition("\n")[0], name)
        for panel in panels
        for name in re.findall(r"^\| `(?:-\w`, `)?(--[a-z-]+)", panel, re.MULTILINE)
    ]
    assert sorted(described) == sorted(spelled)


def test_the_exit_statuses_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "exit-statuses.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", text, re.MULTILINE)
    assert {int(status): meaning for status, meaning in rows} == EXIT_STATUSES


def test_every_example_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    speech_like: Callable[..., np.ndarray],
) -> None:
    """One test, because the examples build on each other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    save(tmp_path / "MossFormer2_SR_48K", *random_states())
    audiosr_form.save(tmp_path / "pytorch_model.bin", audiosr_form.random_state())
    for name in ("train/a.wav", "validation/b.wav"):
        speech = tmp_path / "speech" / name
        speech.parent.mkdir(parents=True)
        soundfile.write(speech, speech_like(1.5)[0], 48_000)
    script = tmp_path / "bin" / "hifisr"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hifisr_cli "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep))
    names: dict[str, Any] = {}
    ran = 0
    for block in ALL:
        if not block.mark.startswith("run"):  # no example, such as a listing
            continue
        ran += 1
        if block.language == "python":
            exec(compile(block.text, f"{block.page}.md", "exec"), names)
            continue
        for line in filter(None, block.text.splitlines()):
            status, said = _shell(line, capsys)
            last = line == block.text.splitlines()[-1]
            assert status == (block.status if last else 0), f"{block.page}.md: {line}\n{said}"
    assert ran > 10
    for made in ("restored/report.html", "telephone.png", "tape-48k.flac", "call-48k.wav", "collection/premis.xml"):
        assert (tmp_path / made).stat().st_size > 0


def _shell(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """A line of a block: plain commands of ours in this process, which has loaded PyTorch already."""
    from hifisr_cli.cli.app import run

    if line.startswith("hifisr ") and not re.search(r"[|>$]", line):
        arguments = shlex.split(line, comments=True)[1:]
        if arguments[0] == "upsample":
            arguments += ["--jobs", "0"]
        status = run(arguments)
        return status, "".join(capsys.readouterr())
    done = subprocess.run(["sh", "-c", line], check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr
