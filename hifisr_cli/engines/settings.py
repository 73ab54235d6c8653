"""What an engine is asked for: `--engine-set KEY=VALUE` against the engine's own frozen dataclass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from hifisr_cli.errors import UsageError

_FROM_TEXT: dict[type, Callable[[str], Any]] = {
    int: int,
    float: float,
    bool: {"true": True, "false": False}.__getitem__,
    str: str,
}
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def parse_settings(engine: str, kind: type[Any], given: Mapping[str, object]) -> Any:
    """An instance of `kind`, the settings of an engine.

    Args:
        engine: its name, for messages.
        given: values by name, as text or as what they are; the others have their defaults.

    Raises:
        UsageError: there is no such setting, or it cannot have this value.
    """
    types = get_type_hints(kind)
    for name in given:
        if name not in types:
            known = ", ".join(types) or "it has none"
            raise UsageError(f"the engine {engine!r} has no setting {name!r}", hint=f"its settings: {known}")
    try:
        return kind(**{name: _value(name, types[name], value) for name, value in given.items()})
    except ValueError as error:
        raise UsageError(f"setting of the engine {engine!r}: {error}") from error


def _value(name: str, kind: type, value: object) -> Any:
    try:
        if isinstance(value, str):
            return _FROM_TEXT[kind](value)
        if isinstance(value, kind) or (kind is float and isinstance(value, int)):
            return value
    except (ValueError, KeyError):
        pass
    raise ValueError(f"{name} is {_KINDS[kind]}, not {value!r}")
