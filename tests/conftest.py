"""What every test may ask for: real speech, synthetic speech, random numbers, external programs, calm threads."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent

# No deadline: the first example pays for imports and compilation. Derandomised: a red run can be repeated.
settings.register_profile("suite", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

# A script's background job ignores Ctrl-C, and so does what it starts, as it should: commands under test must hear it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _words_for_what_is_missing() -> str:
    try:
        Path("no such file").stat()
    except OSError as error:
        return str(error.strerror).lower()
    return ""


NO_SUCH_FILE = _words_for_what_is_missing()
"""The words of this operating system."""


SLOW = (
    "audio/containers/test_mpeg.py", "audio/decoders/test_flac.py", "audio/decoders/test_flac_salvage.py",
    "audio/decoders/test_foreign.py", "audio/decoders/test_ogg.py",
    "audio/metadata",
    "audio/output/test_output.py", "audio/test_resample.py", "batch", "checkpoints/test_frozen.py",
    "checkpoints/test_registry.py", "cli", "dsp/bandwidth/test_meter.py", "dsp/inspection/test_hum.py",
    "dsp/test_crossover.py", "engines/audiosr", "engines/hifisr/test_accelerate.py", "engines/hifisr/test_engine.py",
    "engines/hifisr/test_full_size.py", "engines/hifisr/test_generator.py", "engines/hifisr/test_importing.py",
    "engines/hifisr/test_parity.py", "engines/test_by_sound.py", "engines/test_conformance.py",
    "engines/test_importing.py", "engines/test_pull.py",
    "evaluate/test_bench.py",
    "fuzz", "report", "restore/test_batches.py", "restore/test_file.py", "restore/test_inputs.py",
    "restore/test_inspect.py", "restore/test_levelled.py", "restore/test_metadata_of_outputs.py",
    "restore/test_scheduler.py", "test_docs.py", "test_packaging.py", "test_readme.py", "train/test_critics.py",
    "train/test_data.py", "train/test_loop.py", "train/test_validation.py",
)  # fmt: skip
"""Files and folders of tests that take 2 seconds or more, or start processes. All others are quick."""

QUICK = (
    "batch/history/test_journal.py", "batch/history/test_record.py", "batch/plan", "batch/workers/test_sharing.py",
    "cli/test_meter.py", "cli/test_render.py", "report/test_overview.py",
)  # fmt: skip
"""What is quick all the same in the folders of SLOW."""


def is_quick(test: Path) -> bool:
    """Whether a file of tests is one of those that `pytest -m quick` runs."""
    place = test.relative_to(ROOT / "tests")
    places = {above.as_posix() for above in (place, *place.parents)}
    return not places.isdisjoint(QUICK) or places.isdisjoint(SLOW)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is quick, and leaves out what this system has not."""
    for item in items:
        if is_quick(item.path):
            item.add_marker(pytest.mark.quick)
    if sys.platform == "win32":
        for item in items:
            if item.get_closest_marker("posix") is not None:
                item.add_marker(pytest.mark.skip("not on Windows"))


def in_steps(restore: Callable[..., Any]) -> Callable[..., Generator[Any, Any, Any]]:
    """A stand-in for `restore.file.restore_file` as one for `restore.file.restoring`, which is what runs use."""

    def restoring(*given: Any, **named: Any) -> Generator[Any, Any, Any]:
        yield from ()
        return restore(*given, **named)

    return restoring


@pytest.fixture(autouse=True)
def calm_threads() -> None:
    """One PyTorch thread where it is loaded already: small tensors on a busy machine are slower with more."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_speech() -> Path:
    """The folder of real speech recordings (with validation/ in it), which are not part of the repository."""
    folder = Path(os.environ.get("HIFISR_SPEECH", ROOT.parent / "shared" / "speech"))
    if not (folder / "validation").is_dir():
        pytest.skip("no speech recordings here: set HIFISR_SPEECH to a folder that has validation/ in it")
    return folder


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """The folder of small recordings that failed once, which are not part of the repository."""
    folder = Path(os.environ.get("HIFISR_CASES", ROOT.parent / "shared" / "cases"))
    if not folder.is_dir():
        pytest.skip("no failed recordings here: set HIFISR_CASES to a folder of them")
    return folder


@pytest.fixture(scope="session")
def shared_audiosr() -> Path:
    """What the original AudioSR code computed with small random weights, which is not part of the repository."""
    folder = Path(os.environ.get("HIFISR_AUDIOSR", ROOT.parent / "shared" / "reference" / "audiosr" / "parity"))
    if not (folder / "tensors.safetensors").is_file():
        pytest.skip("no tensors of the original AudioSR here: set HIFISR_AUDIOSR to a folder of them")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20_240_229)


def synthetic_speech(
    seconds: float,
    rate: int = 48_000,
    channels: int = 1,
    *,
    cutoff_hz: float | None = None,
    level_db: float = -26.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Something with the gait of speech: gliding harmonics in syllables, hissing consonants, short pauses.

    Args:
        seconds: duration; the result has round(seconds * rate) samples.
        rate: sample rate in Hz; the content reaches up to its Nyquist frequency.
        channels: each one a speaker of its own.
        cutoff_hz: nothing above it (brick wall), for a band-limited recording.
        level_db: RMS in dBFS.
        seed: another one, another utterance.

    Returns:
        float32 [C, T].
    """
    length = round(seconds * rate)
    t = np.arange(length) / rate
    top = min(rate / 2, cutoff_hz or rate / 2)
    frequencies = np.fft.rfftfreq(max(length, 1), 1 / rate)
    speakers = []
    for channel in range(channels):
        rng = np.random.default_rng([seed, channel])
        pitch = rng.uniform(95, 200) * (1 + 0.12 * np.sin(2 * np.pi * rng.uniform(0.5, 1.0) * t + rng.uniform(0, 6)))
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        voiced = np.zeros(length)
        for k in range(1, int(24_000 / pitch.min()) + 1 if length else 1):
            voiced += np.where(k * pitch < top, np.sin(k * phase + rng.uniform(0, 6)), 0.0) / k**1.2
        syllables = np.clip(np.sin(2 * np.pi * 3.7 * t + rng.uniform(0, 6)) + 0.35, 0.0, 1.0)
        consonants = np.clip(np.sin(2 * np.pi * 3.7 * t + rng.uniform(0, 6)) - 0.4, 0.0, 1.0)
        mixed = syllables * voiced + 0.4 * consonants * rng.standard_normal(length) + 1e-4 * rng.standard_normal(length)
        spectrum = np.fft.rfft(mixed, max(length, 1))
        spectrum[frequencies > top] = 0
        speakers.append(np.fft.irfft(spectrum, max(length, 1))[:length])
    audio = np.stack(speakers)
    rms = float(np.sqrt(np.mean(audio**2))) if length else 0.0
    return (audio * (10 ** (level_db / 20) / rms if rms > 0 else 0.0)).astype(np.float32)


@pytest.fixture(scope="session")
def speech_like() -> Callable[..., NDArray[np.float32]]:
    """`speech_like(seconds, rate=48_000, channels=1, *, cutoff_hz=None, level_db=-26.0, seed=0)` -> float32 [C, T]."""
    return synthetic_speech


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The path of ffmpeg, an independent reader and writer of recordings."""
    return _program("ffmpeg")


@pytest.fixture(scope="session")
def espeak() -> str:
    """The path of espeak-ng, which spoke the examples."""
    return _program("espeak-ng")
