"""Batches: the same for a seed and a step, degraded as their cutoff says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hifisr_cli.degrade.noise_floors import Floor
from hifisr_cli.train.clips import Clip, Kind
from hifisr_cli.train.data import Batches
from tests.train.conftest import CONFIG


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


def test_recordings_with_an_edge_of_their_own_are_not_stretched(clips: list[Clip]) -> None:
    edged = [replace(clip, edge_hz=21_500.0) for clip in clips]
    stretched, steady = (
        torch.cat([Batches(each, replace(CONFIG, batch_size=8))[step].bandwidth_hz for step in range(2)])
        for each in (clips, edged)
    )
    assert (steady == 24_000.0).all()
    assert (stretched < 24_000.0).any()


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


def noise_clip(name: str, kind: Kind, low_hz: float, high_hz: float) -> Clip:
    """A band of noise, which tells where in a mixture it is."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(96_000))
    frequency = np.fft.rfftfreq(96_000, 1 / 48_000)
    spectrum[(frequency < low_hz) | (frequency > high_hz)] = 0
    wave = np.fft.irfft(spectrum)
    samples = np.rint(1_600 * wave / wave.std()).astype(np.int16)
    return Clip(name, name, samples, 1.0, 20_000.0, 24_000.0, None, kind)  # its edge forbids another tempo


def band_powers(waves: torch.Tensor, *bands: tuple[float, float]) -> list[torch.Tensor]:
    power = torch.fft.rfft(waves).abs().square()
    frequency = torch.fft.rfftfreq(waves.shape[1], 1 / 48_000)
    return [power[:, (frequency > low) & (frequency < high)].mean(dim=1) for low, high in bands]


def test_so_many_crops_are_mixtures() -> None:
    clips = [noise_clip("one", "sound", 2_000, 3_000), noise_clip("two", "sound", 5_000, 6_000)]
    target = Batches(clips, replace(CONFIG, batch_size=60, mixed=0.5))[0].target
    one, two = band_powers(target, (1_700, 3_600), (4_200, 7_200))
    both = (one / two > 1e-3) & (one / two < 1e3)  # what leaks out of a band at the ends of a crop is less
    assert 8 <= int(both.sum()) <= 24, "half of the mixtures are of a clip with itself"


def test_rendered_music_is_produced_and_real_music_is_left_as_it_is() -> None:
    for kind, least, most in (("rendered", 4.0, 30.0), ("sound", 0.0, 0.1)):
        clip = noise_clip("it", kind, 1_000, 20_000)
        middle, treble = band_powers(
            Batches([clip], replace(CONFIG, batch_size=40))[0].target, (1_600, 1_800), (17_000, 18_000)
        )
        spread = float((10 * torch.log10(treble / middle)).std())
        assert least < spread < most + 1.0, kind


@pytest.mark.parametrize("name", ["tape", "shellac", "am", "fm", "sampled", "mp3", "vorbis"])
def test_every_medium_leaves_less_than_the_target_has(name: str) -> None:
    clip = noise_clip("it", "sound", 50, 23_900)
    batch = Batches([clip], replace(CONFIG, batch_size=12, media={name: 1.0}))[0]
    again = Batches([clip], replace(CONFIG, batch_size=12, media={name: 1.0}))[0]
    assert torch.equal(batch.degraded, again.degraded)
    assert torch.equal(batch.target, again.target)
    whole = batch.inside.min(dim=1).values > 0
    wanted, given = (band_powers(wave[whole], (22_500, 23_500))[0] for wave in (batch.target, batch.degraded))
    below = [band_powers(wave[whole], (500, 1_500))[0] for wave in (batch.target, batch.degraded)]
    full = wanted > 0.01 * wanted.max()  # the others come from 44.1 kHz
    assert full.any()
    assert (given < 0.7 * wanted)[full].all()
    assert torch.allclose(below[0], below[1], rtol=0.5)
    assert float(batch.cutoff_hz.max()) <= 20_000 * 1.02


def test_media_do_not_change_what_a_run_without_them_draws(clips: list[Clip]) -> None:
    plain, none = Batches(clips, CONFIG)[3], Batches(clips, replace(CONFIG, media={}, mixed=0.0))[3]
    assert torch.equal(plain.degraded, none.degraded)
