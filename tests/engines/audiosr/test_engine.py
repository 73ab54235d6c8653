"""From windows to recordings: with a stand-in that passes everything on, and with a small random network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hifisr_cli.cli.app import run as command
from hifisr_cli.engines.audiosr.engine import AudioSrEngine
from hifisr_cli.engines.audiosr.network import load_network
from hifisr_cli.engines.audiosr.schedule import alpha_bar
from hifisr_cli.engines.audiosr.settings import Settings
from hifisr_cli.engines.audiosr.vae import Gaussian
from hifisr_cli.engines.hifigan.config import MelConfig
from hifisr_cli.engines.load import load_model
from hifisr_cli.engines.protocol import Engine, Identity, WindowBatch
from hifisr_cli.restore.batches import restore_blocks
from hifisr_cli.restore.course import steady
from hifisr_cli.restore.survey import Restoration
from tests.engines.audiosr.tiny import save

HOP = 480


class Passing:
    """A network whose mel bands are the samples themselves, and whose denoiser finds the condition again."""

    config = SimpleNamespace(
        mel=MelConfig(n_fft=2048, hop=HOP, bands=HOP, f_max=24_000.0), vae=SimpleNamespace(reduction=8), surplus=16
    )

    def log_mel(self, waves: Tensor) -> Tensor:
        return waves.unflatten(1, (-1, HOP))

    def condition(self, log_mel: Tensor) -> Gaussian:
        mean = log_mel.unflatten(1, (-1, 8)).transpose(1, 2)
        return Gaussian(mean, torch.zeros_like(mean))

    def no_condition(self, like: Tensor) -> Tensor:
        return torch.zeros_like(like)

    def velocity(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        share = alpha_bar(t)[:, None, None, None]
        alpha, sigma = share.sqrt(), (1.0 - share).sqrt()
        return alpha * (x - alpha * condition) / sigma - sigma * condition

    def decode(self, latent: Tensor) -> Tensor:
        return latent.transpose(1, 2).flatten(1, 2)

    def vocode(self, log_mel: Tensor, *, spare: int) -> Tensor:
        return torch.nn.functional.pad(log_mel[:, spare : log_mel.shape[1] - spare].flatten(1), (8, 8))


PASSING = AudioSrEngine(
    Identity("audiosr", "passing", ""),
    Passing(),  # type: ignore[arg-type]
    torch.device("cpu"),
    Settings(steps=2, guidance=1.0),
)
WHOLE = Restoration(steady(0.0), keeps_low_band=False)
"""All of what an engine makes, and nothing is filtered."""


def restored(wave: np.ndarray, engine: Engine, batch_size: int = 1, restoration: Restoration = WHOLE) -> np.ndarray:
    blocks = [wave[:, i : i + 30_000] for i in range(0, wave.shape[1], 30_000)]
    parts = restore_blocks(blocks, engine, restoration, batch_size=batch_size)
    return np.concatenate([part.output for part in parts], axis=1)


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(1, 600_000), channels=st.integers(1, 2), batch=st.integers(1, 3))
def test_what_is_passed_on_comes_out_as_it_was(samples: int, channels: int, batch: int) -> None:
    """Every sample in its place, whatever the length: no seam, no delay."""
    wave = np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)
    wave -= wave.mean(axis=1, keepdims=True)
    output = restored(wave, PASSING, batch)
    assert output.shape == wave.shape
    assert np.abs(output - wave).max() < 0.05  # the means of windows are lost, which training took away, too


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("audiosr") / "tiny.safetensors"
    save(path)
    return path


def loaded(path: Path, precision: str = "float32", **given: object) -> AudioSrEngine:
    engine = load_model(str(path), device="cpu", threads=1, precision=precision, settings={"steps": 2, **given})  # type: ignore[arg-type]
    assert isinstance(engine, AudioSrEngine)
    return engine


class Watched:
    """An engine that keeps what it made of each window."""

    def __init__(self, engine: AudioSrEngine) -> None:
        self._engine, self.made = engine, list[Tensor]()

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def generate(self, windows: WindowBatch) -> Tensor:
        output = self._engine.generate(windows)
        self.made += list(output)
        return output


def test_neighbours_give_way_to_each_other(tiny: Path, speech_like) -> None:  # type: ignore[no-untyped-def]
    """In a fade every sample lies between what the two windows make of it; elsewhere it is what one of them makes."""
    engine = loaded(tiny)
    geometry = engine.geometry
    assert geometry.core is not None
    watched = Watched(engine)
    wave = speech_like(9.0, cutoff_hz=4000.0)
    output = restored(wave, watched, restoration=Restoration(steady(4000.0), keeps_low_band=False))[0]  # type: ignore[arg-type]
    first, second = (made.numpy()[geometry.context - geometry.trim :] for made in watched.made[:2])
    core, fade = geometry.core, geometry.fade
    assert np.array_equal(output[:core], first[:core])
    assert np.array_equal(output[core + fade : 2 * core], second[fade:core])
    early, late, joined = first[core : core + fade], second[:fade], output[core : core + fade]
    assert bool(np.all((np.minimum(early, late) - 1e-7 <= joined) & (joined <= np.maximum(early, late) + 1e-7)))


def batch(count: int, cutoff_hz: float = 4000.0) -> WindowBatch:
    """Windows that are shorter than the engine cuts them."""
    waves = 0.08 * torch.randn(count, 128 * HOP, generator=torch.Generator().manual_seed(1))
    starts = tuple(192_000 * i - 26_880 for i in range(count))
    return WindowBatch(waves, torch.full((count, 128), cutoff_hz), starts, ("speech",) * count)


def test_progress_is_told_to_the_end(tiny: Path) -> None:
    engine, told = loaded(tiny, steps=5), list[float]()
    engine.generate(dataclasses.replace(batch(2), on_progress=told.append))
    assert told == sorted(told)
    assert len(told) == 2 * (5 + 3)
    assert told[7] == pytest.approx(0.5)
    assert told[-1] == pytest.approx(1.0)


def test_whoever_listens_can_stop_it(tiny: Path) -> None:
    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loaded(tiny).generate(dataclasses.replace(batch(1), on_progress=stop))


def test_windows_without_sound_are_silent(tiny: Path) -> None:
    windows = batch(3)
    windows.waves[1] = 0.0
    output = loaded(tiny).generate(windows)
    assert not bool(output[1].any())
    assert bool(output[0].any())


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"guidance": 2.0}, {"steps": 3}, {"sampler": "original"}, {"sample_condition": False}]
)
def test_settings_change_what_comes_out(tiny: Path, other: dict[str, object]) -> None:
    windows = batch(1)
    assert not torch.equal(loaded(tiny).generate(windows), loaded(tiny, **other).generate(windows))


def test_all_rows_at_once_are_the_same_rows(tiny: Path) -> None:
    """As a GPU computes them."""
    engine, windows = loaded(tiny), batch(3)
    alone = engine.generate(windows)
    engine.lanes = 2
    assert torch.allclose(engine.generate(windows), alone, atol=1e-6)


def near(half: Tensor, single: Tensor) -> bool:
    return half.dtype == torch.float32 and float((half - single).square().mean() / single.square().mean()) < 0.01


def test_bfloat16_is_near(tiny: Path) -> None:
    windows = batch(1)
    assert near(*(loaded(tiny, steps=2, precision=each).generate(windows) for each in ("bfloat16", "float32")))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_near_the_way_a_gpu_computes_it(
    tiny: Path, precision: Literal["bfloat16", "float16"]
) -> None:
    """Weights in float32, layers in what autocast takes; on the processor, which knows both."""
    single = loaded(tiny, steps=2)
    identity = dataclasses.replace(single.identity, precision=precision)
    half = AudioSrEngine(identity, load_network(tiny), torch.device("cpu"), single.settings)
    windows = batch(2)
    assert near(half.generate(windows), single.generate(windows))


def test_a_dry_run_says_how_long_it_would_take(
    tiny: Path, tmp_path: Path, speech_like, capsys: pytest.CaptureFixture[str]
) -> None:  # type: ignore[no-untyped-def]
    soundfile.write(tmp_path / "in.wav", speech_like(1.0, 8_000)[0], 8_000)
    asked = ["upsample", str(tmp_path / "in.wav"), "-o", str(tmp_path / "out.wav"), "--dry-run", "--device", "cpu"]
    assert command([*asked, "--model", str(tiny), "--engine-set", "steps=1", "--threads", "1"]) == 0
    assert "1 planned; restoring would take about" in capsys.readouterr().err
    assert not (tmp_path / "out.wav").exists()
    assert command(asked) == 0
    assert "would take" not in capsys.readouterr().err
