"""Two programs never sign alike, be they installed, checked out, changed since, or unpacked from an archive."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hifisr_cli.version import NEXT, version_of

UNKNOWN = f"{NEXT}.dev0+unknown"

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Asks git in a new repository, `tmp_path`, with one commit of a package."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    for name in [name for name in os.environ if name.startswith("GIT_")]:  # of the hook that runs the tests
        monkeypatch.delenv(name)

    def ask(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "hifisr_cli").mkdir()
    (tmp_path / "hifisr_cli" / "a.py").write_text("a = 1\n", encoding="utf-8")
    ask("init", "--quiet")
    ask("add", ".")
    ask("commit", "--quiet", "-m", "first")
    return ask


def test_every_commit_signs_with_its_own_day_and_hash(git: Git, tmp_path: Path) -> None:
    versions = []
    for _ in range(2):
        day, digest = git("log", "-1", "--format=%cs %H").split()
        assert version_of(tmp_path) == f"{NEXT}.dev{day.replace('-', '')}+g{digest[:10]}"
        versions.append(version_of(tmp_path))
        git("commit", "--quiet", "--allow-empty", "-m", "another")
    assert len(set(versions)) == 2


@pytest.mark.parametrize("name", ["hifisr_cli/a.py", "hifisr_cli/new.py"])
def test_a_changed_package_says_so(git: Git, tmp_path: Path, name: str) -> None:
    clean = version_of(tmp_path)
    (tmp_path / "notes.txt").write_text("no part of the package\n", encoding="utf-8")
    assert version_of(tmp_path) == clean
    (tmp_path / name).write_text("a = 2\n", encoding="utf-8")
    assert version_of(tmp_path) == f"{clean}.dirty"


def test_only_the_tagged_commit_itself_is_a_release(git: Git, tmp_path: Path) -> None:
    if "describe" in git("log", "-1", "--format=%(describe:tags=true)"):
        pytest.skip("this git is older than 2.35")
    before = version_of(tmp_path)
    git("tag", "v7.8.9")
    assert version_of(tmp_path) == "7.8.9"
    (tmp_path / "hifisr_cli" / "a.py").write_text("a = 2\n", encoding="utf-8")
    assert version_of(tmp_path) == f"{before}.dirty"
    git("commit", "--quiet", "-a", "-m", "after the release")
    assert git("rev-parse", "HEAD")[:10] in version_of(tmp_path)


def test_the_repository_of_a_hook_is_not_asked(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = version_of(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert version_of(tmp_path) == ours


def test_an_archive_signs_as_its_commit(git: Git, tmp_path: Path, repository: Path) -> None:
    source = (repository / "hifisr_cli" / "version.py").read_text(encoding="utf-8")
    (tmp_path / "hifisr_cli" / "version.py").write_text(source, encoding="utf-8")
    shutil.copy(repository / ".gitattributes", tmp_path)
    git("add", ".")
    git("commit", "--quiet", "-m", "second")
    git("archive", "--format=tar", "--prefix=unpacked/", "--output", str(tmp_path / "a.tar"), "HEAD")
    shutil.unpack_archive(tmp_path / "a.tar", tmp_path, filter="data")
    names: dict[str, str] = {"__file__": str(tmp_path / "unpacked" / "hifisr_cli" / "version.py")}
    exec(Path(names["__file__"]).read_text(encoding="utf-8"), names)
    assert names["__version__"] == version_of(tmp_path)
    assert git("rev-parse", "HEAD")[:10] in names["__version__"]


def test_what_was_built_keeps_its_version_wherever_it_is_unpacked(git: Git, tmp_path: Path) -> None:
    (tmp_path / "PKG-INFO").write_text("Name: hifisr\nVersion: 5.0\n\nVersion: 6\n", encoding="utf-8")
    assert version_of(tmp_path) == "5.0"
    card = tmp_path / "hifisr-5.1.dist-info" / "METADATA"
    card.parent.mkdir()
    card.write_text("Name: hifisr\nVersion: 5.1\n", encoding="utf-8")
    assert version_of(tmp_path) == "5.1"


@pytest.mark.parametrize("broken", [False, True])
def test_what_is_not_known_is_called_unknown(tmp_path: Path, broken: bool) -> None:
    if broken:
        (tmp_path / ".git").write_text("gitdir: nowhere\n", encoding="utf-8")
    assert version_of(tmp_path) == UNKNOWN


def test_without_git_a_checkout_is_unknown(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert version_of(tmp_path) == UNKNOWN


def test_after_a_release_the_next_one_is_named(repository: Path) -> None:
    """Else its successors would sort below it."""
    if shutil.which("git") is None or not (repository / ".git").exists():
        pytest.skip("no checkout")
    tags = ["git", "-C", str(repository), "tag", "--list", f"v{NEXT}", "--no-contains", "HEAD"]
    assert not subprocess.run(tags, check=True, capture_output=True).stdout
