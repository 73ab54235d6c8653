"""The recipe learns, resumes bit for bit, and draws the same data every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hifisr_cli.audio.resample import RESAMPLER_ID
from hifisr_cli.checkpoints.frozen import read_info
from hifisr_cli.degrade.disturb import gated
from hifisr_cli.degrade.noise_floors import Floor, own_floor
from hifisr_cli.engines.hifisr.freezing import load_generator
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.engines.hifisr.hifigan import fold_weight_norm
from hifisr_cli.errors import UsageError
from hifisr_cli.train.clips import Clip
from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.data import Batches
from hifisr_cli.train.freeze import freeze_state
from hifisr_cli.train.loop import Trainer, learning_rate
from hifisr_cli.train.losses import energy_distance, reconstruction
from hifisr_cli.train.validation import excerpts, restored, validate
from tests.restore.conftest import TINY

CONFIG = TrainConfig(network=TINY, steps=12, batch_size=2, crop_seconds=0.3, warmup_steps=2, save_every=100)


@pytest.fixture
def clips(speech_like: Callable[..., np.ndarray]) -> list[Clip]:
    samples = [np.rint(speech_like(1.5, seed=seed)[0] * 32_767).astype(np.int16) for seed in range(3)]
    floors = [Floor(own_floor(samples[0] / np.float32(32_767)), 0.85), None, None]
    return [Clip(f"voice-{i}.wav", f"{i}", samples[i], 1.0, 24_000.0, 24_000.0, floors[i]) for i in range(3)]


def trainer(clips: list[Clip], folder: Path) -> Trainer:
    return Trainer(CONFIG, Batches(clips, CONFIG), folder)


def test_batches_depend_on_seed_and_step_only(clips: list[Clip]) -> None:
    one, two = Batches(clips, CONFIG), Batches(clips, CONFIG)
    one[0], one[1]
    for a, b in zip((one[5].degraded, one[5].target), (two[5].degraded, two[5].target), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one[5].target, one[6].target)


def test_degraded_ends_at_its_cutoff(clips: list[Clip]) -> None:
    batches = Batches(clips, CONFIG)
    for step in range(8):
        batch = batches[step]
        power = torch.fft.rfft(batch.degraded).abs().square()
        frequency = torch.fft.rfftfreq(batch.degraded.shape[1], 1 / 48_000)
        for row, cutoff in zip(power, batch.cutoff_hz, strict=True):
            beyond = frequency > 2.5 * cutoff
            assert row[beyond].sum() < 0.1 * row.sum()


def test_resumed_equals_uninterrupted(clips: list[Clip], tmp_path: Path) -> None:
    straight = trainer(clips, tmp_path / "straight")
    for _ in range(6):
        straight.step()
    first = trainer(clips, tmp_path / "halves")
    for _ in range(3):
        first.step()
    state = first.save()
    second = trainer(clips, tmp_path / "halves")
    second.resume(state)
    for _ in range(3):
        second.step()
    for name, value in straight.averaged.state_dict().items():
        assert torch.equal(value, second.averaged.state_dict()[name]), name


def test_losses_sink(clips: list[Clip], tmp_path: Path) -> None:
    """On fresh batches, and on batches that were not trained on, which compare like with like."""
    run = trainer(clips[:1], tmp_path)

    def loss_of_others() -> float:
        twin = trainer(clips[:1], tmp_path)
        twin.generator.load_state_dict(run.generator.state_dict())
        return float(np.mean([twin.step(run.batches[1_000 + i]).losses["lsd"] for i in range(3)]))

    before = loss_of_others()
    for _ in range(CONFIG.steps):
        run.step()
    assert loss_of_others() < before


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


def test_starts_from_weights_of_the_same_sizes_whatever_the_excitation(clips: list[Clip], tmp_path: Path) -> None:
    other = Generator(replace(TINY, head=replace(TINY.head, flat_noise=False, voicing=0)), normed=False)
    run = trainer(clips, tmp_path)
    run.start_from(other)
    wave, cutoff = 0.1 * torch.randn(1, 9600), torch.tensor([4000.0])
    for name, weight in fold_weight_norm(run.average).state_dict().items():
        old = other.state_dict()[name]
        assert torch.allclose(weight[: old.shape[0]], old, atol=1e-6), name
        assert weight.shape == old.shape or name.startswith("head.leave"), name
    assert torch.allclose(run.average.eval()(wave, cutoff), other.eval()(wave, cutoff), atol=1e-5)
    larger = Generator(replace(TINY, head=replace(TINY.head, channels=48)), normed=False)
    with pytest.raises(UsageError, match="other sizes"):
        run.start_from(larger)


def test_goes_on_from_weights_with_a_channel_that_died(clips: list[Clip], tmp_path: Path) -> None:
    other = Generator(TINY, normed=False)
    with torch.no_grad():
        for name, weight in other.named_parameters():
            if name in ("head.ups.0.weight", "head.enter.weight"):
                weight[3] = 0.0
    run = trainer(clips, tmp_path)
    run.start_from(other)
    report = run.step()
    assert all(np.isfinite(figure) for figure in report.losses.values())


def test_equal_signals_have_no_loss_and_nothing_counts_above_the_bandwidth() -> None:
    torch.manual_seed(0)
    wave = 0.1 * torch.randn(2, 24_000)
    bandwidth = torch.tensor([10_000.0, 10_000.0])
    assert all(float(loss) < 0.011 for loss in reconstruction(wave, wave, bandwidth).values())
    spectrum = torch.fft.rfft(wave)
    spectrum[:, 24_000 * 14 // 48 :] = 0  # from 14 kHz up: windows leak a little
    losses = reconstruction(torch.fft.irfft(spectrum), wave, bandwidth)
    assert float(losses["mel"]) < 0.02


def test_recordings_with_an_edge_of_their_own_are_not_stretched(clips: list[Clip]) -> None:
    edged = [replace(clip, edge_hz=21_500.0) for clip in clips]
    stretched, steady = (
        torch.cat([Batches(each, replace(CONFIG, batch_size=8))[step].bandwidth_hz for step in range(2)])
        for each in (clips, edged)
    )
    assert (steady == 24_000.0).all()
    assert (stretched < 24_000.0).any()


def test_energy_distance_prefers_true_noise_to_its_smooth_average() -> None:
    """White noise as the target: independent noise must win against an impulse train with the same mean spectrum."""
    torch.manual_seed(0)
    target, *draws = 0.1 * torch.randn(3, 2, 24_000)
    smooth = torch.zeros(2, 24_000)
    smooth[:, ::64] = 0.8  # flat on average, without any texture
    bandwidth = torch.full((2,), 24_000.0)
    noisy = energy_distance((draws[0], draws[1]), target, bandwidth, 1.0)["lsd"]
    buzzing = energy_distance((smooth, smooth), target, bandwidth, 1.0)["lsd"]
    assert float(noisy) < float(buzzing)
    assert float(reconstruction(draws[0], target, bandwidth)["lsd"]) > float(noisy)


def test_learning_rate_rises_and_falls() -> None:
    config = TrainConfig(steps=100, warmup_steps=10, learning_rate=1.0, final_rate=0.1)
    rates = [learning_rate(config, step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.1)


def test_configuration_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("steps = 5\n[network.head]\nchannels = 64\n")
    config = TrainConfig.read(path)
    assert (config.steps, config.network.head.channels, config.network.mel.bands) == (5, 64, 128)
    for text in ("stepz = 5", "steps = ", "[network.latent]\ncontext = 'boundless'"):
        path.write_text(text)
        with pytest.raises(UsageError, match=r"."):
            TrainConfig.read(path)


def test_some_recordings_begin_or_end_within_a_crop(clips: list[Clip]) -> None:
    config = replace(CONFIG, batch_size=16)
    batches = Batches(clips, config)
    seen = [batches[step] for step in range(4)]
    inside = torch.cat([batch.inside for batch in seen])
    degraded = torch.cat([batch.degraded for batch in seen])
    assert set(inside.unique().tolist()) == {0.0, 1.0}
    assert not degraded[inside == 0].any(), "digital silence, as a file has it around it"
    begins, ends = inside[:, 0] == 0, inside[:, -1] == 0
    assert 0.05 < begins.float().mean() < 0.4
    assert 0.05 < ends.float().mean() < 0.4
    assert (inside.diff(dim=1) != 0).sum(dim=1).max() <= 2, "one stretch of silence at either end at most"


def test_nothing_is_asked_outside_a_recording(clips: list[Clip], tmp_path: Path) -> None:
    one = trainer(clips, tmp_path / "one")
    batch = one.batches[0]
    batch.inside[:, :3_000] = 0.0
    batch.degraded[:, :3_000] = 0.0
    report = one.step(batch)
    other = trainer(clips, tmp_path / "other")
    batch.target[:, :3_000] = torch.randn(2, 3_000)
    assert other.step(batch).losses == report.losses


def test_a_gate_closes_in_pauses_only() -> None:
    rng = np.random.default_rng(2)
    wave = 1e-4 * rng.standard_normal(48_000).astype(np.float32)
    voiced = slice(16_000, 32_000)
    wave[voiced] += 0.1 * np.sin(np.arange(16_000) / 20).astype(np.float32)
    for seed in range(8):
        closed = gated(wave, np.random.default_rng(seed))
        assert np.array_equal(closed[voiced], wave[voiced])
        assert np.abs(closed[:8_000]).max() < 0.4 * np.abs(wave[:8_000]).max()


def test_validation_puts_silence_around_an_excerpt(clips: list[Clip]) -> None:
    """What a network makes of the first second does not depend on how much silence `restored` puts before it."""
    generator = Generator(TINY).eval()
    excerpt = clips[0].wave(slice(0, 48_000))
    got, reference = restored(generator, excerpt, 8_000)
    assert got.shape == reference.shape == (48_000,)
    generator.latent_reach += 8
    more, _ = restored(generator, excerpt, 8_000)
    assert float((more - got).abs().max()) < 1e-5


@pytest.mark.parametrize(("augmentation", "fewest", "most"), [(0.0, 16, 16), (1.0, 4, 14)])
def test_augmentation_says_how_many_recordings_get_another_floor(augmentation: float, fewest: int, most: int) -> None:
    silence = Clip(
        "studio.wav", "her", np.zeros(48_000, np.int16), 1.0, 24_000.0, 24_000.0, Floor(np.zeros(257, np.float32), 1.0)
    )
    target = Batches([silence], replace(CONFIG, batch_size=16, augmentation=augmentation))[0].target
    assert fewest <= int((target == 0).all(dim=1).sum()) <= most


def test_who_has_a_floor_borrows_the_colour_of_such_floors_only() -> None:
    """Marked by a tone, a bright voice of one source and a dull one of another stay bright and dull."""
    rng = np.random.default_rng(5)
    time = np.arange(96_000) / 48_000
    clips = []
    for source, tone, low_pass in (("bright", 1_000, 1), ("dull", 2_000, 4)):
        noise = np.convolve(300 * rng.standard_normal(96_000), np.ones(low_pass) / low_pass, "same")
        wave = np.rint(noise + 3_000 * np.sin(2 * np.pi * tone * time)).astype(np.int16)
        clips.append(Clip(source, source, wave, 1.0, 24_000.0, 24_000.0, Floor(np.zeros(257, np.float32), 0.0, source)))
    target = Batches(clips, replace(CONFIG, batch_size=40, augmentation=0.0))[0].target
    power = torch.fft.rfft(target).abs().square()
    frequency = torch.fft.rfftfreq(target.shape[1], 1 / 48_000)
    bands = ((800, 1_250), (1_600, 2_500), (4_000, 5_000), (16_000, 20_000))
    one, two, middle, treble = (power[:, (frequency > low) & (frequency < high)].mean(dim=1) for low, high in bands)
    bright = one > two
    fall_db = 10 * torch.log10(middle / treble)
    assert 8 < int(bright.sum()) < 32
    assert float(fall_db[bright].max()) < 3
    assert float(fall_db[~bright].min()) > 6


def test_recordings_without_a_floor_borrow_the_shape_of_another(clips: list[Clip]) -> None:
    shape = np.full(257, 1e-9, np.float32)
    shape[100:110] = 1e-4  # 9.4 to 10.3 kHz
    lender = Clip("lender.wav", "him", clips[0].samples, 1.0, 24_000.0, 24_000.0, Floor(shape, 0.0))
    borrower = Clip("borrower.wav", "her", np.zeros(48_000, np.int16), 1.0, 24_000.0, 24_000.0, None)
    config = replace(CONFIG, batch_size=40, augmentation=0.0, sources={"lender": 1e-6})
    power = torch.fft.rfft(Batches([lender, borrower], config)[0].target).abs().square()
    frequency = torch.fft.rfftfreq(14_400, 1 / 48_000)
    inside = power[:, (frequency > 9_500) & (frequency < 10_200)].mean(dim=1)
    around = power[:, (frequency > 6_000) & (frequency < 9_000)].mean(dim=1)
    assert 12 <= int((inside > 1_000 * around).sum()) <= 36
