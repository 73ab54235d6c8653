"""The classifier computes what PyTorch computes with its weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from hifisr_cli.dsp.sound.classifier import WEIGHTS, speech_probability
from hifisr_cli.dsp.sound.meter import FEATURES


def test_numpy_computes_what_pytorch_does() -> None:
    with np.load(WEIGHTS) as stored:
        weights = {name: torch.from_numpy(stored[name]) for name in stored.files}
    network = nn.Sequential(
        nn.Linear(*reversed(weights["enter.weight"].shape)), nn.Tanh(), nn.Linear(len(weights["enter.bias"]), 1)
    )
    names = ("enter.weight", "enter.bias", "leave.weight", "leave.bias")
    network.load_state_dict(dict(zip(network.state_dict(), (weights[name] for name in names), strict=True)))
    for seed in range(5):
        seen = np.random.default_rng(seed).standard_normal(FEATURES).astype(np.float32)
        standardised = (torch.from_numpy(seen) - weights["mean"]) / weights["scale"]
        expected = torch.sigmoid(network(standardised)).item()
        assert abs(speech_probability(seen) - expected) < 1e-5
