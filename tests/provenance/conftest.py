"""Output folders as those of the report's tests."""

from __future__ import annotations

from tests.report.conftest import restored

__all__ = ["restored"]
