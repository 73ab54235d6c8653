from __future__ import annotations

import torch

from hifisr_cli.train.losses import energy_distance, reconstruction


def test_equal_signals_have_no_loss_and_nothing_counts_above_the_bandwidth() -> None:
    torch.manual_seed(0)
    wave = 0.1 * torch.randn(2, 24_000)
    bandwidth = torch.tensor([10_000.0, 10_000.0])
    assert all(float(loss) < 0.011 for loss in reconstruction(wave, wave, bandwidth).values())
    spectrum = torch.fft.rfft(wave)
    spectrum[:, 24_000 * 14 // 48 :] = 0  # from 14 kHz up: windows leak a little
    losses = reconstruction(torch.fft.irfft(spectrum), wave, bandwidth)
    assert float(losses["mel"]) < 0.02


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
