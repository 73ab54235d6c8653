"""Adversarial losses over lists of feature maps, the last of each list being the logit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["least-squares", "hinge"]


def discriminator_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]], kind: Kind) -> Tensor:
    """What the discriminators minimise: real logits up, fake ones down; the mean over the discriminators.

    Least squares: Mao et al. 2017; hinge: Lim and Ye 2017.
    """
    losses = []
    for good, bad in zip(real, fake, strict=True):
        if kind == "hinge":
            losses.append(F.relu(1.0 - good[-1]).mean() + F.relu(1.0 + bad[-1]).mean())
        else:
            losses.append((1.0 - good[-1]).square().mean() + bad[-1].square().mean())
    return torch.stack(losses).mean()


def generator_loss(fake: Sequence[Sequence[Tensor]], kind: Kind) -> Tensor:
    """What the generator minimises: its logits up; the mean over the discriminators."""
    logits = [maps[-1] for maps in fake]
    losses = [-logit.mean() if kind == "hinge" else (1.0 - logit).square().mean() for logit in logits]
    return torch.stack(losses).mean()


def feature_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """Feature matching (Larsen et al. 2016), relative to the size of each item's real features; mean over all maps."""
    losses = []
    for good, bad in zip(real, fake, strict=True):
        for a, b in zip(good[:-1], bad[:-1], strict=True):
            size = a.detach().abs().flatten(1).mean(1).clamp(min=1e-4)
            losses.append(((a.detach() - b).abs().flatten(1).mean(1) / size).mean())
    return torch.stack(losses).mean()
