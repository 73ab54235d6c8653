"""What the nodes of a cluster have to have in common, so that they make the bytes that one computer makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hifisr_cli.batch.history.record import software

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Identity

_ALWAYS = ("hifisr", "outputs", "resampler", "model", "precision")
"""In what no node may differ: a record says it for all of them."""

_MIXED = "--mixed lets in other processors and libraries"


class Alike:
    """Compares nodes with this computer and with the first node.

    Args:
        model: what they have to compute with.
        mixed: they may have other libraries and processors.
    """

    def __init__(self, model: Identity, *, mixed: bool) -> None:
        self._own = {**software(), "model": model.parameter_hash, "precision": model.precision}
        self._mixed = mixed
        self._first: Mapping[str, str] | None = None

    def other_versions(self, versions: Mapping[str, str]) -> str | None:
        """Why a node with such software may not take part; None: it may."""
        return _difference(self._own.keys() & versions.keys(), versions, self._own, mixed=self._mixed)

    def other_bytes(self, said: Mapping[str, Any]) -> str | None:
        """The same of a node that has its model loaded, by what it said then; see `node.attend`."""
        computed = said["computed"]
        if self._first is None:
            self._first = computed
        return _difference(("model", "precision"), said, self._own, mixed=False) or _difference(
            computed.keys() | self._first.keys(), computed, self._first, mixed=self._mixed
        )

    def told(self, node: str, versions: Mapping[str, str], computed: Mapping[str, str]) -> Mapping[str, str]:
        """How an output was computed, for its record; where nodes may differ, with the node and its own versions."""
        if not self._mixed:
            return computed
        own = {name: version for name, version in versions.items() if self._own.get(name) != version}
        return {**own, **computed, "node": node}


def _difference(names: Iterable[str], there: Mapping[str, str], here: Mapping[str, str], *, mixed: bool) -> str | None:
    """The first of the values that differs and must not, in words."""
    for name in sorted(names):
        if there.get(name) == here.get(name):
            continue
        if name in _ALWAYS:
            return f"{name} is {there.get(name)} there and {here.get(name)} here"
        if not mixed:
            return f"{name} is {there.get(name)} there and {here.get(name)} elsewhere ({_MIXED})"
    return None
