"""The small model of the command's tests."""

from __future__ import annotations

from tests.cli.runs.conftest import checkpoint

__all__ = ["checkpoint"]
