from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.batch.plan.discover import Found, discover
from hifisr_cli.batch.plan.output_names import Format, names_file, plan_outputs, suffix_for
from hifisr_cli.errors import OutputExistsError, OutputIsInputError, UsageError


def found(*names: str) -> list[Found]:
    return [Found(Path("in") / name, name, f"in/{name}") for name in names]


def targets(*names: str, requested: Format | None = None) -> list[str]:
    jobs = plan_outputs(found(*names), "out", requested=requested, to_file=False)
    return [job.target.relative_to("out").as_posix() for job in jobs if job.target is not None]


def test_the_tree_is_kept() -> None:
    assert targets("a.wav", "sub/b.flac", "sub/deep/c.mp3") == ["a.wav", "sub/b.wav", "sub/deep/c.wav"]


@pytest.mark.parametrize(
    ("name", "requested", "suffix"),
    [
        ("a.mp3", None, ".wav"),
        ("a.mp3", "wav", ".wav"),
        ("a.wav", "flac", ".flac"),
        ("a.flac", "keep", ".flac"),
        ("a.OGG", "keep", ".OGG"),
        ("a.caf", "keep", ".wav"),
        ("a", "keep", ".wav"),
    ],
)
def test_the_format_decides_the_suffix(name: str, requested: Format | None, suffix: str) -> None:
    assert suffix_for(Path(name), requested) == suffix


def test_colliding_names_keep_their_own_suffix() -> None:
    assert targets("a.flac", "a.wav", "b.wav") == ["a.flac.wav", "a.wav.wav", "b.wav"]


def test_what_still_collides_is_numbered_in_order() -> None:
    assert targets("A.wav", "a.wav") == ["A.wav", "a~2.wav"]
    composed, decomposed = (unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD"))
    assert targets(composed, decomposed) == [composed, decomposed.replace(".wav", "~2.wav")]


def test_a_resolved_name_does_not_take_anothers() -> None:
    result = targets("a.flac", "a.wav", "a.flac.mp3", "A.wav", "a~2.wav")
    assert len({name.casefold() for name in result}) == 5


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "A", "a~2", "a.wav", "b", "é", "e\u0301"]),
            st.sampled_from([".wav", ".flac", ".WAV", ""]),
        ),
        min_size=1,
        max_size=12,
        unique=True,
    )
)
def test_no_two_outputs_are_ever_alike(names: list[tuple[str, str]]) -> None:
    result = targets(*(stem + suffix for stem, suffix in names))
    assert len({unicodedata.normalize("NFC", name).casefold() for name in result}) == len(names)


def test_output_that_is_the_input_fails_for_that_file_only(tmp_path: Path) -> None:
    for name in ("a.wav", "b.flac"):
        (tmp_path / name).write_bytes(b"x")
    jobs = plan_outputs(
        discover([tmp_path / "a.wav", tmp_path / "b.flac"]), str(tmp_path), requested=None, to_file=False
    )
    assert isinstance(jobs[0].error, OutputIsInputError)
    assert jobs[0].target is None
    assert jobs[1].error is None


@pytest.mark.parametrize("link", [os.link, pytest.param(os.symlink, marks=pytest.mark.posix)])
def test_the_input_is_recognised_by_its_inode(tmp_path: Path, link: object) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(b"x")
    (tmp_path / "out").mkdir()
    assert callable(link)
    link(source, tmp_path / "out" / "a.wav")
    (job,) = plan_outputs(discover([source]), str(tmp_path / "out"), requested=None, to_file=False)
    assert isinstance(job.error, OutputIsInputError)


def test_output_on_another_input_fails(tmp_path: Path) -> None:
    for name in ("x/a.wav", "y/a.wav"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    sources = discover([tmp_path / "x" / "a.wav", tmp_path / "y" / "a.wav"])
    jobs = plan_outputs(sources[:1], str(tmp_path / "y"), requested=None, to_file=False)
    assert jobs[0].error is None  # y/a.wav is not among the inputs: it is merely there already
    jobs = plan_outputs([sources[0], *discover([tmp_path / "y"])], str(tmp_path / "y"), requested="keep", to_file=False)
    assert not any(job.target == tmp_path / "y" / "a.wav" for job in jobs)


def test_folder_in_the_place_of_an_output_fails(tmp_path: Path) -> None:
    (tmp_path / "out" / "a.wav").mkdir(parents=True)
    (job,) = plan_outputs(found("a.wav"), str(tmp_path / "out"), requested=None, to_file=False)
    assert isinstance(job.error, OutputExistsError)


def test_name_that_grows_too_long_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    long = "x" * 250
    jobs = plan_outputs(
        found(f"{long}.wav", f"{long}.flac", "b.wav"), str(tmp_path / "out"), requested=None, to_file=False
    )
    assert [job.error is None for job in jobs] == [False, False, True]


class TestNamesFile:
    def test_one_input_may_name_a_file(self) -> None:
        assert names_file("restored.FLAC", ["a.wav"])
        assert names_file("out/restored.wav", ["-"])

    @pytest.mark.parametrize("output", ["out", "out/", "restored.wav/", "out.d"])
    def test_folders(self, output: str) -> None:
        assert not names_file(output, ["a.wav"])

    def test_existing_folder_wins_over_its_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "session.wav").mkdir()
        assert not names_file(str(tmp_path / "session.wav"), ["a.wav", "b.wav"])

    def test_several_inputs_or_a_folder_do_not_fit_one_file(self, tmp_path: Path) -> None:
        for inputs in (["a.wav", "b.wav"], [str(tmp_path)]):
            with pytest.raises(UsageError, match="one output file fits one input file"):
                names_file("restored.wav", inputs)

    def test_existing_file_that_is_not_audio_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(UsageError):
            names_file(str(tmp_path / "notes.txt"), ["a.wav"])

    def test_format_of_another_kind_does_not_become_a_folder(self) -> None:
        with pytest.raises(UsageError, match="m4a"):
            names_file("restored.m4a", ["a.wav"])


def test_format_that_contradicts_the_output_file() -> None:
    with pytest.raises(UsageError, match="--format flac"):
        plan_outputs(found("a.wav"), "restored.wav", requested="flac", to_file=True)
    (job,) = plan_outputs(found("a.wav"), "restored.flac", requested="flac", to_file=True)
    assert job.explicit


def test_standard_output_takes_one_recording() -> None:
    with pytest.raises(UsageError, match="standard output"):
        plan_outputs(found("a.wav", "b.wav"), "-", requested=None, to_file=False)
    (job,) = plan_outputs(found("a.wav"), "-", requested=None, to_file=False)
    assert job.target is None
