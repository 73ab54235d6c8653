from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hifisr_cli.errors import OutputError, OutputExistsError, UnsupportedError
from hifisr_cli.system import staged_file as module
from hifisr_cli.system.files import open_file
from hifisr_cli.system.staged_file import Overwrite, StagedFile, sweep, write_file


def staged(target: Path, *, overwrite: Overwrite = False) -> StagedFile:
    file = StagedFile(target, overwrite=overwrite)
    os.write(file.fd, b"new")
    return file


def test_what_was_shown_can_be_taken_back(tmp_path: Path) -> None:
    """But not into the place of a file that it has replaced, nor what was never shown."""
    file = staged(tmp_path / "a.wav")
    file.withdraw()
    file.commit()
    file.withdraw()
    file.discard()
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.wav").write_bytes(b"old")
    for overwrite in (True, "same"):
        file = staged(tmp_path / "a.wav", overwrite=overwrite)
        file.commit()
        file.withdraw()
        assert (tmp_path / "a.wav").read_bytes() == b"new"


def test_appears_when_committed(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "a.wav"
    file = staged(target)
    assert not target.exists()
    assert [p.name for p in target.parent.iterdir()] == [file.path.name]
    assert file.path.match(".hifisr-*.part")
    file.commit()
    assert [p.name for p in target.parent.iterdir()] == ["a.wav"]
    file.discard()
    assert target.read_bytes() == b"new"


def test_a_block_that_ends_commits(tmp_path: Path) -> None:
    with StagedFile(tmp_path / "a", overwrite=False) as file:
        file.write(b"one, ")
        file.write(b"two")
        assert not (tmp_path / "a").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"one, two"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("mine"), OutputError("mine")])
def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(type(error)) as caught, StagedFile(tmp_path / "a", overwrite=True) as file:
        file.write(b"half")
        raise error
    assert caught.value is error
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_what_the_system_says_becomes_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the block, and when it ends."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for call in ("write", "fsync"):
        with monkeypatch.context() as broken:
            broken.setattr(os, call, full)
            with pytest.raises(OutputError, match="no space left on device") as caught:
                write_file(tmp_path / "a", [b"new"], overwrite=False)
        assert caught.value.path == str(tmp_path / "a")
        assert caught.value.hint is not None
        assert list(tmp_path.iterdir()) == []


def test_a_file_from_its_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, though the system takes a few bytes at a time."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    write_file(tmp_path / "a", iter([b"one, ", b"", b"two"]), overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"one, two"
    with pytest.raises(OutputExistsError):
        write_file(tmp_path / "a", [b"three"], overwrite=False)
    write_file(tmp_path / "a", [b"three"], overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"three"


@pytest.mark.posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_rights_follow_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        staged(tmp_path / "a").commit()
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("overwrite", [False, True])
def test_discarded(tmp_path: Path, overwrite: bool) -> None:
    staged(tmp_path / "a", overwrite=overwrite).discard()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OutputExistsError, match="overwrite"):
        StagedFile(tmp_path / "a", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.posix
def test_a_link_to_nowhere_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(OutputExistsError):
        StagedFile(tmp_path / "link", overwrite=False)


def test_a_file_that_appears_meanwhile_wins(tmp_path: Path) -> None:
    file = staged(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"theirs")
    with pytest.raises(OutputExistsError):
        file.commit()
    file.discard()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"theirs"


def test_overwriting_keeps_the_old_file_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    file = staged(tmp_path / "a", overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"old"
    file.commit()
    assert (tmp_path / "a").read_bytes() == b"new"


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    staged(tmp_path / "a").commit()
    assert (tmp_path / "a").read_bytes() == b"new"
    file = staged(tmp_path / "b")
    (tmp_path / "b").touch()
    with pytest.raises(OutputExistsError):
        file.commit()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOENT, errno.EILSEQ])
def test_a_name_that_the_drive_does_not_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """It is known before the work, and is no reason to end a run."""

    def as_on_exfat(path: Path, flags: int) -> int:
        if ":" in Path(path).name:
            raise OSError(code, os.strerror(code))
        return open_file(path, flags)

    monkeypatch.setattr("hifisr_cli.system.staged_file.open_file", as_on_exfat)
    with pytest.raises(UnsupportedError, match="drive does not take this name"):
        staged(tmp_path / "side a: 1950.wav")
    assert list(tmp_path.iterdir()) == []
    staged(tmp_path / "side a, 1950 ☎.wav").commit()
    assert [path.name for path in tmp_path.iterdir()] == ["side a, 1950 ☎.wav"]


