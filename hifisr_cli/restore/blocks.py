"""Restoring a stream of blocks in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import Resampler
from hifisr_cli.restore.batches import Network, Restored, default_batch, restore_blocks
from hifisr_cli.restore.windows import CHUNK_SECONDS
from hifisr_cli.results import SAMPLE_RATE


def resampled(blocks: Iterable[Wave], sample_rate: int) -> Iterator[Wave]:
    """Blocks [C, T] at any rate -> blocks [C, T'] at 48 kHz."""
    resampler: Resampler | None = None
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


def stream(
    blocks: Iterable[Wave],
    sample_rate: int,
    *,
    model: Network,
    cutoff_hz: float,
    gain: float = 1.0,
    chunk_seconds: float = CHUNK_SECONDS,
    batch_size: int | None = None,
    kept_hz: float | None = None,
) -> Iterator[Restored]:
    """Restores float32 blocks [C, T] of any length as they come.

    Args:
        sample_rate: of the blocks, in Hz; the output is at 48 kHz, round(n 48000 / rate) samples in all.
        cutoff_hz: upper edge of the content (see `BandwidthMeter`).
        gain: brings the recording to about -26 dBFS of active level, where the network was trained; undone after it.
        chunk_seconds: memory and delay against speed; the output does not depend on it.
        batch_size: windows in one pass of the network; None chooses by device.
        kept_hz: up to where all of the recording is kept; None for 0.9 of the cutoff.
    """
    return restore_blocks(
        resampled(blocks, sample_rate),
        model,
        cutoff_hz=cutoff_hz,
        gain=gain,
        chunk_seconds=chunk_seconds,
        batch_size=batch_size or default_batch(model),
        kept_hz=kept_hz,
    )
