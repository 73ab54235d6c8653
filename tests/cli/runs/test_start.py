"""What comes before any work: help, version, completion, and how little they load."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hifisr_cli import __version__
from tests.cli.runs.conftest import PYTHON_M, Command, Spawn

HEAVY = {"torch", "numpy", "scipy", "numba", "resampy", "soundfile", "pyloudnorm", "safetensors", "rich", "tqdm"}

OPTIONS = (
    "--output", "-o", "--model", "--device", "--precision", "--cutoff", "--chunk-seconds", "--batch-size", "--threads",
    "--format", "--bit-depth", "--overwrite", "--dry-run", "--quiet", "--verbose", "--json", "--help",
)  # fmt: skip


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["upsample", "--help"], ["upsample"], [], ["upsample", "x", "-o"]]
)
def test_no_heavy_import_before_any_work(environment: Mapping[str, str], arguments: list[str]) -> None:
    code = (
        "import json, sys; from hifisr_cli.__main__ import main; status = main();"
        "print(json.dumps([status, *sorted({name.partition('.')[0] for name in sys.modules})]), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True, env=environment
    )
    status, *modules = json.loads(ended.stderr.splitlines()[-1])
    assert not set(modules) & HEAVY
    assert status == (0 if not arguments or arguments[-1] in ("--help", "--version") else 2)


def test_python_m(spawn: Spawn) -> None:
    for option in ("--version", "-V"):
        ended = spawn(option)
        assert (ended.returncode, ended.stdout.decode().splitlines(), ended.stderr) == (
            0,
            [f"hifisr {__version__}"],
            b"",
        )
    ended = spawn("-h")
    assert ended.returncode == 0
    assert b"upsample" in ended.stdout
    assert not ended.stderr


def test_the_version_is_the_same_on_both_ways(hifisr: Command) -> None:
    """`__main__` answers before typer is loaded; typer answers where there is more on the line."""
    ended = hifisr("--version", "upsample")
    assert (ended.status, ended.out) == (0, f"hifisr {__version__}\n")


def test_every_option_is_explained(hifisr: Command) -> None:
    ended = hifisr("upsample", "--help")
    assert ended.status == 0
    assert re.search(r"^Usage: hifisr upsample .*INPUT", ended.out)
    panels = re.findall(r"^(\w.*):$", ended.out, flags=re.MULTILINE)
    assert panels[:2] == ["Arguments", "Output"]
    assert {"Network", "Cutoff and loudness", "Folders and resuming", "Records and reports"} <= set(panels)
    entries = re.split(r"^  (?=-)", ended.out.partition("Output:")[2], flags=re.MULTILINE)
    for option in OPTIONS:
        entry = next(entry for entry in entries if re.search(rf"(^|\s){re.escape(option)}\b", entry.partition("  ")[0]))
        assert len(entry.split()) > 4, f"{option} has no help"
    for choices in ("auto|float32|bfloat16|float16", "wav|flac|raw|keep", "keep|16|24|32f", "auto|cpu|cuda|cuda:N|mps"):
        assert choices in ended.out


def test_without_a_word_it_explains_itself(hifisr: Command) -> None:
    ended = hifisr()
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == hifisr("--help").out


@pytest.mark.posix
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hifisr ups", ["upsample"]),
        ("hifisr upsample --over", ["--overwrite"]),
        ("hifisr upsample --bit-depth 3", ["32f"]),
        ("hifisr upsample --format ", ["wav", "flac", "raw", "keep"]),
    ],
)
def test_completion_in_bash(tmp_path: Path, environment: Mapping[str, str], words: str, expected: list[str]) -> None:
    """The script that the tool prints, in a real shell."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    program = tmp_path / "hifisr"
    program.write_text(f'#!/bin/sh\nexec "{PYTHON_M[0]}" -m hifisr_cli "$@"\n')
    program.chmod(0o755)
    typed = " ".join(f"'{word}'" for word in words.split(" "))
    script = (
        'eval "$(hifisr --show-completion bash)"; complete -p hifisr >&2;'
        f"COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1));"
        '_hifisr_completion hifisr; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = {**environment, "PATH": f"{tmp_path}:{environment['PATH']}"}
    ended = subprocess.run([bash, "-c", script], check=True, capture_output=True, text=True, env=env)
    assert "_hifisr_completion" in ended.stderr
    assert ended.stdout.split() == expected


@pytest.mark.posix
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(spawn: Spawn, shell: str) -> None:
    ended = spawn("--show-completion", shell)
    assert ended.returncode == 0
    assert b"_HIFISR_COMPLETE" in ended.stdout
