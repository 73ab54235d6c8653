"""Sizes that fit together, and those that do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hifisr_cli.engines.audiosr.config import AudioSrConfig, UnetConfig, VaeConfig
from hifisr_cli.engines.sizes import ConfigError

PUBLISHED = AudioSrConfig()


def test_the_published_sizes() -> None:
    assert PUBLISHED.frames_multiple == 64  # 0.64 s
    assert PUBLISHED.latent_rows == 32
    assert PUBLISHED.surplus == 16
    assert PUBLISHED.vae.widths == (128, 256, 512, 1024)
    assert PUBLISHED.unet.widths == (128, 256, 384, 640)


def test_what_is_stored_is_read_again() -> None:
    assert AudioSrConfig.from_dict(PUBLISHED.to_dict()) == PUBLISHED
    assert AudioSrConfig.from_dict({}) == PUBLISHED


@pytest.mark.parametrize("data", [{"text_model": {}}, {"unet": {"context": 5}}])
def test_unknown_keys_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="unknown"):
        AudioSrConfig.from_dict(data)


VOCODER = PUBLISHED.vocoder


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"mel": replace(PUBLISHED.mel, bands=250)}, "mel.bands"),
        ({"mel": replace(PUBLISHED.mel, hop=481)}, "mel.n_fft"),
        ({"vae": VaeConfig(channels=48)}, "multiples of 32"),
        ({"unet": UnetConfig(head_width=48)}, "head_width"),
        ({"vocoder": replace(VOCODER, rates=(6, 5, 4, 2), kernels=(12, 10, 8, 4))}, "mel.hop"),
        ({"vocoder": replace(VOCODER, kernels=(12, 10, 8, 4))}, "pair up"),
        ({"vocoder": replace(VOCODER, kernels=(12, 10, 8, 4, 1))}, "at least its rate"),
        ({"vocoder": replace(VOCODER, block_kernels=(4,))}, "odd"),
        ({"vocoder": replace(VOCODER, istft_n_fft=960)}, "mel.hop"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        replace(PUBLISHED, **change)


@pytest.mark.parametrize("sizes", [{"multipliers": ()}, {"multipliers": (1, 0)}, {"channels": 0}, {"blocks": -1}])
def test_nothing_is_no_size(sizes: dict[str, Any]) -> None:
    for kind in (VaeConfig, UnetConfig):
        with pytest.raises(ConfigError, match="positive"):
            kind(**sizes)
