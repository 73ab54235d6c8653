"""A training run as frozen data, read from TOML; unknown keys are refused."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from hifisr_cli.degrade.codecs import CODECS
from hifisr_cli.degrade.media import MEDIA
from hifisr_cli.engines.sizes import ConfigError, merged
from hifisr_cli.engines.training import NetworkSizes, trainable
from hifisr_cli.errors import UsageError
from hifisr_cli.train.rendering.pieces import Rendering

if TYPE_CHECKING:
    from hifisr_cli.train.critics import Kind


LOSSES = {"mel": 1.0, "lsd": 1.0, "squared": 0.0, "adversarial": 0.1, "features": 0.2}
"""Every loss of the network, and what it counts by default."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run.

    Attributes:
        engine: whose network is trained.
        network: its sizes.
        steps, batch_size, crop_seconds: length of the run and of what it sees in a step.
        learning_rate, warmup_steps, final_rate: AdamW with linear warm-up and cosine decay to `final_rate` of the peak.
        ema_decay: of the averaged weights, which are what is validated and shipped.
        clip_norm: bound of the gradient norm.
        discriminators: of "mpd", "msd" and "mbd"; none trains without adversary.
        discriminator_width, discriminator_rate: channels of their narrowest layers, and their learning rate.
        adversarial_loss: "least-squares" or "hinge".
        adversarial_from: the step at which they begin.
        precision: "float32", or "bfloat16" to compute networks and discriminators in it on a GPU.
        repulsion: how much two draws of the noise must differ, 1 for as much as two recordings do, 0 for not at all.
        weights: of the losses, keyed by the names that the log uses; see `LOSSES`.
        augmentation: how often recordings are tilted, gated or given another noise floor: 1 for a long run, less for a
            last, short one on recordings more as they are.
        sources: share of the crops drawn from folders whose path contains the key; all others have the rest.
        rendering: music that is made for the run; see `Rendering`. Its paths contain the name of its folder.
        mixed: share of the crops that have a second recording over them: a voice over music, applause over a voice.
        media: shares of the crops that come from a medium (`degrade.media.MEDIA`) or through a codec of music
            (`degrade.codecs.CODECS`); all others meet a plain band limit.
        floors: keys are what the paths of uncompressed recordings hold, which have a noise floor and an upper edge of
            their own; values are how often the rising noise of a converter is added to it. To all others a lossy codec
            has left none, and nothing is learnt above their bandwidth.
        validate_every, save_every: in steps.
        seed: of data and initial weights; step n draws its data from (seed, n) alone, so a resumed run sees the same.
    """

    engine: str = "hifisr"
    network: NetworkSizes = field(default_factory=lambda: trainable("hifisr").sizes({}))
    steps: int = 10_000
    batch_size: int = 8
    crop_seconds: float = 1.0
    learning_rate: float = 6e-4
    warmup_steps: int = 200
    final_rate: float = 0.02
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    discriminators: tuple[str, ...] = ()
    discriminator_width: int = 16
    discriminator_rate: float = 2e-4
    adversarial_loss: Kind = "least-squares"
    adversarial_from: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    repulsion: float = 1.0
    weights: dict[str, float] = field(default_factory=lambda: dict(LOSSES))
    augmentation: float = 1.0
    sources: dict[str, float] = field(default_factory=dict)
    rendering: Rendering = field(default_factory=Rendering)
    mixed: float = 0.0
    media: dict[str, float] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    validate_every: int = 500
    save_every: int = 100
    seed: int = 1

    def __post_init__(self) -> None:
        unknown = sorted({*self.discriminators} - {"mpd", "msd", "mbd"}) + sorted({*self.weights} - {*LOSSES})
        if unknown:
            raise UsageError(f"no such discriminator or loss: {', '.join(unknown)}")
        if self.adversarial_loss not in ("least-squares", "hinge") or self.precision not in ("float32", "bfloat16"):
            raise UsageError("adversarial_loss is least-squares or hinge, precision is float32 or bfloat16")

        strange = sorted({*self.media} - {*MEDIA, *CODECS})
        if strange or sum(self.media.values()) > 1.0 or min(self.media.values(), default=0.0) < 0.0:
            known = ", ".join((*MEDIA, *CODECS))
            raise UsageError("media are shares of at most 1 together", hint=f"known: {known}")

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Raises `UsageError` on unknown keys or a network that does not fit together."""
        unknown = set(data) - {f.name for f in fields(cls)}
        if unknown:
            raise UsageError(f"unknown keys in the training configuration: {', '.join(sorted(unknown))}")
        values = dict(data)
        try:
            values["network"] = trainable(values.get("engine", "hifisr")).sizes(values.get("network", {}))
        except ConfigError as error:
            raise UsageError(f"network: {error}") from error
        if "rendering" in values:
            values["rendering"] = Rendering.from_dict(values["rendering"])
        if "weights" in values:
            values["weights"] = LOSSES | values["weights"]
        if "discriminators" in values:
            values["discriminators"] = tuple(values["discriminators"])
        return cls(**values)

    @classmethod
    def read(cls, path: Path, changes: Sequence[str] = ()) -> Self:
        """The run that a file describes.

        Args:
            path: TOML. Its key `base` names another file, beside it, whose values it changes (an overlay).
            changes: "key=value" or "section.key=value", values in TOML, over all files.

        Raises:
            UsageError: a file cannot be read as TOML, or a change is not of that form.
        """
        data = _read(path, set())
        for change in changes:
            key, equals, value = change.partition("=")
            if not equals:
                raise UsageError(f"--set {change!r} is not key=value")
            try:
                data = merged(data, tomllib.loads(f"{key} = {value}"))
            except tomllib.TOMLDecodeError:
                try:
                    data = merged(data, tomllib.loads(f"{key} = {json.dumps(value)}"))
                except tomllib.TOMLDecodeError as error:
                    raise UsageError(f"--set {change!r} is not key=value: {error}") from error
        return cls.from_dict(data)


def _read(path: Path, above: set[Path]) -> dict[str, Any]:
    """A file over the one that it names as its base."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"not a training configuration: {error}", path=path) from error
    base = data.pop("base", None)
    if base is None:
        return data
    if path.resolve() in above:
        raise UsageError("a training configuration that is its own base", path=path)
    return merged(_read(path.parent / str(base), above | {path.resolve()}), data)