def test_a_file_that_cannot_be_replaced_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program has it open, on Windows; it is immutable, on Linux."""

    def as_on_windows(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source), None, str(target))

    (tmp_path / "a.wav").write_bytes(b"old")
    monkeypatch.setattr("hifisr_cli.system.staged_file.rename", as_on_windows)
    file = staged(tmp_path / "a.wav", overwrite=True)
    with pytest.raises(UnsupportedError, match="cannot be replaced"):
        file.commit()
    file.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert (tmp_path / "a.wav").read_bytes() == b"old"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_name_that_the_drive_keeps_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    """NTFS takes no CON.wav, which only shows when a file gets that name."""

    def as_on_ntfs(source: Path, target: Path) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(source), None, str(target))

    monkeypatch.setattr(os, "link", as_on_ntfs)
    monkeypatch.setattr("hifisr_cli.system.staged_file.rename", as_on_ntfs)
    file = staged(tmp_path / "CON.wav", overwrite=overwrite)
    with pytest.raises(UnsupportedError, match="drive does not take this name"):
        file.commit()
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_drive_does_not_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = os.mkdir

    def as_on_exfat(path: Path, mode: int = 0o777) -> None:
        if ":" in Path(path).name:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", as_on_exfat)
    with pytest.raises(UnsupportedError, match="drive does not take this name"):
        staged(tmp_path / "side a: 1950" / "a.wav")


def test_the_longest_unusual_names(tmp_path: Path) -> None:
    name = "".join(chr(0x1F300 + i) for i in range(62)) + ".wav"  # 252 bytes
    staged(tmp_path / name).commit()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError, match="folder"):
            StagedFile(tmp_path / "a", overwrite=overwrite)


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        StagedFile(tmp_path / "file" / "a.wav", overwrite=False)


def test_the_same_bytes_are_adopted_and_others_are_not(tmp_path: Path) -> None:
    for content in (b"new", b"other"):
        (tmp_path / "a").write_bytes(content)
        file = StagedFile(tmp_path / "a", overwrite="same")
        os.write(file.fd, b"new")
        if content == b"new":
            file.commit()
        else:
            with pytest.raises(OutputExistsError):
                file.commit()
            file.discard()
        assert (tmp_path / "a").read_bytes() == content
        assert [p.name for p in tmp_path.iterdir()] == ["a"]
    (tmp_path / "a").unlink()
    file = StagedFile(tmp_path / "a", overwrite="same")
    os.write(file.fd, b"new")
    file.commit()
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_sweep_takes_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    alive = staged(tmp_path / "deep" / "a.wav")
    for name in (".hifisr-1.part", "deep/.hifisr-2.part", ".hifisr-journal", "other.part"):
        (tmp_path / name).touch()
    assert sweep(tmp_path, below=False) == 1
    assert sweep(tmp_path) == 1
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {alive.path.name, ".hifisr-journal", "other.part"}
    alive.commit()
    assert (tmp_path / "deep" / "a.wav").read_bytes() == b"new"


@pytest.mark.posix
def test_a_sweep_leaves_links_and_pipes(tmp_path: Path) -> None:
    (tmp_path / "other.part").touch()
    (tmp_path / ".hifisr-link.part").symlink_to(tmp_path / "other.part")
    os.mkfifo(tmp_path / ".hifisr-pipe.part")
    assert sweep(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_a_sweep_leaves_what_other_hosts_write_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their locks may not be seen here; what one's own dead processes left goes at once, whatever the host's name."""
    for host in ("node-1", "node", "-", "a_b.example", "x" * 64):
        monkeypatch.setattr(module, "host_name", lambda host=host: host)
        mine = staged(tmp_path / "a.wav")
        os.close(mine.fd)  # as if its process had died
        monkeypatch.setattr(module, "host_name", lambda: "node-1-2")
        assert sweep(tmp_path) == 0
        os.utime(mine.path, (1, 1))
        assert sweep(tmp_path) == 1
        monkeypatch.setattr(module, "host_name", lambda host=host: host)
        mine = staged(tmp_path / "b: ☎.wav")
        os.close(mine.fd)
        assert sweep(tmp_path) == 1
    assert not list(tmp_path.iterdir())


def test_a_day_old_file_of_another_host_that_is_locked_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fcntl", reason="the system has no such locks")
    mine = staged(tmp_path / "a.wav")
    os.utime(mine.path, (1, 1))
    monkeypatch.setattr(module, "host_name", lambda: "another")
    assert sweep(tmp_path) == 0
    mine.commit()


@pytest.mark.parametrize(("overwrite", "call"), [(False, "link"), (True, "replace"), ("same", "link")])
def test_a_name_that_was_given_although_the_answer_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: Overwrite, call: str
) -> None:
    """As a server of files that is asked a second time refuses what it has done."""
    real = getattr(os, call)

    def twice(source: Path, target: Path) -> None:
        real(source, target)
        real(source, target)

    monkeypatch.setattr(os, call, twice)
    file = staged(tmp_path / "a", overwrite=overwrite)
    file.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"new"
    file.withdraw()
    assert not list(tmp_path.iterdir()), "it was new"


@pytest.mark.posix
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_temporary_file_that_somebody_took_is_an_error(tmp_path: Path, overwrite: bool) -> None:
    file = staged(tmp_path / "a", overwrite=overwrite)
    file.path.unlink()
    with pytest.raises(FileNotFoundError):
        file.commit()
    file.discard()
    assert not list(tmp_path.iterdir())
