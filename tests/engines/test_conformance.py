"""What every engine keeps, whatever it is made of. A new one is added to `checkpoints` below, and passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hifisr_cli.batch.history.record import read_record
from hifisr_cli.checkpoints.registry import find_model
from hifisr_cli.cli.app import run as command
from hifisr_cli.engines.hifisr.generator import Generator, freeze
from hifisr_cli.engines.hifisr.importing import import_published
from hifisr_cli.engines.load import ENGINES, load_model
from hifisr_cli.engines.protocol import Engine, WindowBatch
from hifisr_cli.engines.tfnet.config import TfnetConfig
from hifisr_cli.engines.tfnet.network import Tfnet
from hifisr_cli.engines.tfnet.network import freeze as freeze_tfnet
from hifisr_cli.restore.batches import restore_blocks
from hifisr_cli.restore.course import Course, steady
from hifisr_cli.restore.file import RestoreOptions, restore_file
from hifisr_cli.restore.line import Line
from hifisr_cli.restore.survey import Restoration
from hifisr_cli.results import LAYER_FRAME, Bandwidth
from tests.engines import replicator
from tests.engines.audiosr import tiny
from tests.engines.hifisr.published_form import Sizes, random_states, save
from tests.restore.conftest import TINY

Wave = np.ndarray
CUTOFF_HZ = 4000.0


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A small checkpoint of each kind of network, made when it is asked for."""
    folder = tmp_path_factory.mktemp("engines")

    def compact(path: Path) -> None:
        torch.manual_seed(0)
        freeze(Generator(TINY), path, name="tiny", training="none", licence="CC0-1.0", resampler="none", half=False)

    def published(path: Path) -> None:
        save(folder / "published", *random_states(Sizes(channels=16)))
        import_published([folder / "published"], path)

    def tfnet(path: Path) -> None:
        torch.manual_seed(0)
        network = Tfnet(TfnetConfig(patch=1024, filters=(4, 8), taps=(9, 5)))
        freeze_tfnet(network, path, name="small", training="none", licence="CC0-1.0", resampler="none", half=False)

    makers = {
        "hifisr": compact,
        "hifisr published": published,
        "audiosr": tiny.save,
        "tfnet": tfnet,
        "replicator": replicator.save,
    }

    def checkpoint(name: str) -> Path:
        path = folder / f"{name}.safetensors"
        if not path.exists():
            makers[name](path)
        return path

    return checkpoint


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that it takes to add an engine."""
    monkeypatch.setitem(ENGINES, "replicator", "tests.engines.replicator")


@pytest.fixture(params=["hifisr", "hifisr published", "audiosr", "tfnet", "replicator"])
def engine(request: pytest.FixtureRequest, checkpoints: Callable[[str], Path]) -> Engine:
    return load_model(str(checkpoints(request.param)), device="cpu", threads=1)


def test_every_engine_is_here() -> None:
    assert set(ENGINES) == {"audiosr", "hifisr", "tfnet", "replicator"}


def batch(engine: Engine, count: int = 1, grids: int = 20) -> WindowBatch:
    """Windows of one length, of different sound, cutoffs and places, the last first."""
    geometry = engine.geometry
    length = 2 * geometry.context + (geometry.core or grids * geometry.grid)
    generator = torch.Generator().manual_seed(1)
    cutoffs = torch.tensor([CUTOFF_HZ, 8000.0, 6000.0])[:count, None].repeat(1, length // geometry.grid)
    cutoffs[:, : cutoffs.shape[1] // 2] *= 0.75  # and it changes
    starts = tuple(-geometry.context + (count - 1 - i) * 7 * geometry.grid for i in range(count))
    return WindowBatch(0.05 * torch.randn(count, length, generator=generator), cutoffs, starts, ("speech",) * count)


def row(windows: WindowBatch, index: int) -> WindowBatch:
    return WindowBatch(windows.waves[[index]], windows.cutoff_hz[[index]], (windows.starts[index],), ("speech",))


STEADY = steady(CUTOFF_HZ)


def restored(
    engine: Engine,
    wave: Wave,
    *,
    course: Course = STEADY,
    chunk_seconds: float = 3.0,
    batch_size: int = 1,
    gain: float = 1.0,
) -> Wave:
    blocks = [wave[:, i : i + 10_000] for i in range(0, wave.shape[1], 10_000)]
    restoration = Restoration(course, gain=gain)
    stretches = restore_blocks(blocks, engine, restoration, chunk_seconds=chunk_seconds, batch_size=batch_size)
    return np.concatenate([stretch.output for stretch in stretches], axis=1)


def difference_db(a: Wave, b: Wave) -> float:
    return float(20 * np.log10(np.sqrt(np.mean((a - b) ** 2)) / np.sqrt(np.mean(b**2)) + 1e-12))


def test_the_geometry_holds_together(engine: Engine) -> None:
    geometry = engine.geometry
    assert geometry.grid > 0
    assert 0 <= geometry.trim <= geometry.context
    assert 0 <= geometry.fade <= geometry.context - geometry.trim
    assert geometry.core is None or (geometry.core % geometry.grid == 0 and geometry.fade <= geometry.core)
    assert engine.lanes >= 1
    assert engine.identity.engine in ENGINES


def test_an_output_is_its_window_less_the_trim(engine: Engine) -> None:
    windows = batch(engine, 2)
    output = engine.generate(windows)
    assert output.shape == (2, windows.waves.shape[1] - 2 * engine.geometry.trim)
    assert output.dtype == torch.float32
    assert bool(output.isfinite().all())


def test_every_row_is_what_it_would_be_alone(engine: Engine) -> None:
    windows = batch(engine, 3)
    together = engine.generate(windows)
    for index in (2, 0, 1):  # the order does not matter either: no engine remembers what came before
        assert torch.allclose(engine.generate(row(windows, index))[0], together[index], atol=1e-6)


def test_the_same_windows_are_the_same_bytes(engine: Engine) -> None:
    windows = batch(engine, 2)
    assert torch.equal(engine.generate(windows), engine.generate(windows))


def test_equal_channels_stay_equal(engine: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(0.5, cutoff_hz=CUTOFF_HZ)
    left, right = restored(engine, np.concatenate([wave, wave]), batch_size=2)
    assert np.array_equal(left, right)


def test_no_cut_and_no_batch_shows(engine: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(1.5, cutoff_hz=CUTOFF_HZ)
    whole = restored(engine, wave, chunk_seconds=10.0)
    assert whole.shape == wave.shape
    assert difference_db(whole, wave) > -60  # it does something
    for chunk_seconds, batch_size in ((0.25, 1), (0.7, 3)):
        cut = restored(engine, wave, chunk_seconds=chunk_seconds, batch_size=batch_size)
        assert difference_db(cut, whole) < -100


CHANGING = Course(
    [
        [
            (0, Line(Bandwidth(CUTOFF_HZ, 1.0, "edge"), 3_900.0, np.full(LAYER_FRAME // 2 + 1, 1e-9))),
            (30_001, Line(Bandwidth(24_000.0, 1.0, "full-band"), 24_000.0)),
            (47_000, Line(Bandwidth(7_000.0, 1.0, "edge"), 6_300.0)),
        ]
    ]
)


def test_no_cut_shows_where_the_cutoff_changes(engine: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(1.5, cutoff_hz=CUTOFF_HZ)
    whole = restored(engine, wave, course=CHANGING, chunk_seconds=10.0)
    assert np.array_equal(whole[:, 31_000:46_000], wave[:, 31_000:46_000])  # nothing is missing there
    for outer in (slice(0, 29_000), slice(48_000, None)):
        assert difference_db(whole[:, outer], wave[:, outer]) > -60
    cut = restored(engine, wave, course=CHANGING, chunk_seconds=0.25)
    assert difference_db(cut, whole) < -100
    assert np.array_equal(cut[:, 31_000:46_000], wave[:, 31_000:46_000])


@pytest.mark.parametrize("name", ["compact-6", "hifisr published", "audiosr", "tfnet", "replicator"])
def test_silence_stays_silent(checkpoints: Callable[[str], Path], name: str) -> None:
    """The compact network has learnt it: with random weights it makes its noise out of nothing."""
    engine = load_model(name if name == "compact-6" else str(checkpoints(name)), device="cpu", threads=1)
    assert np.abs(restored(engine, np.zeros((1, 20_000), np.float32))).max() < 1e-5


def test_the_level_of_a_recording_is_not_heard(engine: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    """An engine with a level is given it; one without brings every window to its own, and back."""
    wave = speech_like(0.5, cutoff_hz=CUTOFF_HZ)
    quiet, gain = 0.125 * wave, 8.0 if engine.level_rms is not None else 1.0
    assert difference_db(8.0 * restored(engine, quiet, gain=gain), restored(engine, wave)) < -60


@pytest.fixture
def replicating(checkpoints: Callable[[str], Path]) -> Path:
    return checkpoints("replicator")


@pytest.fixture
def recording(tmp_path: Path, speech_like) -> Path:  # type: ignore[no-untyped-def]
    path = tmp_path / "in.wav"
    soundfile.write(path, speech_like(1.0, 8_000)[0], 8_000)
    return path


def test_the_second_engine_restores_a_file(replicating: Path, recording: Path, tmp_path: Path) -> None:
    engine = load_model(str(replicating), device="cpu", settings={"tilt_db": -3})
    assert find_model(str(replicating)).path == replicating
    result = restore_file(recording, tmp_path / "out.wav", model=engine, options=RestoreOptions(cutoff_hz=3500.0))
    assert (result.status, result.model, result.gain_db) == ("restored", "replicator", 0.0)
    output, _ = soundfile.read(tmp_path / "out.wav")
    spectrum = np.abs(np.fft.rfft(output))
    above = spectrum[int(5000 * len(output) / 48_000) : int(7000 * len(output) / 48_000)]
    assert np.sqrt(np.mean(above**2)) > 0.01 * np.sqrt(np.mean(spectrum**2))


def test_the_second_engine_goes_through_the_command(replicating: Path, recording: Path, tmp_path: Path) -> None:
    def upsample(name: str, *settings: str) -> int:
        options = ("--model", str(replicating), "--device", "cpu", "--jobs", "0", "--cutoff", "3500", *settings)
        return command(["upsample", str(recording), "-o", str(tmp_path / name), *options])

    assert upsample("a.wav") == upsample("b.wav", "--engine-set", "tilt_db=-20") == 0
    assert (tmp_path / "a.wav").read_bytes() != (tmp_path / "b.wav").read_bytes()
    used = read_record(tmp_path / "b.wav").model
    assert used is not None
    assert (used.engine, used.settings) == ("replicator", {"tilt_db": -20.0})


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("colour=blue", "no setting 'colour'"),
        ("tilt_db=steep", "tilt_db is a number"),
        ("tilt_db=3", "must not be positive"),
        ("tilt_db", "not KEY=VALUE"),
    ],
)
def test_other_settings_are_refused_by_name(
    replicating: Path, recording: Path, capsys: pytest.CaptureFixture[str], setting: str, says: str
) -> None:
    out = recording.with_name("out.wav")
    options = ("--model", str(replicating), "--engine-set", setting)
    assert command(["upsample", str(recording), "-o", str(out), *options]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_an_engine_that_is_not_here_is_said_so(
    replicating: Path, recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(ENGINES, "replicator")
    out = recording.with_name("out.wav")
    assert command(["upsample", str(recording), "-o", str(out), "--model", str(replicating)]) == 5
    assert "no engine 'replicator'" in capsys.readouterr().err


def test_models_show_lists_the_settings(replicating: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["models", "show", str(replicating)]) == 0
    assert "tilt_db=-6.0: gain of the copied band" in capsys.readouterr().out
