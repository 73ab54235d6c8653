"""Optimisers and steps are the same for generator and discriminators."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


def optimizer(module: nn.Module, rate: float) -> torch.optim.AdamW:
    """AdamW with weight decay for matrices and kernels only: not for gains, biases and Snake frequencies."""
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    gains = [p for name, p in named if p.ndim < 2 or name.endswith(("original0", "alpha"))]
    chosen = {id(p) for p in gains}
    groups: list[dict[str, Any]] = [
        {"params": [p for _, p in named if id(p) not in chosen], "weight_decay": 0.01},
        {"params": gains, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.8, 0.99), eps=1e-8)


def set_rate(chosen: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of every group of parameters."""
    for group in chosen.param_groups:
        group["lr"] = rate


def descend(loss: Tensor, module: nn.Module, chosen: torch.optim.Optimizer, clip_norm: float) -> float:
    """Takes one step down and returns the norm of the gradient. A step whose gradient is not finite is left out."""
    chosen.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
    norm = float(nn.utils.clip_grad_norm_(module.parameters(), clip_norm))
    if math.isfinite(norm):
        chosen.step()
    return norm


def computing_in(precision: str, device: torch.device) -> torch.autocast:
    """Mixed precision on a GPU; on a processor it would only be slower."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16" and device.type != "cpu")
