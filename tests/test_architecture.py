"""The rules that keep the tree readable, and the terminal quick to answer. Import directions: `lint-imports`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import hifisr_cli
from tests.conftest import is_quick

PACKAGE = Path(hifisr_cli.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
LIBRARY = [source for source in SOURCES if source.relative_to(PACKAGE).parts[0] not in ("cli", "__main__.py")]

LONGEST = 400
SAYS_NOTHING = {"util", "utils", "misc", "helper", "helpers", "common", "shared", "stuff"}
TERMINAL = {"typer", "rich", "tqdm", "click"}
HEAVY = {"torch", "numpy", "scipy", "numba", "resampy", "soundfile", "pyloudnorm", "safetensors", "matplotlib"}


def name_of(source: Path) -> str:
    return source.relative_to(PACKAGE).as_posix()


def parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"), filename=str(source))


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level names of all absolute imports, wherever in the file they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_the_package_is_found() -> None:
    assert {"cli/app.py", "errors.py", "results.py"} <= {name_of(source) for source in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_a_file_is_one_idea(source: Path) -> None:
    assert len(source.read_text(encoding="utf-8").splitlines()) <= LONGEST
    parts = {part.removesuffix(".py").strip("_") for part in source.relative_to(PACKAGE).parts}
    assert not parts & SAYS_NOTHING, "a name that says what is inside, please"


@pytest.mark.parametrize("source", LIBRARY, ids=name_of)
def test_the_library_does_not_know_the_terminal(source: Path) -> None:
    tree = parsed(source)
    assert not set(imported(tree)) & TERMINAL
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not prints, f"print() in line {prints}: the library returns results and sends events"


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_nothing_is_unpickled(source: Path) -> None:
    """But between the processes of one run, over pipes that nothing else can write to."""
    if source == PACKAGE / "batch" / "workers" / "messages.py":
        return
    assert not set(imported(parsed(source))) & {"pickle", "dill", "joblib", "shelve", "marshal"}


TUNED = [source for source in SOURCES if source.relative_to(PACKAGE).parts[0] in ("dsp", "degrade", "train")]


@pytest.mark.parametrize("source", TUNED, ids=name_of)
def test_every_number_says_where_it_comes_from(source: Path) -> None:
    """A comment on the line or above it, or a string below: which benchmark or standard, or that a hand chose it."""
    lines, body = source.read_text(encoding="utf-8").splitlines(), parsed(source).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        names = [each.id for each in ast.walk(target) if isinstance(each, ast.Name) and each.id.isupper()]
        parts = (each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant))
        if not names or not any(type(value) in (int, float) for value in parts):
            continue
        assert len(names) == 1, f"{', '.join(names)} (line {node.lineno}): a line each, please"
        string_below = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        beside = any("#" in line for line in lines[node.lineno - 1 : node.end_lineno])
        above = lines[node.lineno - 2].startswith("#")
        assert string_below or beside or above, f"{names[0]} (line {node.lineno}) says nothing of its origin"


@pytest.mark.parametrize("module", ["hifisr_cli", "hifisr_cli.__main__", "hifisr_cli.cli.app"])
def test_starting_loads_nothing_heavy(module: str) -> None:
    """What a shell waits for at `--help` and at each press of Tab."""
    code = f"import json, sys, {module}; print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(json.loads(answer.stdout)) & HEAVY


def test_the_version_needs_no_terminal_library_either() -> None:
    code = "import sys, hifisr_cli; assert hifisr_cli.__version__; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {name.partition(".")[0] for name in answer.stdout.split()} & TERMINAL


JOURNEYS = {
    "batch/history/test_power_cut.py",
    "batch/test_resume.py",
    "batch/test_shards.py",
    "cli/test_pipes.py",
    "engines/audiosr/test_parity.py",
    "engines/hifisr/test_full_size.py",
    "engines/hifisr/test_parity.py",
    "engines/test_conformance.py",
    "report/test_browser.py",
    "restore/test_inputs.py",
    "restore/test_metadata_of_outputs.py",
}
"""Tests that lead through several modules. (So do those of JOURNEY_FOLDERS, and those that lie in tests/ itself.)"""

JOURNEY_FOLDERS = {"cli/runs", "fuzz"}


def test_tests_mirror_the_package() -> None:
    tests = Path(__file__).parent
    files = {test.relative_to(tests) for test in tests.rglob("test_*.py")}
    assert {Path(journey) for journey in JOURNEYS} <= files, "a journey that is no more"
    strays = [
        test.as_posix()
        for test in sorted(files)
        if len(test.parts) > 1
        and test.as_posix() not in JOURNEYS
        and test.parent.as_posix() not in JOURNEY_FOLDERS
        and not (PACKAGE / test.with_name(test.name.removeprefix("test_"))).is_file()
    ]
    assert not strays, "test_X.py tests X.py at the same place of the package"


def test_every_room_has_quick_tests() -> None:
    tests = Path(__file__).parent
    rooms = {place.name for place in PACKAGE.iterdir() if (place / "__init__.py").is_file()}
    assert rooms <= {test.relative_to(tests).parts[0] for test in tests.rglob("test_*.py") if is_quick(test)}


def test_a_class_name_stands_once() -> None:
    names = Counter(
        node.name for source in SOURCES for node in ast.walk(parsed(source)) if isinstance(node, ast.ClassDef)
    )
    assert {name for name, times in names.items() if times > 1} <= {"Settings"}, "which every engine's module has"
