"""The noise that diffusion starts from, by place: that of a latent step is the same whenever its recording is cut.

Windows that overlap start from the same noise there, and so do the channels of a recording.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hifisr_cli.engines.white_noise import white_noise

_KEY = 0x41756453
CONDITION, START, FIRST_STEP = 0, 1, 2
"""What is drawn: the latent of the condition, pure noise to start from, and that of each step from there on."""


def latent_noise(seed: int, first: int, shape: tuple[int, int, int], draw: int) -> Tensor:
    """Normal numbers of unit variance for latent steps from `first` on: [Z, L, K] for a shape (Z, L, K).

    Args:
        draw: which of the noises of this place.
    """
    channels, steps, rows = shape
    columns = [white_noise(_KEY, seed, first + i, channels * rows, draw=draw) for i in range(steps)]
    return torch.from_numpy(np.stack(columns)).reshape(steps, channels, rows).transpose(0, 1).contiguous()
