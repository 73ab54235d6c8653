"""HiFi-GAN waveform head (Kong et al. 2020), with Snake activations (Ziyin et al. 2020) or its own leaky ReLU.

[B, C, F] -> [B, T]: transposed convolutions, multi-receptive-field residual blocks, then either a convolution to the
waveform or an inverse STFT (iSTFTNet, Kaneko et al. 2022).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from hifisr_cli.engines.hifigan.config import HifiGanConfig
from hifisr_cli.engines.hifigan.pulses import Pulsation, ShortTime, times, voicing_hats

_LOG_MAGNITUDE_MAX = 6.0
_MOST_VOICED = 0.98
"""Share of the pulses; a root of what is left has no slope at zero."""

_QUIET_LOG_GAIN = -4.0
"""Training starts with noise that does not drown what the deterministic part has to learn first."""
_VOICED = 1.0
"""And with three quarters of its amplitude in the rhythm of the voice: the effect of a share goes with its square, and
from a fifth it grew slowly."""


class Snake(nn.Module):
    """x + sin(a x)^2 / a with a learned frequency a per channel. [B, C, F] -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.sin(self.alpha * x).square() / (self.alpha + 1e-9)


def _activation(channels: int, config: HifiGanConfig, slope: float = 0.1) -> nn.Module:
    """Slopes are those of the paper's own code, which has PyTorch's before the last layer. What it gives is called a
    snake wherever it stands, as checkpoints have it."""
    return Snake(channels) if config.activation == "snake" else nn.LeakyReLU(slope)


def _conv(channels_in: int, channels_out: int, kernel: int, dilation: int = 1, *, normed: bool) -> nn.Conv1d:
    conv = nn.Conv1d(channels_in, channels_out, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2)
    if normed:
        weight_norm(conv)
    return conv


