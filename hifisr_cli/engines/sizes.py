"""Sizes of a network from plain data, as TOML and the header of a checkpoint hold them; unknown keys are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


class ConfigError(ValueError):
    """A network configuration that contradicts itself or holds unknown keys."""


def parse_section(kind: type[Any], name: str, data: Mapping[str, Any]) -> Any:
    """An instance of the frozen dataclass `kind`, lists as tuples.

    Args:
        name: of the part of the network that it describes.

    Raises:
        ConfigError: unknown keys.
    """
    unknown = set(data) - {each.name for each in fields(kind)}
    if unknown:
        raise ConfigError(f"unknown keys in {name}: {', '.join(sorted(unknown))}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})


def merged(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `overlay`, section by section."""
    both = dict(base)
    for key, value in overlay.items():
        nested = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = merged(both[key], value) if nested else value
    return both
