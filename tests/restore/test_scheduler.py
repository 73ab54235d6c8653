"""Several recordings in one batch: each comes out as if it were alone."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
from torch import Tensor

from hifisr_cli.engines.load import load_model
from hifisr_cli.engines.protocol import Engine, WindowBatch
from hifisr_cli.errors import DeviceError
from hifisr_cli.restore.file import RestoreOptions, restore_file, restoring
from hifisr_cli.restore.scheduler import Steps, drive
from hifisr_cli.results import FileResult

OPTIONS = RestoreOptions(cutoff_hz=3500.0, bit_depth="32f")


@pytest.fixture
def recordings(tmp_path: Path, speech_like) -> list[Path]:  # type: ignore[no-untyped-def]
    """Short recordings of different rates, lengths and channels."""
    paths = []
    for index, (rate, seconds, channels) in enumerate(
        [(8000, 0.7, 1), (16_000, 0.7, 2), (8000, 0.35, 1), (8000, 2.6, 1)]
    ):
        path = tmp_path / f"{index}.wav"
        wave = speech_like(seconds * rate / 48_000, channels=channels)
        soundfile.write(path, wave.T, rate, subtype="FLOAT")
        paths.append(path)
    return paths


def together(
    pairs: list[tuple[Path, Path]], model: Engine, options: RestoreOptions = OPTIONS
) -> list[FileResult | Exception]:
    """The outcome of each pair of source and target, in order."""
    works = [restoring(source, target, model=model, options=options, overwrite=False) for source, target in pairs]
    outcomes = dict(drive(works, model, options.batch_size))
    return [outcomes[index] for index in range(len(pairs))]


def test_together_is_as_alone(tiny_model: Engine, recordings: list[Path], tmp_path: Path) -> None:
    options = replace(OPTIONS, batch_size=3, chunk_seconds=1.0)
    pairs = [(path, tmp_path / f"together-{path.name}") for path in recordings]
    outcomes = together(pairs, tiny_model, options)
    assert [outcome.status for outcome in outcomes if isinstance(outcome, FileResult)] == ["restored"] * 4
    for path, target in pairs:
        alone = tmp_path / f"alone-{path.name}"
        restore_file(path, alone, model=tiny_model, options=replace(options, batch_size=1))
        assert alone.read_bytes() == target.read_bytes()


def test_nobody_is_charged_for_the_time_of_others(tiny_model: Engine, recordings: list[Path], tmp_path: Path) -> None:
    start = time.monotonic()
    pairs = [(path, tmp_path / f"out-{path.name}") for path in recordings]
    outcomes = together(pairs, tiny_model)
    spent = [outcome.wall_seconds or 0.0 for outcome in outcomes if isinstance(outcome, FileResult)]
    assert min(spent) > 0.0
    assert sum(spent) <= time.monotonic() - start


def steps(model: Engine, recordings: list[Path], folder: Path) -> list[Steps[FileResult]]:
    return [restoring(path, folder / path.name, model=model, options=OPTIONS, overwrite=False) for path in recordings]


def test_threads_that_write_change_nothing(recordings: list[Path], tmp_path: Path) -> None:
    """With the network that runs do use, and as often as they do."""
    model = load_model(device="cpu", threads=1)
    plain, threaded = tmp_path / "plain", tmp_path / "threaded"
    for path in recordings:
        restore_file(path, plain / path.name, model=model, options=OPTIONS)
    with ThreadPoolExecutor(3) as pool:
        ended = dict(drive(steps(model, recordings, threaded), model, pool=pool))
    assert sorted(ended) == [0, 1, 2, 3]
    assert [path.name for path in sorted(threaded.iterdir())] == [path.name for path in recordings]
    for path in recordings:
        assert (plain / path.name).read_bytes() == (threaded / path.name).read_bytes()


@pytest.mark.parametrize("threads", [0, 2])
def test_whoever_stops_listening_leaves_nothing_half_done(
    tiny_model: Engine, recordings: list[Path], tmp_path: Path, threads: int
) -> None:
    out = tmp_path / "out"
    with ThreadPoolExecutor(2) if threads else nullcontext() as pool:
        driven = drive(steps(tiny_model, recordings, out), tiny_model, pool=pool)
        first, _ = next(driven)
        assert (out / recordings[first].name).exists()
        driven.close()  # type: ignore[attr-defined]
    assert {path.name for path in out.iterdir()} <= {path.name for path in recordings}


def test_a_recording_that_a_thread_works_on_is_closed_after_it(tiny_model: Engine) -> None:
    """An interrupt can come when the thread has begun and nobody has noted it."""
    begun, go_on = threading.Event(), threading.Event()
    closed = []

    def slow() -> Steps[None]:
        try:
            yield []
            begun.set()
            go_on.wait(20.0)
            yield []
        finally:
            closed.append(True)

    class Unnoted(ThreadPoolExecutor):
        def submit(self, *given: Any, **named: Any) -> Any:
            future = super().submit(*given, **named)
            if begun.wait(0.2):
                threading.Timer(0.05, go_on.set).start()
                raise KeyboardInterrupt
            return future

    with Unnoted(2) as pool, pytest.raises(KeyboardInterrupt):
        list(drive([slow(), slow()], tiny_model, pool=pool))
    assert closed == [True, True]


class Narrow:
    """An engine that cannot take several windows at once, and cannot take those of one recording at all."""

    def __init__(self, model: Engine, hated: float) -> None:
        self._model, self._hated = model, hated

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, windows: WindowBatch) -> Tensor:
        if len(windows.waves) > 1 or (windows.cutoff_hz == self._hated).all():
            raise DeviceError("out of memory")
        return self._model.generate(windows)


def test_windows_that_are_too_much_together_are_done_alone(
    tiny_model: Engine, recordings: list[Path], tmp_path: Path
) -> None:
    network: Any = Narrow(tiny_model, 3000.0)
    mono = [recordings[0], recordings[2], recordings[3]]
    works = [
        restoring(
            path,
            tmp_path / f"out-{path.name}",
            model=network,
            options=replace(OPTIONS, cutoff_hz=cutoff),
            overwrite=False,
        )
        for path, cutoff in zip(mono, (3500.0, 3000.0, 3500.0), strict=True)
    ]
    ended = dict(drive(works, network, 8))
    assert [type(ended[index]) for index in range(3)] == [FileResult, DeviceError, FileResult]
    assert not (tmp_path / f"out-{mono[1].name}").exists()


def test_one_that_fails_does_not_touch_the_others(tiny_model: Engine, recordings: list[Path], tmp_path: Path) -> None:
    recordings[1].write_bytes(b"not audio")
    pairs = [(path, tmp_path / f"out-{path.name}") for path in recordings]
    outcomes = together(pairs, tiny_model)
    assert [isinstance(outcome, FileResult) for outcome in outcomes] == [True, False, True, True]
    assert [target.exists() for _, target in pairs] == [True, False, True, True]


def test_a_failing_network_leaves_nothing_behind(
    tiny_model: Engine, recordings: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise DeviceError("out of memory")

    monkeypatch.setattr(type(tiny_model), "generate", full)
    out = tmp_path / "out"
    out.mkdir()
    pairs = [(path, out / path.name) for path in recordings]
    outcomes = together(pairs, tiny_model)
    assert [type(outcome) for outcome in outcomes] == [DeviceError] * 4
    assert list(out.iterdir()) == []
