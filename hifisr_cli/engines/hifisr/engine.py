"""The HiFi-SR network as an engine: its windows, its level, its noise, its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hifisr_cli.checkpoints.frozen import FrozenInfo
from hifisr_cli.engines.hifigan.threads import Threads
from hifisr_cli.engines.hifisr.config import parse_config
from hifisr_cli.engines.hifisr.importing import import_published as import_weights
from hifisr_cli.engines.hifisr.importing import recognises
from hifisr_cli.engines.protocol import Geometry, Identity, WindowBatch
from hifisr_cli.results import SAMPLE_RATE

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hifisr_cli.engines.hifisr.generator import Generator

__all__ = [
    "HifisrEngine",
    "Settings",
    "check_config",
    "gains_from_bfloat16",
    "import_weights",
    "is_slow",
    "load",
    "recognises",
]

_MOST_LANES = 4  # each takes some 50 MB more
_GPU_LANES = 8

_CORE_SECONDS = 3.072
_CONTEXT_SECONDS = 0.512
_FADE_SECONDS = 0.256
"""Windows of networks that judge a window as a whole, as the published one does: what they make of a moment depends on
everything in the window, on the moment's place in it and on the window's length. So every window has one length, each
core starts at the same place in its window, and neighbours, which do not agree, are faded into each other. Beyond the
ends of a recording its mirror image stands in, because silence would move the statistics of the window, and with them
everything that is generated in it (2 s in a window of 4 s: latent off by 0.65 with silence, 0.33 mirrored).

In all a window of 4.096 s, about what the published program uses for long recordings: at its hop of 256 samples 768
frames, which are three whole groups of its attention; the context is as long as what it was trained on.

