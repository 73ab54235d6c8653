"""What the autoencoder and the U-Net are both built from. Images are [B, C, time, frequency]."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.audiosr.config import GROUPS


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each after a group norm and SiLU, around them a residual connection.

    Shape: [B, C, H, W], and where it is made for an embedding [B, E], added between the two -> [B, D, H, W].

    Args:
        eps: of the norms, which differs between the networks.
        embedding: E, 0 without.
    """

    def __init__(self, channels_in: int, channels_out: int, *, eps: float, embedding: int = 0) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, channels_in, eps)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.embed = nn.Linear(embedding, channels_out) if embedding else None
        self.norm2 = nn.GroupNorm(GROUPS, channels_out, eps)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        y: Tensor = self.conv1(F.silu(self.norm1(x), inplace=True))
        if self.embed is not None and embedding is not None:
            y = y + self.embed(F.silu(embedding))[:, :, None, None]
        y = self.conv2(F.silu(self.norm2(y), inplace=True))
        return y.add_(self.shortcut(x))


class Downsample(nn.Module):
    """A convolution of stride 2: [B, C, 2 H, 2 W] -> [B, C, H, W].

    Args:
        centred: zeros on all sides; else only behind and above, as the autoencoder has it.
    """

    def __init__(self, channels: int, *, centred: bool) -> None:
        super().__init__()
        self._padding = (1, 0, 1, 0) if centred else (0, 1, 0, 1)  # of an even length stride 2 never sees the other 1
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        smaller: Tensor = self.conv(F.pad(x, self._padding))
        return smaller


class Upsample(nn.Module):
    """Every value four times, then a convolution: [B, C, H, W] -> [B, C, 2 H, 2 W]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        larger: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return larger
