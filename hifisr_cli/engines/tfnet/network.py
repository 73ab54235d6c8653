"""TFNet: waveform in, waveform out (Lim et al., ICASSP 2018); and as a frozen checkpoint.

What differs from the paper, as its authors' code has it: 48 kHz and any cutoff instead of 16 kHz and a network for
each rate, patches that overlap instead of standing side by side, and magnitudes without sign, since a negative one
would turn a phase around.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

from hifisr_cli.checkpoints.frozen import FrozenInfo, info_of, read_tensors, weights_that_fit, write
from hifisr_cli.engines.tfnet.audio_unet import AudioUnet
from hifisr_cli.engines.tfnet.config import TfnetConfig
from hifisr_cli.engines.tfnet.fusion import SpectralFusion, with_phase_of
from hifisr_cli.engines.tfnet.patches import cross_faded, patches_of
from hifisr_cli.engines.tfnet.replicator import replicate
from hifisr_cli.engines.upsampler import Upsampler
from hifisr_cli.results import SAMPLE_RATE


class Tfnet(Upsampler):
    """Two U-Nets, one on the waveform and one on its magnitude spectrum, and their fusion.

    Shape: band-limited waveform at 48 kHz [B, T], cutoff in Hz [B] -> full-band waveform [B, T]; T a multiple of `hop`.
    The low band of the output is only a sketch: what is added to the original leaves it out.

    Attributes:
        hop: samples between the beginnings of two patches, half a patch; cuts must fall on multiples of it to agree.
        context: samples to either side that an output sample depends on.
    """

    def __init__(self, config: TfnetConfig) -> None:
        super().__init__()
        self.config = config
        self.hop = self.context = config.patch // 2
        self.time = AudioUnet(config) if config.branches != "frequency" else None
        self.frequency = AudioUnet(config) if config.branches != "time" else None
        self.fusion = SpectralFusion(config.patch // 2 + 1) if config.branches == "both" else None

    def forward(self, wave: Tensor, cutoff_hz: Tensor, noise: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """With silence around. It shapes no noise."""
        patches = patches_of(pad(wave, (self.hop, self.hop)), self.config.patch)
        made = self.of_patches(patches.flatten(0, 1), cutoff_hz.repeat_interleave(patches.shape[1]))
        return cross_faded(made.reshape(patches.shape))

    def of_patches(self, patches: Tensor, cutoff_hz: Tensor) -> Tensor:
        """Each patch by itself: [B, N], [B] -> [B, N]."""
        timed = self._timed(patches)
        if timed is not None and self.frequency is None:
            return timed
        given = torch.fft.rfft(patches, norm="ortho")
        copied = torch.cat((given[:, :1], replicate(given[:, 1:], self._passed(cutoff_hz))), dim=1)
        magnitude = self._magnitude(copied.abs())
        if timed is not None and self.fusion is not None:
            spectrum: Tensor = self.fusion(torch.fft.rfft(timed, norm="ortho"), magnitude)
        else:
            spectrum = with_phase_of(copied, magnitude)
        made: Tensor = torch.fft.irfft(spectrum, patches.shape[1], norm="ortho")
        return made

    def _timed(self, patches: Tensor) -> Tensor | None:
        """By the time branch, where there is one: [B, N] -> [B, N]."""
        if self.time is None:
            return None
        made: Tensor = self.time(patches)
        return patches + made if self.config.residual else made

    def _magnitude(self, copied: Tensor) -> Tensor:
        """By the frequency branch, which 0 Hz passes by: [B, K] -> [B, K]."""
        if self.frequency is None:
            raise ValueError("there is no frequency branch")
        return torch.cat((copied[:, :1], self.frequency(copied[:, 1:]).abs()), dim=1)

    def _passed(self, cutoff_hz: Tensor) -> Tensor:
        """Bins up to the cutoff, [B] -> [B]: an even number, because then copies in neighbouring patches, half a patch
        apart, agree in phase."""
        pairs = (cutoff_hz * (self.config.patch / SAMPLE_RATE / 2)).long()
        return 2 * pairs.clamp(1, self.config.patch // 4)


def freeze(
    network: Tfnet, path: Path, *, name: str, training: str, licence: str, resampler: str, half: bool = True
) -> FrozenInfo:
    """Writes a network as a frozen checkpoint.

    Args:
        half: store float16 (half the size; the network still computes in the precision asked for at run time).

    Raises:
        ModelError: a weight is too large for float16.
        OutputError: the file cannot be written.
    """
    info = FrozenInfo(name, "tfnet", network.config.to_dict(), resampler, licence, training)
    return write(network.state_dict(), info, path, half=half)


def load_network(path: Path, info: FrozenInfo | None = None) -> Tfnet:
    """Builds the network of a frozen checkpoint and fills in its weights, float32, ready for inference.

    Raises:
        ModelError: missing, damaged, of another engine, or weights that do not fit the described network.
    """
    info = info_of("tfnet", path, info)
    tensors = read_tensors(path, info)
    with weights_that_fit(path):
        network = Tfnet(TfnetConfig.from_dict(info.config))
        network.load_state_dict({key: value.float() for key, value in tensors.items()})
    return network.eval().requires_grad_(requires_grad=False)
