"""Several processes train one model: torchrun starts them, and DistributedDataParallel joins them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True, slots=True)
class Place:
    """Which of how many processes this is, and its device."""

    rank: int
    processes: int
    device: str


@contextmanager
def joined(device: str) -> Iterator[Place]:
    """Joins the group that torchrun describes in the environment; alone without one.

    Args:
        device: "cpu", or "cuda" for the GPU of this process's local rank.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes == 1:
        yield Place(0, 1, device)
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    if device == "cuda":
        torch.cuda.set_device(local)
        device = f"cuda:{local}"
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Place(rank, processes, device)
    finally:
        dist.destroy_process_group()


def is_first() -> bool:
    """Whether this process validates, saves and speaks for all."""
    return not dist.is_initialized() or dist.get_rank() == 0


def average_gradients_of(module: nn.Module) -> nn.Module:
    """The module, its gradients averaged over all processes; itself where there is only one."""
    return nn.parallel.DistributedDataParallel(module) if dist.is_initialized() else module
