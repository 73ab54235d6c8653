"""What an engine is: everything that the rest of hifisr knows of a network.

An engine turns windows of band-limited sound into full-band ones. It knows nothing of files, and nothing outside its
folder knows how it is made. All places and lengths are samples at 48 kHz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Identity:
    """Which network it is: what a record says of it, and what makes two runs the same.

    Attributes:
        engine: the kind of network, as a frozen checkpoint names it ("hifisr").
        name: of the model.
        parameter_hash: SHA-256 of its parameters.
        precision: the arithmetic of its layers; spectra and the crossover are always float32.
        settings: what it was asked for (`--engine-set`), complete, defaults included.
        limits: what it cannot do by its training, one line each.
    """

    engine: str
    name: str
    parameter_hash: str
    precision: Literal["float32", "bfloat16", "float16"]
    settings: Mapping[str, object] = field(default_factory=dict)
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Geometry:
    """How recordings are cut into windows for a network.

    Attributes:
        grid: cores begin on multiples of it.
        context: input that a core needs on either side.
        trim: output that is missing at either end of a window, at most `context`.
        core: the length of every core, None where any length does.
        fade: over how much neighbours are faded into each other; 0 where they agree by construction.
        outside: what stands in beyond the ends of a recording.
    """

    grid: int
    context: int
    trim: int = 0
    core: int | None = None
    fade: int = 0
    outside: Literal["silence", "mirror"] = "silence"


@dataclass(frozen=True, slots=True, eq=False)
class WindowBatch:
    """Windows that are computed together, of one recording or of several.

    Attributes:
        waves: [B, T], at the level that the engine wants.
        cutoff_hz: upper edge of the content of each, [B].
        starts: the place of each window's first sample in its recording, negative before it; equal for the channels
            of one recording, so that equal channels stay equal.
    """

    waves: Tensor
    cutoff_hz: Tensor
    starts: tuple[int, ...]


class Engine(Protocol):
    """A network ready to run."""

    @property
    def identity(self) -> Identity: ...

    @property
    def geometry(self) -> Geometry: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def level_rms(self) -> float | None:
        """The active level that it wants; None: it brings every window to its own level, and back."""
        ...

    @property
    def lanes(self) -> int:
        """Windows worth computing side by side."""
        ...

    def generates_to(self, cutoff_hz: float) -> float:
        """Up to where there is content in what it makes of a recording with this cutoff, in Hz."""
        ...

    def generate(self, windows: WindowBatch) -> Tensor:
        """Makes the full band: [B, T] -> [B, T - 2 trim], on the engine's device, at the level of the windows.

        Every row is what it would be alone. All randomness is a function of (seed, place in the recording).

        Raises:
            DeviceError: the device ran out of memory.
        """
        ...
