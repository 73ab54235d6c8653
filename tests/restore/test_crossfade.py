"""Fixed windows with a cross-fade: for networks that judge a window as a whole."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hifisr_cli.checkpoints.frozen import load
from hifisr_cli.engines.hifisr.engine import Model
from hifisr_cli.engines.hifisr.importing import import_published
from hifisr_cli.restore.batches import restore_blocks
from hifisr_cli.restore.crossfade import Seam, fade_length, fixed_plan, fixed_windows
from hifisr_cli.restore.scheduler import drive
from hifisr_cli.restore.windows import ChunkPlan
from tests.engines.hifisr.published_form import Sizes, random_states, save
from tests.restore.conftest import Identity

Wave = np.ndarray


@given(
    total=st.integers(0, 3000),
    core=st.integers(1, 40),
    context=st.integers(0, 30),
    hop=st.sampled_from([1, 3, 16]),
    cuts=st.lists(st.integers(0, 3000), max_size=8),
    channels=st.integers(1, 3),
)
def test_windows_have_one_length_and_their_cores_join(
    *, total: int, core: int, context: int, hop: int, cuts: list[int], channels: int
) -> None:
    samples = np.random.default_rng(total).standard_normal((channels, total)).astype(np.float32)
    plan = ChunkPlan(core * hop, context * hop, hop)
    blocks = np.split(samples, sorted(min(cut, total) for cut in cuts), axis=1)
    joined, start = [], 0
    for window in fixed_windows(blocks, plan):
        assert window.samples.shape == (channels, plan.core + 2 * plan.context)
        assert window.start == start - plan.context
        inside = slice(max(-window.start, 0), min(total - window.start, window.samples.shape[1]))
        place = slice(window.start + inside.start, window.start + inside.stop)
        assert np.array_equal(window.samples[:, inside], samples[:, place])  # the recording, where there is one
        joined.append(window.samples[:, window.context : window.context + window.length])
        start += window.length
    assert start == total
    if total:
        assert np.array_equal(np.concatenate(joined, axis=1), samples)


def test_beyond_the_ends_stands_the_mirror_image() -> None:
    samples = np.arange(1, 13, dtype=np.float32)[None]
    first, second = fixed_windows([samples], ChunkPlan(8, 3, 1))
    assert first.samples[0].tolist() == [3, 2, 1, *range(1, 12)]
    assert second.samples[0].tolist() == [*range(6, 13), 12, 11, 10, 9, 8, 7, 6]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_shortest_recordings_fill_a_window(length: int) -> None:
    (window,) = fixed_windows([np.ones((2, length), np.float32)], ChunkPlan(48, 16, 16))
    assert window.samples.shape == (2, 80)
    assert (window.samples == 1).all()
    assert window.length == length


def test_the_seam_fades_linearly_from_one_window_to_the_next() -> None:
    seam = Seam(4)
    first = seam.join(np.zeros((1, 14), np.float32), 10)
    second = seam.join(np.ones((1, 14), np.float32), 10)
    assert not first.any()
    assert second[0, :5].tolist() == [0.125, 0.375, 0.625, 0.875, 1.0]
    assert seam.join(np.ones((1, 2 + 4), np.float32), 2).tolist() == [[1.0, 1.0]]  # shorter than the fade


CYCLES = 115  # in 256 samples: 21.6 kHz, above any cutoff, in step with every window


@dataclass
class Disagreeing(Identity):
    """Adds a constant that is another for every window: neighbours never agree."""

    hop: int = 256
    crossfade: int = fade_length(256, 48_000)
    count: int = 0

    def generate(self, waves: Tensor, cutoff_hz: Tensor, noise: Tensor) -> Tensor:
        self.count += 1
        high = torch.cos(2 * torch.pi * CYCLES / 256 * torch.arange(waves.shape[1]))
        return waves + (0.1 if self.count % 2 else -0.1) * high


def run(wave: Wave, network: object, batch_size: int = 1, cutoff_hz: float = 4000.0) -> Wave:
    blocks = [wave[:, i : i + 30_000] for i in range(0, wave.shape[1], 30_000)]
    finished = restore_blocks(
        blocks,
        network,
        cutoff_hz=cutoff_hz,
        gain=1.0,
        chunk_seconds=1.0,
        batch_size=batch_size,  # type: ignore[arg-type]
    )
    return np.concatenate([stretch.output for stretch in finished], axis=1)


@settings(max_examples=10)
@given(samples=st.integers(1, 500_000), channels=st.integers(1, 2), batch=st.integers(1, 4))
def test_where_windows_agree_the_fade_is_not_there(samples: int, channels: int, batch: int) -> None:
    wave = np.random.default_rng(samples).standard_normal((channels, samples)).astype(np.float32)
    network = Identity(hop=256, crossfade=fade_length(256, 48_000))
    assert np.abs(run(wave, network, batch) - wave).max() < 1e-6
    plan = fixed_plan(256, 48_000)
    assert network.crossfade < plan.context


def test_where_they_do_not_the_change_is_spread_over_the_fade() -> None:
    plan = fixed_plan(256, 48_000)
    wave = np.zeros((1, 2 * plan.core + 10_000), np.float32)
    out = run(wave, Disagreeing())[0]
    carrier = np.cos(2 * np.pi * CYCLES / 256 * np.arange(out.size))
    envelope = np.convolve(out * carrier * 2, np.ones(2048) / 2048, mode="same")[2048:-2048]
    assert envelope.max() == pytest.approx(0.1, abs=0.01)
    assert envelope.min() == pytest.approx(-0.1, abs=0.01)
    third = Disagreeing.crossfade // 3
    assert np.abs(envelope[third:] - envelope[:-third]).max() < 0.4 * 0.2  # after a hard cut: all of 0.2


@pytest.fixture(scope="module")
def global_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small network of the published kind with random weights."""
    folder = tmp_path_factory.mktemp("published")
    save(folder / "p", *random_states(Sizes(channels=16)))
    import_published([folder / "p"], folder / "net.safetensors")
    generator, info = load(folder / "net.safetensors")
    return Model(info.name, info.parameter_hash, generator, torch.device("cpu"), "float32")


