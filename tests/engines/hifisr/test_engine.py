"""The engine: windows and level of the published form, which judges a window as a whole; threads for windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hifisr_cli.engines.hifigan.fast_head import FastHead
from hifisr_cli.engines.hifigan.threads import InterruptedWorkError
from hifisr_cli.engines.hifisr.accelerate import PlainHead
from hifisr_cli.engines.hifisr.engine import HifisrEngine
from hifisr_cli.engines.hifisr.importing import import_published
from hifisr_cli.engines.load import Precision, load_model
from hifisr_cli.engines.protocol import Engine, WindowBatch
from hifisr_cli.restore.batches import plan_for, restore_blocks, tasks
from hifisr_cli.restore.course import steady
from hifisr_cli.restore.scheduler import drive
from hifisr_cli.restore.survey import Restoration
from tests.engines.hifisr.published_form import Sizes, random_states, save
from tests.restore.conftest import TINY, random_model

Wave = np.ndarray


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> HifisrEngine:
    """A small network of the published kind with random weights, not prepared for the processor."""
    folder = tmp_path_factory.mktemp("published")
    save(folder / "p", *random_states(Sizes(channels=16)))
    import_published([folder / "p"], folder / "net.safetensors")
    engine = load_model(str(folder / "net.safetensors"), device="cpu", threads=1)
    assert isinstance(engine, HifisrEngine)
    return engine


def run(wave: Wave, engine: Engine, batch_size: int = 1, cutoff_hz: float = 4000.0) -> Wave:
    blocks = [wave[:, i : i + 30_000] for i in range(0, wave.shape[1], 30_000)]
    finished = restore_blocks(blocks, engine, Restoration(steady(cutoff_hz)), batch_size=batch_size)
    return np.concatenate([stretch.output for stretch in finished], axis=1)


def high_band(wave: Wave) -> Wave:
    spectrum = np.fft.rfft(wave)
    spectrum[..., : int(wave.shape[-1] * 8500 / 48_000)] = 0
    return np.fft.irfft(spectrum, wave.shape[-1])


def test_its_windows_have_one_length_and_fade(published: HifisrEngine) -> None:
    geometry = published.geometry
    assert geometry.core is not None
    assert 0 < geometry.fade < geometry.context
    assert geometry.core % geometry.grid == geometry.context % geometry.grid == 0
    plans = {plan_for(published, Restoration(steady(4000.0)), seconds) for seconds in (0.5, 5.0)}
    assert len(plans) == 1
    wave = 0.05 * np.random.default_rng(0).standard_normal((2, 160_000)).astype(np.float32)
    assert run(wave, published, batch_size=2).shape == wave.shape
    assert run(wave[:, :7], published).shape == (2, 7)


def test_a_bounded_network_needs_none_of_this() -> None:
    geometry = random_model(TINY).geometry
    assert (geometry.core, geometry.fade, geometry.outside) == (None, 0, "silence")


def test_the_generated_band_follows_the_level(published: HifisrEngine, rng: np.random.Generator) -> None:
    """The network itself cannot hear it: normalisation over the window removes any gain."""
    core = published.geometry.core
    assert core is not None
    wave = 0.2 * rng.standard_normal((1, 4 * core)).astype(np.float32)
    wave[:, 2 * core :] *= 0.1  # the third window begins here but for its context, the fourth lies wholly in it
    high = high_band(run(wave, published, cutoff_hz=8000.0))[0]
    loud, quiet = high[:core], high[3 * core + published.geometry.fade :]
    ratio = np.sqrt(np.mean(quiet**2) / np.mean(loud**2))
    assert np.sqrt(np.mean(loud**2)) > 1e-3
    assert ratio == pytest.approx(0.1, rel=0.1)


def test_recordings_that_share_batches_keep_their_own_seams(published: HifisrEngine, speech_like) -> None:  # type: ignore[no-untyped-def]
    waves = [speech_like(seconds, seed=seed, cutoff_hz=7500.0) for seed, seconds in enumerate((4.0, 2.0))]

    def restoring(wave: Wave):  # type: ignore[no-untyped-def]
        parts = []
        for group in tasks([wave], published, Restoration(steady(8000.0))):
            parts += [stretch.output for stretch in (yield group)]
        return np.concatenate(parts, axis=1)

    for index, found in drive([restoring(wave) for wave in waves], published, 2):
        wave = waves[index]
        assert isinstance(found, np.ndarray)
        assert np.abs(found - run(wave, published, cutoff_hz=8000.0)).max() < 1e-5


def test_another_seed_is_another_hiss_and_nothing_else(speech_like) -> None:  # type: ignore[no-untyped-def]
    engine = random_model(TINY)
    other = replace(engine, settings=replace(engine.settings, seed=1))
    wave = speech_like(1.0, cutoff_hz=4000.0)
    one, another = run(wave, engine), run(wave, other)
    assert not np.array_equal(one, another)
    assert np.array_equal(another, run(wave, other))
    spectra = [np.abs(np.fft.rfft(each[0])) ** 2 for each in (one, another)]
    below = slice(0, int(3500 * wave.shape[1] / 48_000))
    assert np.allclose(spectra[0][below], spectra[1][below], rtol=1e-2, atol=1e-3)


def engine(threads: int, precision: Precision = "float32") -> HifisrEngine:
    loaded = load_model("compact-6", device="cpu", precision=precision, threads=threads)
    assert isinstance(loaded, HifisrEngine)
    return loaded


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_batch_gives_the_bytes_of_single_windows(precision: Precision) -> None:
    one_core = engine(1, precision)
    assert one_core.threads is None
    torch.manual_seed(1)
    samples = 2 * one_core.geometry.context + 8 * one_core.geometry.grid
    waves, cutoffs, starts = 0.1 * torch.randn(3, samples), torch.tensor([[4000.0], [8000.0], [4000.0]]), (0, 0, -480)
    single = torch.cat(
        [one_core.generate(WindowBatch(waves[[i]], cutoffs[[i]], (starts[i],), ("speech",))) for i in range(3)],
    )
    assert torch.equal(one_core.generate(WindowBatch(waves, cutoffs, starts, ("speech",) * 3)), single)
    two_cores = engine(2, precision)
    assert two_cores.threads is not None
    assert torch.equal(two_cores.generate(WindowBatch(waves, cutoffs, starts, ("speech",) * 3)), single)


def test_the_head_gives_up_between_tiles() -> None:
    head = engine(1).generator.head
    assert isinstance(head, FastHead | PlainHead)
    head.interrupt.set()
    with pytest.raises(InterruptedWorkError):
        head(torch.zeros(1, 256, 10))
