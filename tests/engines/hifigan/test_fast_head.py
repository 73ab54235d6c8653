"""The head of tiles against the plain one. `test_accelerate` of the engines has it in their networks."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.hifigan import fast_head
from hifisr_cli.engines.hifigan.config import HifiGanConfig
from hifisr_cli.engines.hifigan.fast_head import FastHead
from hifisr_cli.engines.hifigan.head import HifiGan
from hifisr_cli.engines.hifigan.threads import InterruptedWorkError

pytestmark = pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="PyTorch without Intel MKL")


@pytest.mark.parametrize("fewest_rows", [1, 50])
@pytest.mark.parametrize("spare", [0, 5])
def test_a_vocoder_with_leaky_relu_and_odd_kernels_agrees(
    spare: int, fewest_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AudioSR's, whose second stage makes one sample too many, and the later ones more of it."""
    config = HifiGanConfig(
        64, (6, 5, 4, 2), (12, 10, 8, 4), block_kernels=(3, 15), block_dilations=(1, 3), activation="leaky_relu"
    )
    torch.manual_seed(0)
    plain = HifiGan(20, config, 1, normed=False).requires_grad_(requires_grad=False)
    fast = FastHead(copy.deepcopy(plain), fewest_rows=fewest_rows)
    monkeypatch.setattr(fast_head, "_TILE_VALUES", 3_000)
    frames = torch.randn(2, 20, 17)
    with torch.inference_mode():
        expected, got = plain(frames, spare=spare), fast(frames, spare=spare)
        several = FastHead(copy.deepcopy(plain), fewest_rows=fewest_rows, threads=3)(frames, spare=spare)
    assert got.shape == expected.shape == (2, (17 - 2 * spare) * 240 + 8)
    assert (got - expected).abs().max() < 1e-5 * expected.abs().max()
    assert (several - expected).abs().max() < 1e-5 * expected.abs().max()


def test_tiles_side_by_side_are_those_of_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    plain = HifiGan(20, HifiGanConfig(128, (6, 5), (12, 10)), 1, normed=False).requires_grad_(requires_grad=False)
    monkeypatch.setattr(fast_head, "_TILE_VALUES", 5_000)
    one, several = FastHead(copy.deepcopy(plain)), FastHead(copy.deepcopy(plain), threads=3)
    frames = torch.randn(1, 20, 60)

    def on_one_core() -> Tensor:
        torch.set_num_threads(1)
        return one.draw(frames)

    with ThreadPoolExecutor(1) as pool:
        assert torch.equal(several.draw(frames), pool.submit(on_one_core).result())


def test_side_by_side_it_can_be_stopped() -> None:
    plain = HifiGan(20, HifiGanConfig(64, (6, 5), (12, 10)), 1, normed=False).requires_grad_(requires_grad=False)
    head = FastHead(plain, threads=2)
    head.interrupt.set()
    with pytest.raises(InterruptedWorkError):
        head.draw(torch.randn(1, 20, 60))