def high_band(wave: Wave) -> Wave:
    spectrum = np.fft.rfft(wave)
    spectrum[..., : int(wave.shape[-1] * 8500 / 48_000)] = 0
    return np.fft.irfft(spectrum, wave.shape[-1])


def test_every_window_goes_through_the_network_at_the_same_length(global_model: Model) -> None:
    assert global_model.crossfade > 0
    wave = 0.05 * np.random.default_rng(0).standard_normal((2, 160_000)).astype(np.float32)
    assert run(wave, global_model, batch_size=2).shape == wave.shape
    assert run(wave[:, :7], global_model).shape == (2, 7)


def test_the_generated_band_follows_the_level(global_model: Model, rng: np.random.Generator) -> None:
    """The network itself cannot hear it: normalisation over the window removes any gain."""
    plan = fixed_plan(256, 48_000)
    length = 2 * plan.core
    wave = 0.2 * rng.standard_normal((1, 2 * length)).astype(np.float32)
    wave[:, length:] *= 0.1  # the second window begins here but for its context, the third lies wholly in it
    high = high_band(run(wave, global_model, cutoff_hz=8000.0))[0]
    loud, quiet = high[: plan.core], high[3 * plan.core + global_model.crossfade :]
    ratio = np.sqrt(np.mean(quiet**2) / np.mean(loud**2))
    assert np.sqrt(np.mean(loud**2)) > 1e-3
    assert ratio == pytest.approx(0.1, rel=0.1)


def test_silence_stays_silent(global_model: Model) -> None:
    assert np.abs(run(np.zeros((1, 300_000), np.float32), global_model)).max() < 1e-6


def test_recordings_that_share_batches_keep_their_own_seams(global_model: Model, speech_like) -> None:  # type: ignore[no-untyped-def]
    from hifisr_cli.restore.batches import tasks

    waves = [speech_like(seconds, seed=seed, cutoff_hz=7500.0) for seed, seconds in enumerate((4.0, 2.0))]

    def restoring(wave: Wave):  # type: ignore[no-untyped-def]
        parts = []
        for group in tasks([wave], global_model, cutoff_hz=8000.0, gain=1.0, chunk_seconds=1.0):
            parts += [stretch.output for stretch in (yield group)]
        return np.concatenate(parts, axis=1)

    for index, found in drive([restoring(wave) for wave in waves], global_model, 2):
        wave = waves[index]
        assert isinstance(found, np.ndarray)
        assert np.abs(found - run(wave, global_model, cutoff_hz=8000.0)).max() < 1e-5


def test_bounded_networks_need_none_of_this(tiny_model: Model) -> None:
    assert tiny_model.crossfade == 0
    assert dataclasses.replace(tiny_model).crossfade == 0


def test_the_fade_is_shorter_than_the_context_and_ends_before_the_window_does() -> None:
    plan = fixed_plan(256, 48_000)
    assert 0 < fade_length(256, 48_000) < plan.context
    assert plan.core % 256 == plan.context % 256 == 0


def test_nothing_here_is_large(tmp_path: Path) -> None:
    """Constant memory: what a recording of any length keeps in hand is less than two windows."""
    plan = fixed_plan(256, 48_000)
    limit = 2 * (plan.core + 2 * plan.context)
    for window in fixed_windows((np.zeros((1, 48_000), np.float32) for _ in range(60)), plan):
        base = window.samples.base
        assert base is None or base.size <= limit
