"""Windows in threads of their own: the same bytes, and an end when something goes wrong."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.hifisr.engine import HifisrEngine
from hifisr_cli.engines.hifisr.fast_head import FastHead, InterruptedWorkError
from hifisr_cli.engines.hifisr.plain_head import PlainHead
from hifisr_cli.engines.hifisr.threads import Threads
from hifisr_cli.engines.load import Precision, load_model
from hifisr_cli.engines.protocol import WindowBatch


def rows(count: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(count, 8), torch.arange(count).float(), torch.randn(count, 8)


def test_rows_come_back_in_their_order() -> None:
    waves, cutoffs, noise = rows(7)
    workers = Threads(3, threading.Event())
    got = workers.map_rows(lambda wave, cutoff, added: wave * cutoff[:, None] + added, waves, cutoffs, noise)
    assert torch.equal(got, waves * cutoffs[:, None] + noise)


def test_an_error_ends_the_others_and_is_raised() -> None:
    interrupt, under_way = threading.Event(), threading.Event()
    ended: list[bool] = []

    def work(wave: Tensor, cutoff: Tensor, noise: Tensor) -> Tensor:
        if cutoff == 0:
            under_way.wait(20.0)
            raise ValueError("first row")
        under_way.set()
        ended.append(interrupt.wait(20.0))
        raise InterruptedWorkError

    with pytest.raises(ValueError, match="first row"):
        Threads(2, interrupt).map_rows(work, *rows(2))
    assert ended == [True]
    assert not interrupt.is_set()


def engine(threads: int, precision: Precision = "float32") -> HifisrEngine:
    loaded = load_model(device="cpu", precision=precision, threads=threads)
    assert isinstance(loaded, HifisrEngine)
    return loaded


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_batch_gives_the_bytes_of_single_windows(precision: Precision) -> None:
    one_core = engine(1, precision)
    assert one_core.threads is None
    torch.manual_seed(1)
    samples = 2 * one_core.geometry.context + 8 * one_core.geometry.grid
    waves, cutoffs, starts = 0.1 * torch.randn(3, samples), torch.tensor([4000.0, 8000.0, 4000.0]), (0, 0, -480)
    single = torch.cat(
        [one_core.generate(WindowBatch(waves[[i]], cutoffs[[i]], (starts[i],))) for i in range(3)],
    )
    assert torch.equal(one_core.generate(WindowBatch(waves, cutoffs, starts)), single)
    two_cores = engine(2, precision)
    assert two_cores.threads is not None
    assert torch.equal(two_cores.generate(WindowBatch(waves, cutoffs, starts)), single)


def test_the_head_gives_up_between_tiles() -> None:
    head = engine(1).generator.head
    assert isinstance(head, FastHead | PlainHead)
    head.interrupt.set()
    with pytest.raises(InterruptedWorkError):
        head(torch.zeros(1, 256, 10))
