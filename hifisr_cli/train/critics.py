"""The discriminators at work: they learn to tell originals from restored recordings, and tell the generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from hifisr_cli.train.config import TrainConfig
from hifisr_cli.train.discriminators import Discriminators, FeatureMaps
from hifisr_cli.train.distributed import average_gradients_of
from hifisr_cli.train.optimise import computing_in, descend, optimizer

Kind = Literal["least-squares", "hinge"]


class Critics:
    """Holds the discriminators and their optimiser."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._networks = Discriminators(config.discriminators, config.discriminator_width).to(device)
        self._learning = average_gradients_of(self._networks)
        self.optimizer = optimizer(self._networks, config.discriminator_rate)

    def learn(self, real: Tensor, fake: Tensor) -> float:
        """Takes one step on originals and restored recordings [B, T], and returns the loss."""
        self._networks.requires_grad_(requires_grad=True)
        with computing_in(self._config.precision, self._device):
            # one pass over both: DistributedDataParallel counts one pass a step
            maps = self._learning(torch.cat((real, fake)))
        halves = [_halves(member) for member in maps]
        good, bad = [first for first, _ in halves], [second for _, second in halves]
        loss = discriminator_loss(good, bad, self._config.adversarial_loss)
        descend(loss, self._networks, self.optimizer, self._config.clip_norm)
        return float(loss.detach())

    def judge(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Returns the losses of the generator, keyed like the weights: [B, T], [B, T] -> scalars."""
        self._networks.requires_grad_(requires_grad=False)
        with computing_in(self._config.precision, self._device):
            with torch.no_grad():
                wanted = self._networks(real)
            maps = self._networks(fake)
        floats = [[one.float() for one in member] for member in maps]
        return {
            "adversarial": generator_loss(floats, self._config.adversarial_loss),
            "features": feature_loss([[one.float() for one in member] for member in wanted], floats),
        }

    def state(self) -> dict[str, Any]:
        return {"networks": self._networks.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self._networks.load_state_dict(state["networks"])
        self.optimizer.load_state_dict(state["optimizer"])


def _halves(maps: FeatureMaps) -> tuple[FeatureMaps, FeatureMaps]:
    """Feature maps of a joint batch -> of its first and of its second half."""
    pairs = [one.float().chunk(2) for one in maps]
    return [good for good, _ in pairs], [bad for _, bad in pairs]


def discriminator_loss(real: Sequence[FeatureMaps], fake: Sequence[FeatureMaps], kind: Kind) -> Tensor:
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


def generator_loss(fake: Sequence[FeatureMaps], kind: Kind) -> Tensor:
    """What the generator minimises: its logits up; the mean over the discriminators."""
    logits = [maps[-1] for maps in fake]
    losses = [-logit.mean() if kind == "hinge" else (1.0 - logit).square().mean() for logit in logits]
    return torch.stack(losses).mean()


def feature_loss(real: Sequence[FeatureMaps], fake: Sequence[FeatureMaps]) -> Tensor:
    """Feature matching (Larsen et al. 2016), relative to the size of each item's real features; mean over all maps."""
    losses = []
    for good, bad in zip(real, fake, strict=True):
        for a, b in zip(good[:-1], bad[:-1], strict=True):
            size = a.detach().abs().flatten(1).mean(1).clamp(min=1e-4)
            losses.append(((a.detach() - b).abs().flatten(1).mean(1) / size).mean())
    return torch.stack(losses).mean()
