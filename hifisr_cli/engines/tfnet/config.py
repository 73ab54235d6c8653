"""Sizes of a TFNet as frozen data that validates itself and travels inside the checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from hifisr_cli.engines.sizes import ConfigError, parse_section

Branches = Literal["both", "time", "frequency"]


@dataclass(frozen=True, slots=True)
class TfnetConfig:
    """A whole network.

    Attributes:
        patch: samples that are transformed together, N; a multiple of twice the strides of the U-Net.
        filters, taps: channels and taps of the downward convolutions of each U-Net, outermost first.
        dropout: share of what the bottleneck and each upward convolution make that training leaves out.
        bias: the bottleneck and the last convolution add a constant, as in the authors' code. Without, a network is as
            loud as its input, at every level, and silence stays silent.
        residual: the time branch adds what it makes to its input, as the AudioUNet of Kuleshov et al. does, and the
            authors' code does not.
        branches: "time" or "frequency" alone are the ablations of the paper.

    Raises:
        ConfigError: if the parts do not fit.
    """

    patch: int = 8192
    filters: tuple[int, ...] = (8, 16, 32, 64)
    taps: tuple[int, ...] = (65, 33, 17, 9)
    dropout: float = 0.0
    bias: bool = False
    residual: bool = True
    branches: Branches = "both"

    def __post_init__(self) -> None:
        grain = 2 * self.stride
        rules = {
            f"patch must be a positive multiple of {grain}": self.patch > 0 and self.patch % grain == 0,
            "filters and taps must pair up, at least one of each": 0 < len(self.filters) == len(self.taps),
            "filters must be positive": all(count > 0 for count in self.filters),
            "taps must be odd": all(count % 2 == 1 for count in self.taps),
            "dropout must lie in [0, 1)": 0 <= self.dropout < 1,
            "branches must be 'both', 'time' or 'frequency'": self.branches in ("both", "time", "frequency"),
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ConfigError("; ".join(broken))

    @property
    def stride(self) -> int:
        """Samples of the input for each sample in the bottleneck of a U-Net."""
        return int(2 ** (len(self.filters) + 1))

    @property
    def architecture(self) -> str:
        """In a line."""
        branches = {
            "both": "U-Nets on the waveform and on its magnitudes -> spectral fusion",
            "time": "U-Net on the waveform",
            "frequency": "U-Net on the magnitudes, phases copied",
        }
        sizes = "/".join(map(str, self.filters))
        return f"patches of {self.patch} samples, half overlapping -> {branches[self.branches]} (filters {sizes})"

    def to_dict(self) -> dict[str, Any]:
        """Built-in types, ready for JSON or TOML."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ConfigError on unknown keys, TypeError on values of another kind."""
        config: Self = parse_section(cls, "network", data)
        return config


PUBLISHED = TfnetConfig(filters=(64, 128, 256, 256), dropout=0.5, bias=True, residual=False)
"""The sizes of the authors' preset for the paper (moodoki/tfnet, `tfnet-2018.flags`), which is for 16 kHz."""
