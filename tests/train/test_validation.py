from __future__ import annotations

from pathlib import Path

import torch

from hifisr_cli.audio.resample import RESAMPLER_ID
from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.engines.hifisr.generator import Generator, load_generator
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.data import Batches
from hifisr_cli.train.freeze import freeze_state
from hifisr_cli.train.loop import Trainer
from hifisr_cli.train.validation import excerpts, restored, validate
from tests.restore.conftest import TINY
from tests.train.conftest import CONFIG


def test_validation_and_freezing(clips: list[Clip], tmp_path: Path) -> None:
    run = Trainer(CONFIG, Batches(clips, CONFIG), tmp_path)
    run.step()
    figures = validate(run.average, excerpts(clips), rates=(8_000,))
    assert figures["score"] == figures["lsd@8000"] > 0
    info = freeze_state(
        run.save(), tmp_path / "model.safetensors", name="trained", licence="Apache-2.0", resampler=RESAMPLER_ID
    )
    assert read_info(tmp_path / "model.safetensors") == info
    loaded = load_generator(tmp_path / "model.safetensors")
    wave, cutoff = 0.1 * torch.randn(1, 9600), torch.tensor([4000.0])
    with torch.inference_mode():
        assert torch.allclose(loaded(wave, cutoff), run.average.eval()(wave, cutoff), atol=2e-2)


def test_validation_puts_silence_around_an_excerpt(clips: list[Clip]) -> None:
    """What a network makes of the first second does not depend on how much silence `restored` puts before it."""
    generator = Generator(TINY).eval()
    excerpt = clips[0].wave(slice(0, 48_000))
    got, reference = restored(generator, excerpt, 8_000)
    assert got.shape == reference.shape == (48_000,)
    generator.context += 8 * generator.hop
    more, _ = restored(generator, excerpt, 8_000)
    assert float((more - got).abs().max()) < 1e-5
