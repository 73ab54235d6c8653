"""TensorBoard shows a run's losses, validation, sound and spectrograms. It needs the extra `tensorboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hifisr_cli.dsp.metrics.lsd import log_power
from hifisr_cli.engines.upsampler import Upsampler
from hifisr_cli.errors import UsageError
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.loop import StepReport
from hifisr_cli.train.validation import restored

_EVERY = 10  # steps between two points of a curve
_SHOWN_RATE = 8_000  # Hz; of the input of the pictures, the most usual one
_FLOOR = -8.0  # log10 power that is drawn black: the floor of the LSD
_TOP = 4.0  # and white: louder than speech at the network's level gets


class Board:
    """Writes what TensorBoard reads.

    Args:
        excerpts: held-out waveforms [T]; the first two are heard and seen whenever the run is validated.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, excerpts: list[NDArray[np.float32]]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UsageError("TensorBoard is not installed", hint="pip install 'hifisr[tensorboard]'") from error
        self._writer: Any = SummaryWriter(str(folder))
        self._excerpts = excerpts[:2]

    def take(self, report: StepReport, generator: Upsampler) -> None:
        """Takes the report of one step; `generator` is the one that was validated."""
        if report.step % _EVERY == 0:
            for name, value in (report.losses | {"seconds": report.seconds}).items():
                self._writer.add_scalar(f"train/{name}", value, report.step)
        if report.validation is None:
            return
        for name, value in report.validation.items():
            self._writer.add_scalar(f"validation/{name}", value, report.step)
        for index, excerpt in enumerate(self._excerpts):
            estimate, original = restored(generator, excerpt, _SHOWN_RATE)
            for kind, wave in (("restored", estimate), ("original", original)):
                self._writer.add_audio(f"{index}/{kind}", wave[None], report.step, SAMPLE_RATE)
                self._writer.add_image(f"{index}/{kind}", _picture(wave), report.step)

    def close(self) -> None:
        self._writer.close()


def _picture(wave: Tensor) -> Tensor:
    """[T] -> grey levels [1, K, F], high frequencies on top."""
    level = (log_power(wave) - _FLOOR) / (_TOP - _FLOOR)
    return torch.flip(level.clamp(0.0, 1.0), [0])[None]
