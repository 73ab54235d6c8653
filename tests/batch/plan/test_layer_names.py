"""Where layers go, and what they never take the place of."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hifisr_cli.batch.plan.discover import Found, discover
from hifisr_cli.batch.plan.layer_names import check_layer_folder, with_layer, with_layers
from hifisr_cli.batch.plan.output_names import Job, plan_outputs
from hifisr_cli.errors import UsageError


@pytest.fixture
def found(tmp_path: Path) -> tuple[Found, ...]:
    for name in ("a.wav", "a.flac", "sub/b.mp3"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    return discover([tmp_path / "in"])


def jobs_into(found: tuple[Found, ...], out: Path, name_suffix: str = "") -> tuple[Job, ...]:
    return plan_outputs(found, str(out), requested=None, to_file=False, name_suffix=name_suffix)


def test_layers_are_named_as_their_outputs(found: tuple[Found, ...], tmp_path: Path) -> None:
    jobs = with_layers(jobs_into(found, tmp_path / "out", "_48k"), found, tmp_path / "l", outputs=tmp_path / "out")
    for job in jobs:
        assert job.target is not None
        assert job.layer == tmp_path / "l" / job.target.relative_to(tmp_path / "out")
    assert len({job.layer for job in jobs}) == 3


def test_what_has_no_output_has_no_layer(found: tuple[Found, ...], tmp_path: Path) -> None:
    jobs = [replace(job, writes=None) for job in jobs_into(found, tmp_path / "out")]
    assert {job.layer for job in with_layers(jobs, found, tmp_path / "l", outputs=tmp_path / "out")} == {None}


@pytest.mark.parametrize("name", ["sub", "SUB"])
def test_folders_within_one_another(tmp_path: Path, name: str) -> None:
    """An output of the tree has the name that a layer would get, on some file systems at least."""
    for place in ("b.wav", "sub/b.wav"):
        (tmp_path / "in" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / place).touch()
    found, out = discover([tmp_path / "in"]), tmp_path / "out"
    with pytest.raises(UsageError, match="place of an output"):
        with_layers(jobs_into(found, out), found, out / name, outputs=out)
    assert with_layers(jobs_into(found, out), found, out / "layers", outputs=out)


def test_an_input_that_was_named_is_none(found: tuple[Found, ...], tmp_path: Path) -> None:
    """By device and inode: under a link, too."""
    (tmp_path / "l").mkdir()
    os.link(tmp_path / "in" / "sub" / "b.mp3", tmp_path / "l" / "a.wav")
    (only,) = discover([tmp_path / "l" / "a.wav"])
    with pytest.raises(UsageError, match="place of an input"):
        with_layers(jobs_into((only,), tmp_path / "out"), (only,), tmp_path / "l", outputs=tmp_path / "out")


def test_a_folder_for_layers(tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "l"
    (tmp_path / "file").touch()

    def check(layers: str | Path, payload: str = "", backups: Path | None = None) -> Path:
        inputs = [tmp_path / "in", "-"]
        return check_layer_folder(str(layers), inputs=inputs, output=out, payload=payload, backups=backups)

    assert check(folder) == folder
    assert check(out / "layers") == out / "layers"
    assert check(f"{folder}.wav/") == tmp_path / "l.wav", "spelled as a folder"
    assert check(folder, payload="data") == folder
    assert check(out / "data" / "layers", payload="data")
    for refused in ("", "-", tmp_path / "file", f"{folder}.wav", out, tmp_path / "l" / ".." / "out", tmp_path / "in"):
        with pytest.raises(UsageError):
            check(refused)
    with pytest.raises(UsageError, match="bag"):
        check(out / "layers", payload="data")
    with pytest.raises(UsageError, match="backup"):
        check(folder, backups=folder)


def test_the_layer_of_a_single_output(found: tuple[Found, ...], tmp_path: Path) -> None:
    first = found[0]
    to_file, to_stdout = Job(first.place, tmp_path / "o.wav", "a"), Job(first.place, None, "a")

    def named(job: Job, layer: str, requested: str | None = None, overwrite: bool = False) -> Job:
        return with_layer(job, layer, first, requested=requested, overwrite=overwrite)  # type: ignore[arg-type]

    assert named(to_file, "l.wav").layer == Path("l.wav")
    assert named(to_file, "l.BWF").layer == Path("l.BWF"), "another name of the same format"
    assert named(to_stdout, "l.wav").layer == Path("l.wav")
    assert named(to_stdout, "l.flac", "flac").layer == Path("l.flac")
    assert named(to_stdout, "l.raw", "raw").layer == Path("l.raw")
    assert named(to_stdout, "l.ogg", "keep").layer == Path("l.ogg"), "what that is, the recording will say"
    for job, layer in ((to_file, "l.flac"), (to_file, "l"), (to_stdout, "l.flac"), (to_file, ""), (to_file, "l/")):
        with pytest.raises(UsageError):
            named(job, layer)
    (tmp_path / "there.wav").touch()
    assert named(to_file, str(tmp_path / "there.wav")).error is not None
    assert named(to_file, str(tmp_path / "there.wav"), overwrite=True).error is None
