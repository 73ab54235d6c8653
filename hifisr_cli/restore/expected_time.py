"""How long an engine would take for recordings: measured in a window of noise, and only as much of it as tells."""

from __future__ import annotations

import contextlib
import time

import torch

from hifisr_cli.engines.protocol import Engine, WindowBatch
from hifisr_cli.restore.windows import CHUNK_SECONDS
from hifisr_cli.results import SAMPLE_RATE, FileResult

_TOLD = 0.15
"""Of a window is computed: the encoder and the first calls of a diffusion, which also bear the costs of a beginning."""
_LEVEL = 0.05
_CUTOFF_HZ = 8_000.0


class _EnoughError(Exception):
    """It has become clear how long a window takes."""


def window_seconds(engine: Engine) -> float:
    """Wall seconds that a window of one channel takes."""
    core, grid = _core(engine), engine.geometry.grid
    frames = -(-(core + 2 * engine.geometry.context) // grid)
    noise = _LEVEL * torch.randn(1, frames * grid, generator=torch.Generator().manual_seed(0))
    started, done = time.monotonic(), 1.0

    def hear(share: float) -> None:
        nonlocal done
        if share >= _TOLD:
            done = share
            raise _EnoughError

    cutoffs = torch.full((1, frames), _CUTOFF_HZ, device=engine.device)
    windows = WindowBatch(noise.to(engine.device), cutoffs, (-engine.geometry.context,), ("speech",), hear)
    with contextlib.suppress(_EnoughError):
        engine.generate(windows)
    return (time.monotonic() - started) / min(done, 1.0)


def windows_of(planned: FileResult, engine: Engine) -> int:
    """How many windows of one channel a recording has; none where nothing is to be restored."""
    if planned.kept_hz is None or planned.seconds is None or planned.info is None:
        return 0
    return planned.info.channels * -(-round(planned.seconds * SAMPLE_RATE) // _core(engine))


def _core(engine: Engine) -> int:
    return engine.geometry.core or round(CHUNK_SECONDS * SAMPLE_RATE)
