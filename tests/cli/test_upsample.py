"""`hifisr upsample` with a stand-in for the restoration: what it is asked for, names, statuses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hifisr_cli.batch.history.journal import JOURNAL_NAME
from hifisr_cli.checkpoints import registry
from hifisr_cli.cli.app import run
from hifisr_cli.engines import load
from hifisr_cli.engines.protocol import Identity
from hifisr_cli.errors import DeviceError, NotAudioError, OutputError
from hifisr_cli.restore import file as recording
from hifisr_cli.results import AudioInfo, Bandwidth, FileResult
from tests.conftest import NO_SUCH_FILE, in_steps


@dataclass
class StandIn:
    """Takes the place of `restore_file`: copies the bytes, or raises what a test wants for a file of some name."""

    errors: dict[str, BaseException] = field(default_factory=dict)
    seen: list[tuple[Path, Path | None, str | None]] = field(default_factory=list)
    options: list[Any] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)

    def restore_file(
        self,
        source: Path,
        target: Path | None,
        *,
        model: Any,
        options: Any,
        on_progress: Any,
        label: str | None,
        **_: Any,
    ) -> FileResult:
        self.seen.append((source, target, label))
        self.options.append(options)
        if source.name in self.errors:
            raise self.errors[source.name]
        on_progress("survey", 1.0, None)
        on_progress("restore", 1.0, 2.0)
        if target is not None:
            target.write_bytes(source.read_bytes())
        return FileResult(
            label or str(source),
            "-" if target is None else str(target),
            "restored",
            info=AudioInfo("WAV", "PCM_16", 8000, 1, 16000, 16, is_float=False, lossy=False),
            seconds=2.0,
            bandwidth=Bandwidth(3900.0, 0.9, "edge"),
            gain_db=-3.0,
            kept_band_error_db=float("-inf"),
            codec="PCM_24",
            bits=24,
            wall_seconds=0.1,
            model=model.identity.name,
        )

    def load_model(self, found: registry.ModelFile, **settings: Any) -> Any:
        self.models.append({"name": found.name, **settings})
        return _Loaded()


class _Loaded:
    identity = Identity("hifisr", "stand-in", "0" * 64)
    device = "cpu"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Restoration without a network, and without the model's file."""
    engine = StandIn()
    monkeypatch.setattr(recording, "restoring", in_steps(engine.restore_file))
    monkeypatch.setattr(load, "load_model", engine.load_model)
    bundled = registry.find_model(None)
    monkeypatch.setattr(registry, "find_model", lambda name: replace(bundled, name=name or "bundled"))
    return engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a little tree of files that look like recordings by their names."""
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    for name in ("a.wav", "b.flac", "sub/c.wav", "notes.txt"):
        (root / name).write_bytes(name.encode())
    return root


def upsample(*arguments: str | Path) -> int:
    """In this process: workers would know nothing of the stand-in."""
    return run(["upsample", "--jobs", "0", *map(str, arguments)])


def outputs(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != JOURNAL_NAME)
    return sorted(path.relative_to(folder).as_posix() for path in files)


def test_the_tree_is_kept(stand_in: StandIn, folder: Path, tmp_path: Path) -> None:
    assert upsample(folder, "-o", tmp_path / "out") == 0
    assert outputs(tmp_path / "out") == ["a.wav", "b.wav", "sub/c.wav"]


def test_every_option_arrives(stand_in: StandIn, folder: Path, tmp_path: Path) -> None:
    options = (
        "--model=x --device=cuda:1 --precision=bfloat16 --threads=3 --engine-set=seed=7 --cutoff=3400 --chunk-seconds=5"
        " --batch-size=4 --format=wav --bit-depth=32f --overwrite --above-cutoff=replace"
    )
    assert upsample(folder / "a.wav", "-o", tmp_path / "out", *options.split()) == 0
    wanted = {"device": "cuda:1", "precision": "bfloat16", "threads": 3, "settings": {"seed": "7"}}
    assert stand_in.models == [{"name": "x", **wanted}]
    assert stand_in.options == [
        recording.RestoreOptions(3400.0, 5.0, 4, "wav", "32f", overwrite=True, above_cutoff="replace")
    ]


def test_a_cutoff_track_arrives(stand_in: StandIn, folder: Path, tmp_path: Path) -> None:
    track = tmp_path / "track.csv"
    track.write_text("0,*,3400\n12.5,*,full\n", encoding="utf-8")
    assert upsample(folder / "a.wav", "-o", tmp_path / "out", "--cutoff-track", track) == 0
    (options,) = stand_in.options
    assert options.cutoff_track.changes(1, 20.0) == ((0.0, 3_400.0), (12.5, None))


def test_a_cutoff_track_that_does_not_fit_ends_the_run(
    stand_in: StandIn, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track = tmp_path / "track.csv"
    options = (folder / "a.wav", "-o", tmp_path / "out", "--cutoff-track", track)
    assert upsample(*options) == 2
    track.write_text("0,*,3400\n1,*,9", encoding="utf-8")
    assert upsample(*options) == 2
    track.write_text("0,*,3400", encoding="utf-8")
    assert upsample(*options, "--cutoff", "3400") == 2
    missing, wrong, both = capsys.readouterr().err.splitlines()
    assert f"track.csv: the cutoff track cannot be read: {NO_SUCH_FILE}" in missing
    assert "track.csv: line 2: a cutoff of 9 Hz" in wrong
    assert "contradict" in both
    assert not (tmp_path / "out").exists()


def test_one_file_may_be_named(stand_in: StandIn, folder: Path, tmp_path: Path) -> None:
    assert upsample(folder / "a.wav", "-o", tmp_path / "new" / "name.flac") == 0
    assert outputs(tmp_path / "new") == ["name.flac", "name.flac.hifisr.json"]
    assert upsample(folder / "a.wav", "-o", tmp_path / "new" / "name.flac") == 3
    assert upsample(folder / "a.wav", "-o", tmp_path / "new" / "name.flac", "--overwrite") == 0


def test_existing_outputs_are_skipped(
    stand_in: StandIn, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upsample(folder, "-o", tmp_path / "out")
    assert upsample(folder, "-o", tmp_path / "out") == 0
    assert "3 skipped" in capsys.readouterr().err
    assert len(stand_in.seen) == 3
    assert upsample(folder, "-o", tmp_path / "out", "--overwrite") == 0
    assert len(stand_in.seen) == 6


def test_outputs_of_others_are_replaced_only_when_told_to(stand_in: StandIn, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    foreign = tmp_path / "out" / "a.wav"
    foreign.write_bytes(b"somebody else's work")
    assert upsample(folder, "-o", tmp_path / "out") == 0
    assert foreign.read_bytes() == b"somebody else's work"
    assert upsample(folder, "-o", tmp_path / "out", "--overwrite") == 0
    assert foreign.read_bytes() == b"a.wav"


def test_output_inside_the_input_is_not_taken_as_input(stand_in: StandIn, folder: Path) -> None:
    assert upsample(folder, "-o", folder / "restored") == 0
    assert upsample(folder, "-o", folder / "restored") == 0
    assert outputs(folder / "restored") == ["a.wav", "b.wav", "sub/c.wav"]


def test_an_error_of_the_run_still_sums_up(
    stand_in: StandIn, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in.errors["b.flac"] = OutputError("no space left on device", path="out")
    assert upsample(folder, "-o", tmp_path / "out") == 7
    said = capsys.readouterr().err.splitlines()
    assert any(line.startswith("1 restored, 1 failed") for line in said)
    assert said[-1] == "hifisr: out: no space left on device"


@pytest.mark.parametrize(
    ("error", "status"), [(NotAudioError("bad"), 3), (DeviceError("gone"), 6), (KeyboardInterrupt(), 130)]
)
def test_statuses(stand_in: StandIn, folder: Path, tmp_path: Path, error: BaseException, status: int) -> None:
    stand_in.errors["a.wav"] = error
    assert upsample(folder, "-o", tmp_path / "out") == status


@pytest.mark.parametrize(
    "name",
    [
        "-o.wav",
        "[bold]x.wav",
        "%s{0}.wav",
        *(pytest.param(name, marks=pytest.mark.posix) for name in ("new\nline.wav", "b\udcff.wav", "\x1b[31m.wav")),
    ],
)
def test_odd_names_stay_on_one_line(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(b"x")
    assert run(["upsample", "-o", "out", "-q", "--json", "--", name]) == 0
    line = capfd.readouterr().out
    assert line.count("\n") == 1
    assert json.loads(line)["status"] == "restored"
    assert run(["upsample", "-o", "out", "-v", "--", name]) == 0
    said = capfd.readouterr().err.splitlines()
    assert [line.split()[0] for line in said] == ["skipped", "1"]
    assert all(line.isprintable() for line in said)
    assert outputs(tmp_path / "out") == [name]


def test_a_missing_input_fails_alone(
    stand_in: StandIn, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upsample(folder / "a.wav", tmp_path / "missing.wav", "-o", tmp_path / "out") == 3
    assert f"missing.wav: {NO_SUCH_FILE}" in capsys.readouterr().err
    assert outputs(tmp_path / "out") == ["a.wav"]


def test_a_folder_without_audio(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert upsample(tmp_path / "in", "-o", tmp_path / "out") == 4
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_noticed_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--dry-run"]):
        assert upsample(tmp_path / "missing.wav", "-o", tmp_path / "out", "--model", "no-such-model", *more) == 5
        assert "missing.wav" not in capsys.readouterr().err
