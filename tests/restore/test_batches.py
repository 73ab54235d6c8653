"""Windows in batches: equivalences that hold for any engine, and the fade of those that need one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hifisr_cli.dsp.crossover import reach
from hifisr_cli.engines.protocol import Engine, Geometry, WindowBatch
from hifisr_cli.errors import DeviceError, UsageError
from hifisr_cli.restore.batches import compute, plan_for, restore_blocks, tasks
from hifisr_cli.restore.course import steady
from hifisr_cli.restore.survey import Restoration
from tests.restore.conftest import Unchanged

Wave = np.ndarray


def run(wave: Wave, engine: Engine, chunk_seconds: float, batch_size: int = 1, block: int = 30_000) -> Wave:
    blocks = [wave[:, i : i + block] for i in range(0, wave.shape[1], block)]
    finished = restore_blocks(
        blocks, engine, Restoration(steady(4000.0), gain=2.0), chunk_seconds=chunk_seconds, batch_size=batch_size
    )
    return np.concatenate([stretch.output for stretch in finished], axis=1)


@settings(max_examples=20)
@given(
    samples=st.integers(1, 200_000),
    chunk=st.floats(0.01, 6.0),
    batch=st.integers(1, 5),
    block=st.integers(500, 70_000),
    channels=st.integers(1, 3),
)
def test_identity_network_survives_any_chunk_plan(
    samples: int, chunk: float, batch: int, block: int, channels: int
) -> None:
    wave = np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)
    assert np.array_equal(run(wave, Unchanged(), chunk, batch, block), wave)


class Slow(Unchanged):
    """Tells how far it is, as engines do that take long for a window."""

    def generate(self, windows: WindowBatch) -> Tensor:
        for share in (0.25, 0.5, 1.0):
            windows.on_progress(share)
        return super().generate(windows)


@pytest.mark.parametrize(("channels", "batch"), [(1, 1), (2, 1), (1, 3), (2, 3)])
def test_progress_moves_within_windows(channels: int, batch: int) -> None:
    """Every list of windows goes from nothing to all of its samples, in steps that are the same for all rows."""
    wave = np.random.default_rng(0).standard_normal((channels, 100_000)).astype(np.float32)
    heard: list[float] = []
    done = 0
    for group in tasks(
        [wave], Slow(), Restoration(steady(4000.0)), chunk_seconds=0.5, batch_size=batch, on_samples=heard.append
    ):
        length = sum(task.window.length for task in group)
        compute(group, Slow(), batch)
        assert heard == sorted(heard)
        assert 0.0 < heard[0] <= 0.25 * length
        assert heard[-1] == pytest.approx(length)
        done += length
        heard.clear()
    assert done == 100_000


def test_batches_never_exceed_their_size(unchanged: Unchanged, rng: np.random.Generator) -> None:
    run(rng.standard_normal((3, 100_000)).astype(np.float32), unchanged, 0.3, batch_size=4)
    assert max(unchanged.batches) <= 4
    assert 4 in unchanged.batches


def difference_db(a: Wave, b: Wave) -> float:
    return float(20 * np.log10(np.sqrt(np.mean((a - b) ** 2)) / np.sqrt(np.mean(b**2)) + 1e-12))


@pytest.mark.parametrize("chunk_seconds", [0.25, 1.0, 2.0])
def test_chunks_cannot_be_measured(tiny_model: Engine, speech_like, chunk_seconds: float) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(5.0)
    whole = run(wave, tiny_model, 10.0)
    assert difference_db(whole, wave) > -60  # the network does something
    assert difference_db(run(wave, tiny_model, chunk_seconds), whole) < -100


def test_default_network_has_bounded_context(compact_model: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(4.0)
    assert difference_db(run(wave, compact_model, 1.0), run(wave, compact_model, 10.0)) < -100


def test_appended_silence_changes_nothing_before_it(tiny_model: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(2.0)[:, :95_000]
    longer = np.pad(wave, ((0, 0), (0, 60_000)))
    assert np.abs(run(longer, tiny_model, 10.0)[:, :95_000] - run(wave, tiny_model, 10.0)).max() < 1e-5


def test_batch_size_does_not_change_the_output(tiny_model: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(3.0, channels=2)
    single, several = run(wave, tiny_model, 0.5, 1), run(wave, tiny_model, 0.5, 7)
    assert np.abs(single - several).max() < 1e-5


def test_equal_channels_stay_equal(tiny_model: Engine, speech_like) -> None:  # type: ignore[no-untyped-def]
    wave = speech_like(2.0)
    left, right = run(np.concatenate([wave, wave]), tiny_model, 0.7, 2)
    assert np.array_equal(left, right)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 0.0, -1.0])
def test_chunks_of_no_length(unchanged: Unchanged, seconds: float) -> None:
    with pytest.raises(UsageError, match="seconds long"):
        plan_for(unchanged, Restoration(steady(4000.0)), seconds)


def test_cores_and_contexts_are_whole_frames(unchanged: Unchanged) -> None:
    restoration = Restoration(steady(4000.0))
    plan = plan_for(unchanged, restoration, 1.0)
    assert (plan.core, plan.grain) == (48_000, 480)
    assert plan.context % 480 == 0
    assert 0 <= plan.context - unchanged.geometry.context - reach(4000.0) < 480
    assert plan_for(unchanged, restoration, 0.0001).core == 480


CYCLES = 115  # in 256 samples: 21.6 kHz, above any cutoff, in step with every window
FADING = Geometry(256, 24_576, core=147_456, fade=12_288, outside="mirror")


@dataclass
class Disagreeing(Unchanged):
    """Adds a tone that has another sign in every window: neighbours never agree."""

    count: int = 0

    def generate(self, windows: WindowBatch) -> Tensor:
        self.count += 1
        high = torch.cos(2 * torch.pi * CYCLES / 256 * torch.arange(windows.waves.shape[1]))
        return windows.waves + (0.1 if self.count % 2 else -0.1) * high


@settings(max_examples=10)
@given(samples=st.integers(1, 500_000), channels=st.integers(1, 2), batch=st.integers(1, 4))
def test_where_windows_agree_the_fade_is_not_there(samples: int, channels: int, batch: int) -> None:
    wave = np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)
    assert np.abs(run(wave, Unchanged(FADING), 1.0, batch) - wave).max() < 1e-6


def test_where_they_do_not_the_change_is_spread_over_the_fade() -> None:
    assert FADING.core is not None
    wave = np.zeros((1, 2 * FADING.core + 10_000), np.float32)
    out = run(wave, Disagreeing(FADING), 1.0)[0]
    carrier = np.cos(2 * np.pi * CYCLES / 256 * np.arange(out.size))
    envelope = np.convolve(out * carrier * 4, np.ones(2048) / 2048, mode="same")[2048:-2048]
    assert envelope.max() == pytest.approx(0.1, abs=0.01)
    assert envelope.min() == pytest.approx(-0.1, abs=0.01)
    third = FADING.fade // 3
    assert np.abs(envelope[third:] - envelope[:-third]).max() < 0.4 * 0.2  # after a hard cut: all of 0.2


def test_no_memory_is_the_devices_error(unchanged: Unchanged, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Unchanged, "generate", full)
    with pytest.raises(DeviceError, match="out of memory"):
        run(np.zeros((1, 4800), np.float32), unchanged, 1.0)
