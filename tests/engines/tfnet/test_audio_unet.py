"""The U-Net of both branches."""

from __future__ import annotations

import torch

from hifisr_cli.engines.tfnet.audio_unet import AudioUnet, shuffle
from hifisr_cli.engines.tfnet.config import TfnetConfig

SMALL = TfnetConfig(patch=256, filters=(4, 8), taps=(9, 5))


def test_the_first_half_of_the_channels_becomes_the_even_samples() -> None:
    channels = torch.arange(12.0).reshape(1, 4, 3)
    upsampled = shuffle(channels)
    assert upsampled.shape == (1, 2, 6)
    assert upsampled[0].tolist() == [[0, 6, 1, 7, 2, 8], [3, 9, 4, 10, 5, 11]]
    assert torch.equal(torch.cat((upsampled[..., ::2], upsampled[..., 1::2]), dim=1), channels)


def test_as_long_as_it_went_in() -> None:
    for config in (SMALL, TfnetConfig()):
        for length in (config.stride, 5 * config.stride):
            assert AudioUnet(config)(torch.randn(2, length)).shape == (2, length)


@torch.no_grad()
def test_without_bias_it_is_as_loud_as_its_input() -> None:
    torch.manual_seed(0)
    unet, wave = AudioUnet(SMALL), torch.randn(1, 64)
    assert torch.allclose(unet(1e-3 * wave), 1e-3 * unet(wave), rtol=1e-4, atol=1e-9)
    assert float(unet(torch.zeros(1, 64)).abs().max()) == 0.0


def test_what_is_skipped_reaches_the_output() -> None:
    """With nothing coming up from the bottleneck, the last skip alone is heard."""
    torch.manual_seed(0)
    unet = AudioUnet(SMALL)
    with torch.no_grad():
        for up in unet.up:
            up.weight.zero_()
    assert float(unet(torch.randn(1, 64)).detach().abs().max()) > 0.0


def test_dropout_is_for_training_only() -> None:
    unet, wave = AudioUnet(TfnetConfig(patch=256, filters=(4,), taps=(9,), dropout=0.5)), torch.randn(1, 64)
    assert not torch.equal(unet(wave), unet(wave))
    unet.eval()
    assert torch.equal(unet(wave), unet(wave))