Measured on real speech at the published size, with random weights, which is all there was: the latent of a moment
differs by 0.59 to 0.70 (relative) between two ways of cutting, for windows of 0.5 to 8.2 s and contexts of 0.13 to
0.51 s. Nearly all of it comes from the absolute position (0.14 without), hardly any from the statistics of the window
(0.67 with those of the whole recording). No choice of these numbers mends that; the fade only hides it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What this engine can be asked for."""

    seed: int = field(default=0, metadata={"help": "of the noise that becomes hiss and breath, 0 to 4294967295"})

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 32:
            raise ValueError("seed must be from 0 to 4294967295")


@dataclass(slots=True, eq=False)
class HifisrEngine:
    """A generator ready to run.

    Attributes:
        threads: for the windows of a batch, None where one window after the other is as fast.
        settings: those of the identity.
        geometry: windows of any length where the network's context is bounded, else of one length.
        level_rms: what it was trained at.
        lanes: on a processor one for each core, of a small network at most four; a GPU needs several to be busy. Two
            windows on one core each take two thirds of the time of one window after the other on two cores.
    """

    identity: Identity
    generator: Generator
    device: torch.device
    threads: Threads | None = None
    settings: Settings = Settings()
    geometry: Geometry = field(init=False)
    level_rms: float = field(init=False)
    lanes: int = field(init=False)
    _bounded: bool = field(init=False)

    def __post_init__(self) -> None:
        from hifisr_cli.dsp.level import NOMINAL_RMS

        self.level_rms = NOMINAL_RMS
        network, hop = self.generator, self.generator.hop
        # Then its output depends neither on where a recording is cut nor on the level of a whole window.
        self._bounded = network.config.latent.context == "bounded"
        if self._bounded:
            self.geometry = Geometry(hop, network.context, network.trim)
        else:
            core, context, fade = (
                round(seconds * SAMPLE_RATE / hop) * hop for seconds in (_CORE_SECONDS, _CONTEXT_SECONDS, _FADE_SECONDS)
            )
            self.geometry = Geometry(hop, context, network.trim, core, fade, "mirror")
        count = 1 if self.threads is None else self.threads.count
        on_processor = min(count, _MOST_LANES) if self._bounded else count
        self.lanes = on_processor if self.device.type == "cpu" else _GPU_LANES

    def generate(self, windows: WindowBatch) -> Tensor:
        """[B, T] -> [B, T - 2 trim]; see `Engine.generate`."""
        import torch

        rows = (windows.waves, windows.cutoff_hz, self._noise(windows))
        if self.device.type != "cpu" or len(windows.waves) == 1:
            return self._generated(*rows)
        if self.threads is not None:
            return torch.cat(self.threads.map(self._generated, *(torch.split(each, 1) for each in rows)))
        # A processor gains nothing from batches, and so the company of a window cannot touch a bit of it.
        return torch.cat([self._generated(*row) for row in zip(*(torch.split(r, 1) for r in rows), strict=True)])

    def _generated(self, waves: Tensor, cutoff_hz: Tensor, noise: Tensor) -> Tensor:
        """[B, T], [B, F], [B, T - 2 trim] -> [B, T - 2 trim]."""
        import torch

        from hifisr_cli.engines.hifisr.level_match import match_level

        with torch.inference_mode():
            features = self.generator.featurize(waves, cutoff_hz)
            pulses = self.generator.regenerate(waves, cutoff_hz, trimmed=True)
            with self._autocast():  # on a processor the head's own affair
                wave = self.generator.synthesize(features, noise, pulses, trimmed=True).float()
            return wave if self._bounded else match_level(wave, waves, cutoff_hz)

    def _noise(self, windows: WindowBatch) -> Tensor:
        """White noise at the place of each window: [B, T - 2 trim]."""
        import torch

        from hifisr_cli.engines.hifisr.noise import positional_noise

        trim = self.generator.trim
        length = windows.waves.shape[1] - 2 * trim
        seed = self.settings.seed
        calm = self.generator.calm
        at = {
            start: torch.from_numpy(positional_noise(start + trim, length, seed, calm=calm))
            for start in set(windows.starts)
        }
        return torch.stack([at[start] for start in windows.starts]).to(self.device)

    def _autocast(self) -> AbstractContextManager[object]:
        import torch

        if self.identity.precision == "float32" or self.device.type == "cpu":
            return nullcontext()
        return torch.autocast(self.device.type, getattr(torch, self.identity.precision))


def check_config(config: Mapping[str, Any]) -> None:
    """Raises ConfigError or TypeError: sizes that do not fit together, or unknown keys."""
    parse_config(config)


def gains_from_bfloat16(config: Mapping[str, Any]) -> bool:
    """Whether the head has few rows: one of many rows gains enough in the frequency domain, which is float32.

    The bundled network took a third less time in bfloat16 on a processor that has it, at an LSD of eight recordings
    from 8, 16 and 24 kHz that differed by 0.0003 at most.
    """
    return parse_config(config)[0].head.has_few_rows


def is_slow(config: Mapping[str, Any]) -> bool:
    """Networks of the published kind are: at the published sizes it takes four seconds of one core for one of sound."""
    return not parse_config(config)[0].head.has_few_rows


def load(path: Path, info: FrozenInfo, identity: Identity, device: torch.device) -> HifisrEngine:
    """Builds the generator of a frozen checkpoint; see `EngineModule.load`."""
    import torch

    from hifisr_cli.engines.hifigan.fast_head import FastHead
    from hifisr_cli.engines.hifisr.accelerate import PlainHead, accelerate
    from hifisr_cli.engines.hifisr.generator import load_generator

    generator = load_generator(path, info)
    threads: Threads | None = None
    if device.type == "cpu":
        head = accelerate(generator, bfloat16=identity.precision == "bfloat16").head
        # Of many rows, several windows at a time in PyTorch's own convolutions would take too much memory.
        one_by_one = isinstance(head, PlainHead) and not head.config.has_few_rows
        if isinstance(head, FastHead | PlainHead) and not one_by_one and torch.get_num_threads() > 1:
            threads = Threads(torch.get_num_threads(), head.interrupt)
    return HifisrEngine(identity, generator.to(device), device, threads, Settings(**identity.settings))
