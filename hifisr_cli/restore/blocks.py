"""Restoring a stream of blocks in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import Resampler
from hifisr_cli.engines.protocol import Engine
from hifisr_cli.restore.batches import Restored, compute, tasks
from hifisr_cli.restore.survey import Restoration
from hifisr_cli.restore.windows import CHUNK_SECONDS
from hifisr_cli.results import SAMPLE_RATE


def resampled(blocks: Iterable[Wave], sample_rate: int, resampler: Resampler | None = None) -> Iterator[Wave]:
    """Blocks [C, T] at any rate -> blocks [C, T'] at 48 kHz, to the end of what `resampler` (or a new one) holds."""
    for block in blocks:
        if resampler is None:
            resampler = Resampler(sample_rate, SAMPLE_RATE, block.shape[0])
        out = resampler.push(block)
        if out.shape[1]:
            yield out
    if resampler is not None:
        out = resampler.finish()
        if out.shape[1]:
            yield out


def restore_blocks(
    blocks: Iterable[Wave],
    engine: Engine,
    restoration: Restoration,
    *,
    chunk_seconds: float = CHUNK_SECONDS,
    batch_size: int | None = None,
) -> Iterator[Restored]:
    """Restores blocks [C, T] at 48 kHz of any length, in constant memory; as many samples come out as went in.

    The arguments are those of `batches.tasks`.
    """
    for group in tasks(blocks, engine, restoration, chunk_seconds=chunk_seconds, batch_size=batch_size):
        yield from compute(group, engine, batch_size)


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
