"""What the log-mel front end tells apart."""

from __future__ import annotations

from dataclasses import replace

import torch

from hifisr_cli.engines.hifigan.mel import CutoffFeatures, LogMel, band_edges, mel_filterbank
from hifisr_cli.engines.hifisr.config import COMPACT

PUBLISHED = replace(COMPACT.mel, floor=1e-5)


def noise(level_db: float) -> torch.Tensor:
    return 10 ** (level_db / 20) * torch.randn(1, 48_000, generator=torch.Generator().manual_seed(3))


def test_a_lower_floor_changes_nothing_above_it() -> None:
    wave = noise(-40.0)
    assert torch.allclose(LogMel(COMPACT.mel)(wave), LogMel(PUBLISHED)(wave), atol=1e-4)


def test_a_quiet_studio_is_not_digital_silence() -> None:
    silence, studio = torch.zeros(1, 48_000), noise(-115.0)
    assert torch.equal(LogMel(PUBLISHED)(studio), LogMel(PUBLISHED)(silence)), "the published floor hides it"
    seen = LogMel(COMPACT.mel)
    assert (seen(studio) - seen(silence)).mean() > 1.0
    assert torch.allclose(seen(studio)[..., 10:-10].mean() - seen(noise(-95.0))[..., 10:-10].mean(),
                          torch.tensor(-20.0 * 2.302585 / 20), atol=0.05)  # fmt: skip


def test_what_lies_above_the_cutoff_is_hidden() -> None:
    mel, features = LogMel(COMPACT.mel), CutoffFeatures(COMPACT.mel)
    cutoff = torch.tensor([4_000.0])
    low = torch.zeros(1, 48_000)
    low[0] = 0.1 * torch.sin(2 * torch.pi * 500 * torch.arange(48_000) / 48_000)
    high = low + 0.05 * torch.sin(2 * torch.pi * 9_000 * torch.arange(48_000) / 48_000)
    above = features.edges[:-2] > 4_000.0
    shown, visible = (part[0] for part in features(mel(high), cutoff).chunk(2, dim=1))
    assert not visible[above].any()
    assert torch.equal(shown[above], features(mel(low), cutoff).chunk(2, dim=1)[0][0][above])


def test_bands_may_begin_above_zero() -> None:
    """AudioSR's: 256 bands from 20 Hz, of which many of the lowest see a single bin."""
    edges = band_edges(256, 24_000.0, 20.0)
    assert torch.allclose(edges[[0, 257]], torch.tensor([20.0, 24_000.0], dtype=torch.float64))
    assert [round(float(edges[band + 1]), -1) for band in (10, 64, 128, 255)] == [190, 1050, 2980, 23610]
    bank = mel_filterbank(2048, 256, 24_000.0, 20.0)
    seen = (bank > 0.0).sum(dim=1)
    assert int(seen.min()) == 1
    assert int((seen[1:74] == 1).sum()) == 46
    assert torch.equal(band_edges(80, 8000.0), band_edges(80, 8000.0, 0.0))
