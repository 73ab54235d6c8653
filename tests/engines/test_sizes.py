"""Sizes from plain data."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hifisr_cli.engines.sizes import ConfigError, merged, parse_section


@dataclass(frozen=True)
class Part:
    width: int = 3
    kernels: tuple[int, ...] = (1, 2)


def test_lists_become_tuples_and_the_rest_keeps_its_default() -> None:
    assert parse_section(Part, "part", {"kernels": [5]}) == Part(3, (5,))


def test_unknown_keys_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="unknown keys in part: depth"):
        parse_section(Part, "part", {"depth": 1})


def test_an_overlay_changes_what_it_names_and_nothing_it_was_given() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [3]}
    assert merged(base, {"a": {"c": 4}, "d": [5, 6]}) == {"a": {"b": 1, "c": 4}, "d": [5, 6]}
    assert base == {"a": {"b": 1, "c": 2}, "d": [3]}
