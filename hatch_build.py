"""Copies the shipped checkpoints, models/ at the top of the checkout, into the wheel as hifisr_cli/models.

An editable install gets none: there the resolver finds the checkout's own models/ beside the package, and a copy
would be a twin that goes stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ModelsHook(BuildHookInterface):  # type: ignore[type-arg]  # the builder config's type is of no concern here
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        models = Path(self.root) / "models"
        if not (models / "registry.toml").is_file():
            raise FileNotFoundError(f"{models / 'registry.toml'} is missing: a wheel without a model restores nothing")
        build_data["force_include"][str(models)] = "hifisr_cli/models"
