"""Restoring sound from memory: a whole recording, or one that comes in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import resample, resampled
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.errors import EmptyAudioError, NonFiniteError, UsageError
from hifisr_cli.restore.batches import Restored, restore_blocks
from hifisr_cli.restore.cutoff_track import CutoffTrack
from hifisr_cli.restore.line import AboveCutoff
from hifisr_cli.restore.survey import CutoffChoice, Restoration, survey
from hifisr_cli.restore.windows import CHUNK_SECONDS
from hifisr_cli.results import SAMPLE_RATE, Bandwidth, Stretch


@dataclass(frozen=True, slots=True, eq=False)
class RestoredArray:
    """A restored recording.

    Attributes:
        audio: [C, T] at 48 kHz, or [T] when one dimension came in.
        bandwidth: the detected or given cutoff: that of most of what is restored.
        stretches: all of it in parts of one cutoff each, by channel and time.
        restored: False where there was nothing to restore and `audio` is the resampled input.
    """

    audio: Wave
    bandwidth: Bandwidth
    restored: bool
    stretches: tuple[Stretch, ...]
    sample_rate: int = SAMPLE_RATE


def restore_array(
    audio: Wave,
    sample_rate: int,
    *,
    model: Engine,
    cutoff_hz: float | None = None,
    cutoff_track: CutoffTrack | None = None,
    above_cutoff: AboveCutoff = "auto",
    chunk_seconds: float = CHUNK_SECONDS,
    batch_size: int | None = None,
) -> RestoredArray:
    """Restores a recording [T] or [C, T] to 48 kHz.

    Raises:
        UsageError: not one or two dimensions, chunks of no length, or a cutoff in two ways.
        UnsupportedError: the track is not for these channels.
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
    if cutoff_track is not None:
        if cutoff_hz is not None:
            raise UsageError("a cutoff and a cutoff track contradict each other", hint="give one of them")
        cutoff_track.check_channels(len(channels))
    surveyed = survey([channels], sample_rate, choice=CutoffChoice(cutoff_hz, cutoff_track, above_cutoff))
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
    output = output if audio.ndim == 2 else output[0]
    return RestoredArray(output, surveyed.bandwidth, surveyed.restorable, surveyed.stretches)


def stream(
    blocks: Iterable[Wave],
    sample_rate: int,
    restoration: Restoration,
    *,
    model: Engine,
    chunk_seconds: float = CHUNK_SECONDS,
    batch_size: int | None = None,
) -> Iterator[Restored]:
    """Restores float32 blocks [C, T] of any length as they come.

    Args:
        sample_rate: of the blocks, in Hz; the output is at 48 kHz, round(n 48000 / rate) samples in all.
        restoration: where the content ends, and the gain to the level of the engine (about -26 dBFS of active level).
        chunk_seconds: memory and delay against speed; the output does not depend on it.
        batch_size: windows that are computed together; None leaves it to the engine.
    """
    wide = resampled(blocks, sample_rate)
    return restore_blocks(wide, model, restoration, chunk_seconds=chunk_seconds, batch_size=batch_size)
