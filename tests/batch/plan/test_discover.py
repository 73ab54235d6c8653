from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from hifisr_cli.audio.suffixes import raw_suffixes
from hifisr_cli.batch.plan.discover import STDIN, discover
from hifisr_cli.batch.plan.left_aside import LeftAside
from hifisr_cli.errors import NoAudioError, UnreadableError, UsageError


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def names(*inputs: str | Path, exclude: Sequence[Path] = ()) -> list[str]:
    return [Path(item.relative).as_posix() for item in discover(inputs, exclude=exclude)]


def test_folder_is_searched_in_sorted_order_and_keeps_its_tree(tmp_path: Path) -> None:
    for name in ("b.wav", "a.FLAC", "z/1.mp3", "k/2.ogg", "k/deep/3.aiff", "readme.txt", "cover.jpg"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a.FLAC", "b.wav", "k/2.ogg", "k/deep/3.aiff", "z/1.mp3"]


def test_several_inputs_keep_the_names_of_their_folders(tmp_path: Path) -> None:
    touch(tmp_path / "one" / "a.wav")
    touch(tmp_path / "two" / "a.wav")
    single = touch(tmp_path / "b.wav")
    assert names(tmp_path / "one", tmp_path / "two", single) == ["one/a.wav", "two/a.wav", "b.wav"]


def test_a_folder_given_as_dot_has_its_real_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "one" / "a.wav")
    touch(tmp_path / "b.wav")
    monkeypatch.chdir(tmp_path / "one")
    assert names(".", "../b.wav") == ["one/a.wav", "b.wav"]


def test_explicit_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    (item,) = discover([touch(tmp_path / "tape.side-a")])
    assert item.error is None
    assert item.size == 1


@pytest.mark.posix
def test_missing_file_and_dangling_link_fail_alone(tmp_path: Path) -> None:
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "nowhere")
    found = discover([tmp_path / "missing.wav", tmp_path / "dangling.wav", touch(tmp_path / "a.wav")])
    assert [type(item.error) for item in found] == [UnreadableError, UnreadableError, type(None)]


@pytest.mark.posix
def test_what_is_no_recording_in_a_folder(tmp_path: Path) -> None:
    """A link or pipe that is named like a recording is missed by somebody, so it is a failure instead of left out."""
    touch(tmp_path / "a.wav")
    touch(tmp_path / "._a.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "dangling.wav").symlink_to("nowhere")
    (tmp_path / "folder.wav").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket.wav"))
        found = discover([tmp_path])
    bad = {Path(item.relative).name: item.error for item in found if item.error is not None}
    assert {Path(item.relative).name for item in found} == {"a.wav", "pipe.wav", "dangling.wav", "socket.wav"}
    assert set(bad) == {"pipe.wav", "dangling.wav", "socket.wav"}
    assert all(isinstance(error, UnreadableError) and error.hint for error in bad.values())


@pytest.mark.posix
def test_named_pipe_as_argument_fails_instead_of_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (item,) = discover([tmp_path / "pipe.wav"])
    assert isinstance(item.error, UnreadableError)


@pytest.mark.posix
def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.wav")
    touch(tmp_path / "elsewhere" / "b.wav")
    (tmp_path / "in" / "link.wav").symlink_to(tmp_path / "elsewhere" / "b.wav")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in", target_is_directory=True)
    assert names(tmp_path / "in") == ["a.wav", "link.wav"]


@pytest.mark.posix
def test_linked_folder_is_searched_when_it_is_the_argument(tmp_path: Path) -> None:
    touch(tmp_path / "real" / "a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert names(tmp_path / "link") == ["a.wav"]


def test_output_folder_inside_the_input_is_not_searched(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    touch(tmp_path / "restored" / "a.wav")
    assert names(tmp_path, exclude=[tmp_path / "restored"]) == ["a.wav"]


def test_output_folder_as_input_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "sub" / "a.wav")
    with pytest.raises(UsageError, match="output folder is the input folder"):
        discover([tmp_path], exclude=[tmp_path / "sub" / ".."])


def test_the_same_recording_is_taken_once(tmp_path: Path) -> None:
    file = touch(tmp_path / "a.wav")
    assert len(discover([file, file, tmp_path, STDIN, STDIN])) == 2


def test_empty_folder_is_an_error_of_the_run(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    with pytest.raises(NoAudioError, match="no audio"):
        discover([tmp_path])


@pytest.mark.parametrize("inputs", [[], [""]])
def test_no_input_is_a_usage_error(inputs: list[str]) -> None:
    with pytest.raises(UsageError):
        discover(inputs)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_folder_fails_alone(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    (tmp_path / "closed").mkdir(mode=0o000)
    assert [item.error is None for item in discover([tmp_path])] == [True, False]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("new\nline.wav", marks=pytest.mark.posix),
        "-dash.wav",
        pytest.param("b\udcff.wav", marks=pytest.mark.posix),
        "x" * 251 + ".wav",
        " .wav",
        "%s{}.wav",
    ],
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    assert names(tmp_path) == [name]


def test_many_recordings_are_announced_once_while_they_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hifisr_cli.batch.plan.discover._MANY", 3)
    heard: list[str] = []
    for name in ("1.wav", "2.wav"):
        touch(tmp_path / name)
    discover([tmp_path], on_many=lambda: heard.append("many"))
    assert not heard
    for name in ("3.wav", "4.wav", "k/5.wav", "k/6.wav", "k/7.wav"):
        touch(tmp_path / name)
    discover([tmp_path], on_many=lambda: heard.append("many"))
    discover([tmp_path / "k", *tmp_path.glob("*.wav")], on_many=lambda: heard.append("more"))
    assert heard == ["many", "more"]


def test_what_is_left_aside_is_counted(tmp_path: Path) -> None:
    for name in ("a.wav", "b.gsm", "deep/c.GSM", "deep/d.xyz", "notes.txt", ".hidden", "out/e.gsm"):
        touch(tmp_path / name)
    aside = LeftAside()
    assert (
        len(discover([tmp_path, touch(tmp_path / "deep" / "named.xyz")], exclude=[tmp_path / "out"], aside=aside)) == 2
    )
    assert aside.line is not None
    assert aside.line.startswith("4 files in the folder were not looked at: 2 .gsm, 2 .xyz")


def test_a_folder_with_nothing_else_says_what_there_is(tmp_path: Path) -> None:
    touch(tmp_path / "a.gsm")
    with pytest.raises(NoAudioError, match=r"no audio file found .*1 \.gsm"):
        discover([tmp_path])


def test_a_folder_is_searched_for_the_suffixes_that_are_asked_for(tmp_path: Path) -> None:
    for name in ("a.wav", "b.ulaw", "c.gsm"):
        touch(tmp_path / name)
    aside = LeftAside(raw=True)
    (found,) = discover([tmp_path], suffixes=raw_suffixes("mulaw", 8_000), aside=aside)
    assert found.relative == "b.ulaw"
    assert aside.line == "2 files in the folder were not looked at: 1 .gsm, 1 .wav"
