"""Weights that others published: which engine they are for."""

from __future__ import annotations

from pathlib import Path

from hifisr_cli.checkpoints.published import read_published
from hifisr_cli.engines.load import ENGINES, engine_module
from hifisr_cli.engines.protocol import EngineModule
from hifisr_cli.errors import ModelError


def engine_of(paths: list[Path]) -> EngineModule:
    """The engine whose `import_weights` takes these files.

    Raises:
        ModelError: a file is missing or damaged, or no engine knows them.
    """
    for name in ENGINES:
        module = engine_module(name)
        if module.recognises(paths):
            return module
    for path in paths:
        if not path.is_dir():
            read_published(path)  # says what is wrong with it
    raise ModelError(
        "no published weights that are known here",
        path=paths[0],
        hint="give the folder of MossFormer2_SR_48K or its two files, or AudioSR's pytorch_model.bin",
    )
