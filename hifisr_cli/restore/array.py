"""Restoring a recording that is already in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import resample
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.errors import EmptyAudioError, NonFiniteError, UsageError
from hifisr_cli.restore.blocks import stream
from hifisr_cli.restore.survey import survey
from hifisr_cli.restore.windows import CHUNK_SECONDS
from hifisr_cli.results import SAMPLE_RATE, Bandwidth


@dataclass(frozen=True, slots=True, eq=False)
class RestoredArray:
    """A restored recording.

    Attributes:
        audio: [C, T] at 48 kHz, or [T] when one dimension came in.
        bandwidth: the detected or given cutoff.
        restored: False where there was nothing to restore and `audio` is the resampled input.
    """

    audio: Wave
    bandwidth: Bandwidth
    restored: bool
    sample_rate: int = SAMPLE_RATE


def restore_array(
    audio: Wave,
    sample_rate: int,
    *,
    model: Engine,
    cutoff_hz: float | None = None,
    chunk_seconds: float = CHUNK_SECONDS,
    batch_size: int | None = None,
) -> RestoredArray:
    """Restores a recording [T] or [C, T] to 48 kHz.

    Raises:
        UsageError: not one or two dimensions, or chunks of no length.
        EmptyAudioError: no samples.
        NonFiniteError: NaN or infinite samples.
    """
    if audio.ndim not in (1, 2):
        raise UsageError(f"audio has {audio.ndim} dimensions", hint="give samples, or channels x samples")
    channels = np.atleast_2d(np.asarray(audio, dtype=np.float32))
    if not channels.size:
        raise EmptyAudioError("the recording holds no samples")
    if not np.isfinite(channels).all():
        raise NonFiniteError("the recording holds NaN or infinite samples")
    surveyed = survey([channels], sample_rate, cutoff_hz=cutoff_hz)
    if surveyed.restorable:
        stretches = stream(
            [channels],
            sample_rate,
            surveyed.restoration(model.level_rms),
            model=model,
            chunk_seconds=chunk_seconds,
            batch_size=batch_size,
        )
        output = np.concatenate([stretch.output for stretch in stretches], axis=1)
    else:
        output = resample(channels, sample_rate)
    return RestoredArray(output if audio.ndim == 2 else output[0], surveyed.bandwidth, surveyed.restorable)
