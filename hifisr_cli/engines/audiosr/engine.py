"""AudioSR as an engine: its windows, its level, its settings, and the way of a window through the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.checkpoints.frozen import FrozenInfo
from hifisr_cli.engines.audiosr.config import AudioSrConfig
from hifisr_cli.engines.audiosr.importing import import_published as import_weights
from hifisr_cli.engines.audiosr.importing import recognises
from hifisr_cli.engines.audiosr.settings import Settings
from hifisr_cli.engines.protocol import Geometry, Identity, WindowBatch

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hifisr_cli.engines.audiosr.diffusion import Diffusion
    from hifisr_cli.engines.audiosr.network import AudioSr

__all__ = [
    "AudioSrEngine",
    "Settings",
    "check_config",
    "gains_from_bfloat16",
    "import_weights",
    "is_slow",
    "load",
    "recognises",
]

_LEVEL_RMS = 0.5 * 10.0 ** (-15.5 / 20.0)
"""Training brought the peak of every clip to 0.5. Windows of 5.12 s peak 15.9 dB (median; 12 to 20 dB for nine in ten)
above the active level of their recording in speech, 14.5 dB (7 to 21 dB) in music and effects; measured on 118
recordings. One level for the whole recording: a click moves it for none of them."""

_WINDOW_FRAMES = 512
"""5.12 s, what the published program takes at a time. Windows of 10.24 s, as in training, would cost 6 % less in long
recordings, and twice as much in all that is shorter than one."""
_CONTEXT_FRAMES = 56
_FADE_FRAMES = 24
_TRIM_FRAMES = 22
"""Whole latent steps of context, so that the noise of neighbours agrees; of it the vocoder reaches 22 frames, the fade
takes a quarter of a second, and what is left is more than the added layer needs (10 frames).

Neighbours share the noise and are faded. With a small random network, which exaggerates, their latents then differ by
0.72 of their deviation in the fade (1.44 with noise of their own), and the log-mel above the cutoff by 3.1 dB (7.0 dB).
Averaging the states of both at every step would leave 0.3 dB. But then a window depends, over the steps, on as many
windows to either side: it is not done, because a window could not be computed alone, and memory would not stay flat."""

_GPU_LANES = 4


@dataclass(frozen=True, slots=True)
class Work:
    """What each part of a window takes, in calls of the denoiser, as measured on one core (`benchmarks/audiosr.py`).

    Attributes:
        encode, decode, vocode: once a window.
        guidance: what guiding a call adds to it.
    """

    encode: float = 6.5
    guidance: float = 0.8
    decode: float = 12.5
    vocode: float = 18.0


@dataclass(slots=True, eq=False)
class AudioSrEngine:
    """A network ready to run.

    Attributes:
        settings: those of the identity.
        geometry: windows of one length, because everything in a window touches everything else in it.
        lanes: a processor gains nothing from batches, and so the company of a window cannot touch a bit of it.
    """

    identity: Identity
    network: AudioSr
    device: torch.device
    settings: Settings
    work: Work = field(default_factory=Work)
    level_rms: float = _LEVEL_RMS
    geometry: Geometry = field(init=False)
    lanes: int = field(init=False)
    _diffusion: Diffusion = field(init=False)

    def __post_init__(self) -> None:
        from hifisr_cli.engines.audiosr.diffusion import Diffusion

        hop, core = self.network.config.mel.hop, _WINDOW_FRAMES - 2 * _CONTEXT_FRAMES
        context, trim, core, fade = (frames * hop for frames in (_CONTEXT_FRAMES, _TRIM_FRAMES, core, _FADE_FRAMES))
        self.geometry = Geometry(hop, context, trim, core, fade, "mirror")
        self.lanes = 1 if self.device.type == "cpu" else _GPU_LANES
        self._diffusion = Diffusion(self.settings)

    def generate(self, windows: WindowBatch) -> Tensor:
        """[B, T] -> [B, T - 2 trim], of windows without any sound silence; see `Engine.generate`."""
        import torch

        trim = self.geometry.trim
        output = torch.zeros_like(windows.waves[:, trim : windows.waves.shape[1] - trim])
        sounding = windows.waves.ne(windows.waves[:, :1]).any(dim=1).nonzero()[:, 0].tolist()
        with torch.inference_mode():
            for first in range(0, len(sounding), self.lanes):
                rows = sounding[first : first + self.lanes]
                starts = [windows.starts[row] for row in rows]
                clock = _Clock(windows.on_progress, first, len(rows), len(sounding), self._window_work())
                output[rows] = self._generated(windows.waves[rows], windows.cutoff_hz[rows], starts, clock)
        return output

    def _generated(self, waves: Tensor, cutoff_hz: Tensor, starts: list[int], clock: _Clock) -> Tensor:
        """[B, T], [B, F] -> [B, T - 2 trim]."""
        from hifisr_cli.engines.audiosr.condition import condition_mel, with_known_bands
        from hifisr_cli.engines.audiosr.noise import CONDITION

        network, work = self.network, self.work
        known = condition_mel(network, waves, cutoff_hz)  # spectra are float32 always
        with self.autocast():
            found = network.condition(known)
            draw = partial(self._noise, found.mean, starts)
            condition = (found.sample(draw(CONDITION)) if self.settings.sample_condition else found.mean).float()
            clock.advance(work.encode)
            latent = self._diffusion.latent(network, condition, draw, lambda at: clock.advance(self._call_work(at)))
            log_mel = with_known_bands(network.decode(latent).float(), known, cutoff_hz, network.config.mel)
            clock.advance(work.decode)
            wave = network.vocode(log_mel, spare=self.geometry.trim // self.geometry.grid).float()
            clock.advance(work.vocode)
        edge = network.config.surplus // 2
        return wave[:, edge : wave.shape[1] - edge]

    def _noise(self, like: Tensor, starts: list[int], draw: int) -> Tensor:
        """Of each window, by its place: [B, Z, L, K]."""
        import torch

        from hifisr_cli.engines.audiosr.noise import latent_noise

        step = self.geometry.grid * self.network.config.vae.reduction
        shape, seed = (like.shape[1], like.shape[2], like.shape[3]), self.settings.seed
        at = {start: latent_noise(seed, start // step, shape, draw) for start in set(starts)}
        return torch.stack([at[start] for start in starts]).to(self.device)

    def _call_work(self, time: int) -> float:
        return 1.0 + self.work.guidance * self._diffusion.guidance.at(time)

    def _window_work(self) -> float:
        once = self.work.encode + self.work.decode + self.work.vocode
        return once + sum(map(self._call_work, self._diffusion.times))

    def autocast(self) -> AbstractContextManager[object]:
        """The precision of the network's layers."""
        import torch

        if self.identity.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, getattr(torch, self.identity.precision))


