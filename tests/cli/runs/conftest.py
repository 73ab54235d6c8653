"""Whole runs: in this process where that will do, as a process of its own where that is the point."""

from __future__ import annotations

import ctypes
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import hifisr_cli
from tests.restore.conftest import TINY

PYTHON_M = (sys.executable, "-m", "hifisr_cli")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        """The lines on standard error."""
        return self.err.splitlines()

    @property
    def results(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard error as JSON lines."""
        return [json.loads(line) for line in self.said]


Command = Callable[..., Ended]
Make = Callable[..., Path]
Spawn = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network that is loaded and run in no time."""
    import torch

    from hifisr_cli.engines.hifisr.generator import Generator, freeze

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    freeze(Generator(TINY).eval(), path, name="tiny", training="none", licence="Apache-2.0", resampler="kaiser_best")
    return path


@pytest.fixture(scope="session")
def quick(checkpoint: Path) -> tuple[str, ...]:
    """The options that make a run of `upsample` quick and the same everywhere."""
    return ("--model", str(checkpoint), "--device", "cpu", "--threads", "1", "--jobs", "0")


@pytest.fixture(scope="session")
def environment() -> Mapping[str, str]:
    """For processes: the package that is tested here, wherever they run, and no colours."""
    path = os.pathsep.join([str(Path(hifisr_cli.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), "TERM": "xterm", "COLUMNS": "100", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def hifisr(capsys: pytest.CaptureFixture[str]) -> Command:
    """`hifisr(*arguments)` in this process."""
    from hifisr_cli.cli.app import run

    def call(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        status = run([os.fspath(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(status, out, err)

    return call


@pytest.fixture
def upsample(hifisr: Command, quick: Sequence[str]) -> Command:
    """`hifisr upsample` with the quick options, in this process."""

    def call(*arguments: str | Path) -> Ended:
        return hifisr("upsample", *quick, *arguments)

    return call


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """`feed(data)`: what standard input holds for runs in this process."""

    def call(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return call


@pytest.fixture(scope="session")
def spawn(environment: Mapping[str, str]) -> Spawn:
    """`spawn(*arguments, **keywords of subprocess.run)`: `python -m hifisr_cli` as a process of its own."""

    def call(*arguments: str | bytes | Path, **keywords: Any) -> subprocess.CompletedProcess[bytes]:
        keywords = {"env": environment, "capture_output": True, "timeout": 120} | keywords
        return subprocess.run([*PYTHON_M, *arguments], check=False, **keywords)

    return call


@pytest.fixture(scope="session")
def make(speech_like: Callable[..., np.ndarray]) -> Make:
    """`make(path, seconds=0.5, rate=8_000, channels=1, **keywords of soundfile.write)`: a recording to be restored."""

    def call(path: Path, seconds: float = 0.5, rate: int = 8_000, channels: int = 1, **keywords: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        wave = speech_like(seconds, rate, channels, cutoff_hz=min(0.4 * rate, 6_000))
        soundfile.write(path, wave.T, rate, **keywords)
        return path

    return call


@pytest.fixture
def good(tmp_path: Path, make: Make) -> Path:
    """A recording to be restored."""
    return make(tmp_path / "good.wav")


def obey_rights() -> Callable[[], None] | None:
    """For `preexec_fn`: root in the child has to respect the rights of files, as everybody else does."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    if sys.platform != "linux":
        pytest.skip("root may read and write everything")
    prctl = ctypes.CDLL(None).prctl

    def drop() -> None:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
            prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: gone after the next exec

    return drop


def outputs(folder: Path) -> list[str]:
    """The names in an output folder, but for the journal."""
    return sorted(path.name for path in folder.iterdir() if path.name != "hifisr-journal.jsonl")


def leftovers(folder: Path) -> list[Path]:
    """Temporary files that a run has left behind."""
    return [path for path in folder.rglob("*") if path.name.endswith(".part") or path.name.startswith(".hifisr")]
