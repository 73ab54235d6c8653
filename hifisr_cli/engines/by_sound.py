"""One network for speech and one for every other sound: what a recording holds decides, recording by recording."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hifisr_cli.engines.protocol import Engine, Geometry, Identity, WindowBatch
from hifisr_cli.errors import ModelError
from hifisr_cli.results import SOUND_KINDS, SoundKind

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def joint_identity(name: str, members: Mapping[SoundKind, Identity]) -> Identity:
    """Of the engine that these networks make together.

    Raises:
        ModelError: they are of different engines or precisions.
    """
    first = members["speech"]
    if any((each.engine, each.precision) != (first.engine, first.precision) for each in members.values()):
        raise ModelError(f"the models of {name!r} are of different engines")
    told = " ".join(f"{kind}:{members[kind].parameter_hash}" for kind in SOUND_KINDS)
    return Identity(
        first.engine,
        name,
        hashlib.sha256(told.encode()).hexdigest(),
        first.precision,
        first.settings,
        tuple(dict.fromkeys(limit for each in members.values() for limit in each.limits)),
        dict(members),
    )


@dataclass(slots=True, eq=False)
class BySound:
    """Networks of one engine, each for one kind of sound.

    Attributes:
        identity: of all of them; it says which is for what.
        members: of equal grids, devices, levels and fades.
        geometry: wide enough for each.
    """

    identity: Identity
    members: Mapping[SoundKind, Engine]
    geometry: Geometry = field(init=False)

    def __post_init__(self) -> None:
        shapes = [member.geometry for member in self.members.values()]
        widest = replace(
            shapes[0], context=max(each.context for each in shapes), trim=max(each.trim for each in shapes)
        )
        if any(replace(each, context=widest.context, trim=widest.trim) != widest for each in shapes):
            raise ModelError(f"the models of {self.identity.name!r} cut recordings differently")
        self.geometry = widest

    @property
    def device(self) -> torch.device:
        """Where all of them are."""
        return self.members["speech"].device

    @property
    def level_rms(self) -> float | None:
        """What all of them want."""
        return self.members["speech"].level_rms

    @property
    def lanes(self) -> int:
        """Of windows of one kind; few batches have both."""
        return self.members["speech"].lanes

    def generate(self, windows: WindowBatch) -> Tensor:
        """[B, T] -> [B, T - 2 trim], each row by the network for its sound; see `Engine.generate`."""
        import torch

        made: dict[int, Tensor] = {}
        for kind in SOUND_KINDS:
            places = [index for index, sound in enumerate(windows.sounds) if sound == kind]
            if places:
                made.update(zip(places, self._generated(kind, windows, places), strict=True))
        return torch.stack([made[index] for index in range(len(windows.sounds))])

    def _generated(self, kind: SoundKind, windows: WindowBatch, places: list[int]) -> Tensor:
        member = self.members[kind]
        own = WindowBatch(
            windows.waves[places],
            windows.cutoff_hz[places],
            tuple(windows.starts[index] for index in places),
            tuple(windows.sounds[index] for index in places),
            windows.on_progress,
        )
        spare = self.geometry.trim - member.geometry.trim
        generated = member.generate(own)
        return generated[:, spare : generated.shape[1] - spare]