def _upsampling(channels_in: int, channels_out: int, kernel: int, rate: int, *, normed: bool) -> nn.ConvTranspose1d:
    conv = nn.ConvTranspose1d(channels_in, channels_out, kernel, rate, padding=(kernel - rate) // 2)
    if normed:
        weight_norm(conv)
    return conv


class ResidualBlock(nn.Module):
    """Dilated convolutions with residual connections, one kernel size. [B, C, F] -> same."""

    def __init__(self, channels: int, kernel: int, config: HifiGanConfig, *, normed: bool) -> None:
        super().__init__()
        dilations = config.block_dilations
        self.dilated = nn.ModuleList(_conv(channels, channels, kernel, each, normed=normed) for each in dilations)
        self.dilated_snakes = nn.ModuleList(_activation(channels, config) for _ in dilations)
        seconds = dilations if config.paired else ()
        self.plain = nn.ModuleList(_conv(channels, channels, kernel, normed=normed) for _ in seconds)
        self.plain_snakes = nn.ModuleList(_activation(channels, config) for _ in seconds)

    def forward(self, x: Tensor) -> Tensor:
        for i, (conv, snake) in enumerate(zip(self.dilated, self.dilated_snakes, strict=True)):
            y = conv(snake(x))
            if self.plain:
                y = self.plain[i](self.plain_snakes[i](y))
            x = x + y
        return x


class ReceptiveFields(nn.ModuleList):
    """Multi-receptive-field fusion: the mean of residual blocks of several kernel sizes. [B, C, F] -> same."""

    def __init__(self, channels: int, config: HifiGanConfig, *, normed: bool) -> None:
        super().__init__(ResidualBlock(channels, kernel, config, normed=normed) for kernel in config.block_kernels)

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for block in self:
            total = total + block(x)
        return total / len(self)


class IstftOutput(nn.Module):
    """Turns channels into log magnitudes, phases, log gains of the excitation and shares of the pulses in it, and those
    into a waveform (iSTFTNet, Kaneko et al. 2022; magnitude and phase as in Vocos, Siuzdak 2023).

    The excitation is filtered noise (as in harmonic-plus-noise models, Serra and Smith 1990): a network without a
    source of randomness can only draw smooth, buzzing spectra where speech hisses. Where a voice sounds, part of it
    can be pulses in its rhythm (`pulses`), so that vowels go on as vowels above the cutoff and not as whispers.

    Shape: [B, 2 K, F] with K = n_fft / 2 + 1, or with `config.noise` [B, 3 K + voicing, F], white noise of unit
    variance [B, F hop] or [1, F hop] and, with `config.voicing`, pulses of F frames -> [B, F hop]; frame f is centred
    on sample (f + 1/2) hop. Without noise the excitation is missing.
    """

    voices: Tensor

    def __init__(self, config: HifiGanConfig, hop: int) -> None:
        super().__init__()
        self.frames = ShortTime(config.istft_n_fft, hop)
        bins = self.frames.bins
        self.sizes = [bins, bins, bins if config.noise else 0, config.voicing]
        self.flat_noise = config.flat_noise
        self.register_buffer("voices", voicing_hats(config.voicing, config.istft_n_fft), persistent=False)

    def forward(self, x: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None) -> Tensor:
        log_magnitude, phase, log_gain, voicing = torch.split(x.float(), self.sizes, dim=1)
        spectrum = torch.polar(torch.exp(log_magnitude.clamp(max=_LOG_MAGNITUDE_MAX)), phase)
        if log_gain.shape[1] and noise is not None:
            gain = torch.exp(log_gain.clamp(max=_LOG_MAGNITUDE_MAX))
            spectrum = spectrum + times(self._excitation(noise, voicing, pulses), gain)
        return self.frames.synthesise(spectrum)

    def _excitation(self, noise: Tensor, voicing: Tensor, pulses: Pulsation | None) -> Tensor:
        """[B, F hop], [B, V, F] -> [B, K, F] of power 1."""
        excitation = self.frames.analyse(noise)
        if self.flat_noise:
            excitation = excitation.sgn_()
        if not voicing.shape[1] or pulses is None:
            return excitation
        share = _MOST_VOICED * (self.voices @ torch.sigmoid(voicing))
        rest = torch.sqrt(1.0 - share.square() * pulses.presence)  # powers add up to one
        low, high = excitation[:, : share.shape[1]], excitation[:, share.shape[1] :]
        mixed = times(low, rest) + times(pulses.spectrum, share)
        return torch.cat((mixed, high.expand(mixed.shape[0], -1, -1)), dim=1)


class HifiGan(nn.Module):
    """The waveform head.

    Shape: latent [B, C, F], white noise [B or 1, F hop] and pulses of F upsampling frames (both where they are
    configured) -> waveform [B, F hop] with hop = upsampling times `hop_out`; F less 2 `spare` of them, for `spare`
    frames at either end that are context only. Every transposed convolution that exceeds its rate by an odd number
    makes one sample too many, at its own rate.

    Args:
        normed: with weight norm, for training; without it is what `fold_weight_norm` leaves.
    """

    def __init__(self, channels_in: int, config: HifiGanConfig, hop_out: int, *, normed: bool = True) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels]  # before the first and after each upsampling
        for _ in config.rates:
            widths.append(widths[-1] if config.keep_channels else widths[-1] // 2)
        self.enter = _conv(channels_in, widths[0], 7, normed=normed)
        self.snakes = nn.ModuleList(_activation(width, config) for width in widths[:-1])
        self.ups = nn.ModuleList(
            _upsampling(before, after, kernel, rate, normed=normed)
            for before, after, rate, kernel in zip(widths, widths[1:], config.rates, config.kernels, strict=False)
        )
        self.blocks = nn.ModuleList(ReceptiveFields(width, config, normed=normed) for width in widths[1:])
        self.snake_out = _activation(widths[-1], config, slope=0.01)
        self.istft = IstftOutput(config, hop_out) if config.istft_n_fft else None
        outputs = 1 if self.istft is None else sum(self.istft.sizes)
        self.leave = _conv(widths[-1], outputs, 7, normed=normed)
        if config.noise and self.leave.bias is not None:
            bins = config.istft_n_fft // 2 + 1
            nn.init.constant_(self.leave.bias[2 * bins : 3 * bins], _QUIET_LOG_GAIN)
            nn.init.constant_(self.leave.bias[3 * bins :], _VOICED)
        # Input frames to either side that can reach an output sample, rounded up.
        frames, rate = 3.0, 1
        for up, kernel in zip(config.rates, config.kernels, strict=True):
            rate *= up
            frames += kernel / rate
            reach = (max(config.block_kernels) - 1) // 2 * sum(config.block_dilations)
            if config.paired:
                reach += (max(config.block_kernels) - 1) // 2 * len(config.block_dilations)
            frames += reach / rate
        frames += 3 / rate
        if self.istft is not None:
            frames += self.istft.frames.overlap / rate
        self.context_frames = int(frames) + 1

    def forward(
        self, latent: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None, *, spare: int = 0
    ) -> Tensor:
        return self.render(self.draw(latent, spare=spare), noise, pulses)

    def draw(self, latent: Tensor, *, spare: int = 0) -> Tensor:
        """[B, C, F] -> what the output layer needs, [B, outputs, (F - 2 spare) upsampling]."""
        x: Tensor = self.enter(latent)
        for snake, up, fields in zip(self.snakes, self.ups, self.blocks, strict=True):
            x = fields(up(snake(x)))
        edge = spare * self.config.upsampling
        return torch.as_tensor(self.leave(self.snake_out(x))[:, :, edge : x.shape[2] - edge])

    def render(self, drawn: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None) -> Tensor:
        """The output layer: [B, outputs, F upsampling], white noise [B or 1, T], pulses of as many frames (where
        they are configured) -> [B, T]."""
        return torch.tanh(drawn)[:, 0] if self.istft is None else self.istft(drawn, noise, pulses)


def fold_weight_norm(module: nn.Module) -> nn.Module:
    """Replaces every weight-normalised weight by its plain value, in place; returns the module."""
    for part in module.modules():
        if is_parametrized(part, "weight"):
            remove_parametrizations(part, "weight", leave_parametrized=True)
    return module


@torch.no_grad()
def unfold(module: nn.Module, folded: nn.Module) -> None:
    """Gives a weight-normalised module the weights of one of the same shape whose weight norm was folded.

    Where it has more rows than the other (further outputs of its last layer), those stay as they are.
    """
    plain = folded.state_dict()
    for name, part in module.named_modules():
        for key, own in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            whole = f"{name}.{key}".lstrip(".")
            if whole in plain:
                own.copy_(_lengthened(plain[whole], own))
        if is_parametrized(part, "weight"):
            # The parametrisation splits it into length and direction, which a channel that died must have, too.
            part.weight = _lengthened(plain[f"{name}.weight"], cast("Tensor", part.weight))
            direction = cast("Tensor", part.get_parameter("parametrizations.weight.original1"))
            direction[direction.flatten(1).norm(dim=1) == 0.0] = 1.0


def _lengthened(plain: Tensor, own: Tensor) -> Tensor:
    return torch.cat((plain, own[plain.shape[0] :])) if own.shape[:1] > plain.shape[:1] else plain