class _Clock:
    """Tells how far a batch is, while `count` windows of it are worked on together.

    Args:
        before: windows that are done, of `total`, each of so much `work`.
    """

    def __init__(self, tell: Callable[[float], None], before: int, count: int, total: int, work: float) -> None:
        self._tell, self._done, self._count, self._total = tell, before * work, count, total * work

    def advance(self, work: float) -> None:
        """So much of each window is done."""
        self._done += self._count * work
        self._tell(min(self._done / self._total, 1.0))


def check_config(config: Mapping[str, Any]) -> None:
    """Raises ConfigError or TypeError: sizes that do not fit together, or unknown keys."""
    AudioSrConfig.from_dict(config)


def gains_from_bfloat16(config: Mapping[str, Any]) -> bool:  # noqa: ARG001  all sizes do
    """It does: the published sizes took half the time in it on a processor that has it."""
    return True


def is_slow(config: Mapping[str, Any]) -> bool:  # noqa: ARG001  all sizes are
    """It is: the published sizes take several seconds for one of sound."""
    return True


def load(path: Path, info: FrozenInfo, identity: Identity, device: torch.device) -> AudioSrEngine:
    """Builds the network of a frozen checkpoint; see `EngineModule.load`."""
    import torch
    from torch import nn

    from hifisr_cli.engines.audiosr.accelerate import accelerate
    from hifisr_cli.engines.audiosr.network import load_network

    network = load_network(path, info)
    if device.type == "cpu" and identity.precision == "float32":
        network = accelerate(network)
    elif device.type == "cpu":
        for part in network.modules():
            if isinstance(part, nn.Conv1d | nn.ConvTranspose1d | nn.Conv2d | nn.Linear):
                part.to(torch.bfloat16)  # once, and not in every call
    return AudioSrEngine(identity, network.to(device), device, Settings(**identity.settings))
