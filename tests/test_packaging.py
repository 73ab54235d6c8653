"""Every kind of install carries the models once: wheel, sdist, wheel from the sdist, editable, --target."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

MODEL = "demo/model.safetensors"
BESIDE_THE_PACKAGE = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt")


def build(project: Path, output: Path, target: str) -> Path:
    """Builds in a process of its own, as pip does, with the build backend that is installed here (no network)."""
    hook = {"wheel": "build_wheel", "sdist": "build_sdist", "editable": "build_editable"}[target]
    code = f"import sys; from hatchling.build import {hook}; print({hook}(sys.argv[1]))"
    output.mkdir(exist_ok=True)
    command = [sys.executable, "-c", code, str(output)]
    done = subprocess.run(command, check=False, cwd=project, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return output / done.stdout.split()[-1]


def no_hook() -> dict[str, str]:
    """The environment without what git tells its hooks of another repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


@pytest.fixture(scope="module")
def checkout(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own files with a stand-in for its models, so that building is a matter of a second."""
    folder = tmp_path_factory.mktemp("checkout")
    if not (repository / "hatch_build.py").is_file():
        pytest.skip("the tests run without the project's build files beside them")
    for name in BESIDE_THE_PACKAGE:
        shutil.copy(repository / name, folder / name)
    shutil.copytree(repository / "hifisr_cli", folder / "hifisr_cli", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "models" / "demo").mkdir(parents=True)
    (folder / "models" / "registry.toml").write_text("# stand-in\n", encoding="utf-8")
    (folder / "models" / MODEL).write_bytes(b"stand-in")
    if shutil.which("git"):  # which the version is taken from
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all"]):
            subprocess.run(["git", "-C", str(folder), *who, *command], check=True, capture_output=True, env=no_hook())
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, tmp_path_factory.mktemp("wheel"), "wheel")


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


def test_a_wheel_carries_package_and_models(wheel: Path, checkout: Path) -> None:
    names = names_in(wheel)
    assert len(names) == len(set(names))
    modules = {source.relative_to(checkout).as_posix() for source in (checkout / "hifisr_cli").rglob("*.py")}
    assert modules <= set(names)
    assert {"hifisr_cli/models/registry.toml", f"hifisr_cli/models/{MODEL}", "hifisr_cli/py.typed"} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    top = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert top == {"hifisr_cli"}, "tests, examples and the build hook stay out"


def test_an_sdist_carries_models_once_and_builds_the_same_wheel(checkout: Path, wheel: Path, tmp_path: Path) -> None:
    sdist = build(checkout, tmp_path / "dist", "sdist")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert {f"models/{MODEL}", "models/registry.toml", "hatch_build.py", "LICENSE"} <= inside
    assert not any(name.startswith("hifisr_cli/models") for name in inside)
    (project,) = (tmp_path / "unpacked").iterdir()
    again = build(project, tmp_path / "again", "wheel")
    assert names_in(again) == names_in(wheel)
    assert again.name == wheel.name, "the version of the checkout it was made in, not of where it is unpacked"


def test_an_editable_install_has_no_twin_of_the_models(checkout: Path, tmp_path: Path) -> None:
    pytest.importorskip("editables")
    assert not any("models" in name for name in names_in(build(checkout, tmp_path, "editable")))
    assert not (checkout / "hifisr_cli" / "models").exists()


def test_a_wheel_without_models_is_not_built(checkout: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(checkout, bare, ignore=shutil.ignore_patterns("models"))
    with pytest.raises(RuntimeError, match=r"registry\.toml is missing"):
        build(bare, tmp_path / "dist", "wheel")


def test_a_target_install_runs_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    """`pip install --target DIR` puts no scripts on the PATH; `python -m hifisr_cli` is how it runs."""
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        pytest.skip("this environment has no pip")
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    code = "import hifisr_cli, pathlib; print(pathlib.Path(hifisr_cli.__file__).parent)"
    environment = {"PYTHONPATH": str(target)}
    where = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path, env=environment
    ).stdout.strip()
    assert Path(where) == target / "hifisr_cli"
    assert (Path(where) / "models" / MODEL).is_file()
    version = subprocess.run(
        [sys.executable, "-m", "hifisr_cli", "--version"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    ).stdout
    assert version.split()[-1] == wheel.name.split("-")[1]
