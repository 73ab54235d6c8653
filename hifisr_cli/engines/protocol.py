"""What an engine is: everything that the rest of hifisr knows of a network.

An engine turns windows of band-limited sound into full-band ones. It knows nothing of files, and nothing outside its
folder knows how it is made. All places and lengths are samples at 48 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hifisr_cli.results import HeardSound, SoundKind, kind_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from hifisr_cli.checkpoints.frozen import FrozenInfo


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
        members: the networks by what they are for, where there is one for each kind of sound; none where it is one.
    """

    engine: str
    name: str
    parameter_hash: str
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    members: Mapping[SoundKind, Identity] = field(default_factory=dict)

    def of(self, sound: HeardSound | None) -> Identity:
        """The network that restores a recording of such sound; None: too little was heard of it."""
        return self.members.get(kind_of(sound), self)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How recordings are cut into windows for a network.

    Attributes:
        grid: cores begin on multiples of it, and are multiples of it long.
        context: input that a core needs on either side.
        trim: output that is missing at either end of a window, at most `context`.
        core: the length of every core, None where any length does.
        fade: over how much neighbours are faded into each other, at most `context`; 0 where they agree by construction.
        outside: what stands in beyond the ends of a recording.
    """

    grid: int
    context: int
    trim: int = 0
    core: int | None = None
    fade: int = 0
    outside: Literal["silence", "mirror"] = "silence"


def _nobody(_share: float) -> None:
    """Nobody asks how far it is."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowBatch:
    """Windows of one length that are computed together, of one recording or of several.

    Attributes:
        waves: [B, T] on the engine's device, at the level that the engine wants.
        cutoff_hz: upper edge of the content of each in every frame of `Geometry.grid` samples, [B, F].
        starts: the place of each window's first sample in its recording, negative before it; equal for the channels
            of one recording, so that equal channels stay equal.
        sounds: what each window's recording holds.
        on_progress: to be called by engines that take long for a window, in the thread that called `generate`, with
            the share of the time for these windows that is over. What it raises ends the work.
    """

    waves: Tensor
    cutoff_hz: Tensor
    starts: tuple[int, ...]
    sounds: tuple[SoundKind, ...]
    on_progress: Callable[[float], None] = _nobody


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
        """Windows worth computing together on its device."""
        ...

    def generate(self, windows: WindowBatch) -> Tensor:
        """Makes the full band: [B, T] -> [B, T - 2 trim], at the level of the windows.

        Every row is what it would be alone. All randomness is a function of the engine's seed and the place in the
        recording, so that cuts, batches, workers and machines do not show.

        Raises:
            torch.OutOfMemoryError: which `restore.batches`, the one caller, makes a DeviceError.
        """
        ...


class EngineModule(Protocol):
    """The module by which `engines.load` knows an engine. Importing it loads neither PyTorch nor numpy."""

    @property
    def Settings(self) -> type[Any]:  # noqa: N802  a class
        """What the engine can be asked for: a frozen dataclass of int, float, bool and str, each with a default.

        A field's metadata says under "help" what it does. A value out of range raises ValueError.
        """
        ...

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Raises ValueError or TypeError: the config of a checkpoint does not describe a network of this engine."""
        ...

    def gains_from_bfloat16(self, config: Mapping[str, Any]) -> bool:
        """Whether a processor with bfloat16 in hardware computes this network faster in it, and as well."""
        ...

    def is_slow(self, config: Mapping[str, Any]) -> bool:
        """Whether this network takes longer than a recording lasts on a processor, so that a dry run measures how long.

        It loads the network for that, and computes a part of a window.
        """
        ...

    def load(self, path: Path, info: FrozenInfo, identity: Identity, device: torch.device) -> Engine:
        """Builds the network of a checkpoint, ready to run.

        Raises:
            ModelError: damaged, or weights that do not fit the description.
        """
        ...

    def recognises(self, paths: list[Path]) -> bool:
        """Whether these are published weights of this engine, by the keys in them or the form that they come in.

        Weights are not read. Whatever else is wrong with the files is for `import_weights` to say.
        """
        ...

    def import_weights(
        self,
        paths: list[Path],
        output: Path,
        *,
        name: str | None = None,
        licence: str | None = None,
        half: bool = False,
        revision: str | None = None,
    ) -> FrozenInfo:
        """Converts published weights to a frozen checkpoint, with a model card beside it.

        Args:
            paths: the published folder, or its files.
            name: of the model; else the published name where the files are known, else that of the output.
            licence: SPDX identifier; else that of the published files where they are known.
            half: store float16; float32 is what computes exactly what the published weights do.
            revision: of the repository that the files were downloaded from.

        Raises:
            ModelError: something is missing, unknown, of another shape or damaged; nothing is written then.
            OutputError: the output cannot be written.
        """
        ...
