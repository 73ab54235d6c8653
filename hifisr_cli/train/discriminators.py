"""The discriminators of HiFi-SR (arXiv 2501.10045): waveforms in, lists of feature maps out.

Each takes [B, T] and returns one list a sub-discriminator, whose last entry is the logit map; losses just iterate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

FeatureMaps = list[Tensor]

PERIODS = (2, 3, 5, 7, 11)  # HiFi-GAN's (Kong et al. 2020): primes, which overlap least
WINDOWS = (2048, 1024, 512)  # DAC's (Kumar et al. 2023), in samples
BANDS = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
"""Shares of the spectrum that the time-frequency discriminator looks at separately (Kumar et al. 2023)."""

_SLOPE = 0.1  # of leaky ReLU below 0, as in HiFi-GAN


def _normed(conv: nn.Module) -> nn.Module:
    weight_norm(conv)
    return conv


class PeriodDiscriminator(nn.Module):
    """Looks at every `period`-th sample (HiFi-GAN, Kong et al. 2020). [B, T] -> feature maps [B, C, F, period]."""

    def __init__(self, period: int, width: int) -> None:
        super().__init__()
        self.period = period
        widths = (1, width, 4 * width, 16 * width, 32 * width)
        self.layers = nn.ModuleList(
            _normed(nn.Conv2d(before, after, (5, 1), (3, 1), padding=(2, 0))) for before, after in pairwise(widths)
        )
        self.layers.append(_normed(nn.Conv2d(widths[-1], widths[-1], (5, 1), padding=(2, 0))))
        self.logit = _normed(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, wave: Tensor) -> FeatureMaps:
        x = F.pad(wave[:, None], (0, -wave.shape[-1] % self.period), mode="reflect")
        return _features(x.reshape(x.shape[0], 1, -1, self.period), self.layers, self.logit)


class ScaleDiscriminator(nn.Module):
    """Looks at the waveform averaged over `pool` samples (MelGAN, Kumar et al. 2019). [B, T] -> maps [B, C, F]."""

    _SHAPES = (
        (1, 15, 1, 1),
        (8, 41, 2, 4),
        (16, 41, 2, 16),
        (32, 41, 4, 16),
        (64, 41, 4, 16),
        (64, 41, 1, 16),
        (64, 5, 1, 1),
    )
    """Width in units, taps, stride and groups of each layer."""

    def __init__(self, pool: int, width: int) -> None:
        super().__init__()
        self.pool = pool
        self.layers = nn.ModuleList()
        before = 1
        for units, taps, stride, groups in self._SHAPES:
            after = width * units
            shared = groups if before % groups == 0 and after % groups == 0 else 1
            conv = nn.Conv1d(before, after, taps, stride, padding=taps // 2, groups=shared)
            self.layers.append(_normed(conv))
            before = after
        self.logit = _normed(nn.Conv1d(before, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> FeatureMaps:
        x = wave[:, None]
        if self.pool > 1:
            x = F.avg_pool1d(x, 2 * self.pool, self.pool, padding=self.pool)
        return _features(x, self.layers, self.logit)


class BandDiscriminator(nn.Module):
    """Looks at the bands of a complex STFT (DAC, Kumar et al. 2023). [B, T] -> feature maps of all bands."""

    window: Tensor

    def __init__(self, n_fft: int, width: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        bins = n_fft // 2 + 1
        self.edges = [(int(low * bins), int(high * bins)) for low, high in BANDS]
        self.bands = nn.ModuleList(self._layers(width) for _ in BANDS)
        self.logit = _normed(nn.Conv2d(width, 1, (3, 3), padding=(1, 1)))

    @staticmethod
    def _layers(width: int) -> nn.ModuleList:
        strided = [_normed(nn.Conv2d(width, width, (3, 9), (1, 2), padding=(1, 4))) for _ in range(3)]
        first = _normed(nn.Conv2d(2, width, (3, 9), padding=(1, 4)))
        return nn.ModuleList([first, *strided, _normed(nn.Conv2d(width, width, (3, 3), padding=(1, 1)))])

    def forward(self, wave: Tensor) -> FeatureMaps:
        spectrum = torch.stft(wave.float(), self.n_fft, self.n_fft // 4, window=self.window, return_complex=True)
        x = torch.view_as_real(spectrum).permute(0, 3, 2, 1)  # [B, 2, F, K]
        maps: FeatureMaps = []
        ends = []
        for (low, high), band in zip(self.edges, self.bands, strict=True):
            y = x[..., low:high]
            for layer in band.children():
                y = F.leaky_relu(layer(y), _SLOPE)
                maps.append(y)
            ends.append(y)
        maps.append(self.logit(torch.cat(ends, dim=-1)))
        return maps


def _features(x: Tensor, layers: nn.ModuleList, logit: nn.Module) -> FeatureMaps:
    maps: FeatureMaps = []
    for layer in layers:
        x = F.leaky_relu(layer(x), _SLOPE)
        maps.append(x)
    maps.append(logit(x))
    return maps


class Discriminators(nn.Module):
    """All the critics that a run names. [B, T] -> one list of feature maps a sub-discriminator.

    Args:
        kinds: of "mpd" (multi-period), "msd" (multi-scale), "mbd" (multi-band, multi-scale time-frequency).
        width: channels of the narrowest layers; 32 is the published size of MPD and MBD.

    Raises:
        ValueError: an unknown kind, or none.
    """

    def __init__(self, kinds: Sequence[str], width: int) -> None:
        super().__init__()
        families: dict[str, Callable[[], list[nn.Module]]] = {
            "mpd": lambda: [PeriodDiscriminator(period, width) for period in PERIODS],
            "msd": lambda: [ScaleDiscriminator(pool, max(width // 2, 1)) for pool in (1, 2, 4)],
            "mbd": lambda: [BandDiscriminator(n_fft, width) for n_fft in WINDOWS],
        }
        unknown = sorted(set(kinds) - set(families))
        if unknown or not kinds:
            raise ValueError(f"no such discriminator: {', '.join(unknown) or 'none named'} (mpd, msd, mbd)")
        self.members = nn.ModuleList(critic for kind in kinds for critic in families[kind]())

    def forward(self, wave: Tensor) -> list[FeatureMaps]:
        return [member(wave) for member in self.members]
