"""Which engines can be trained, and what each of them must have for it."""

from __future__ import annotations

import pytest
import torch

from hifisr_cli.engines.load import ENGINES
from hifisr_cli.engines.training import TRAINABLE, trainable
from hifisr_cli.engines.upsampler import Upsampler
from hifisr_cli.errors import UsageError

SMALL = {
    "hifisr": {"latent": {"width": 32, "latent": 32, "blocks": 1, "qk_width": 32}, "head": {"channels": 16}},
    "tfnet": {"patch": 960, "filters": [4], "taps": [9]},
}


def test_each_is_an_engine_that_runs() -> None:
    assert set(TRAINABLE) <= set(ENGINES)
    assert set(TRAINABLE) == set(SMALL)


@pytest.mark.parametrize("engine", TRAINABLE)
def test_what_a_step_makes_is_as_long_as_what_it_is_given(engine: str) -> None:
    module = trainable(engine)
    sizes = module.sizes(SMALL[engine])
    assert module.sizes(sizes.to_dict()) == sizes
    network = module.build(sizes)
    assert isinstance(network, Upsampler)
    wave, cutoff = 0.05 * torch.randn(2, 9_600), torch.tensor([4_000.0, 8_000.0])
    noise = torch.randn(module.DRAWS, 2, 9_600) if module.DRAWS else None
    drawn = module.draw(network, wave, cutoff, noise, torch.autocast("cpu", enabled=False))
    assert [each.shape for each in drawn] == [wave.shape] * max(module.DRAWS, 1)
    assert 9_600 % network.hop == network.context % network.hop == 0


def test_an_engine_that_cannot_be_trained_is_refused() -> None:
    with pytest.raises(UsageError, match="no engine 'audiosr' that can be trained"):
        trainable("audiosr")
