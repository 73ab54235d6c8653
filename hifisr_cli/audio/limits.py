"""What a recording may be at most: one place, one line of words each."""

from __future__ import annotations

from pathlib import Path

from hifisr_cli.audio.resample import MAX_RATE, MIN_RATE
from hifisr_cli.errors import UnsupportedError

MAX_CHANNELS = 8


def check_limits(path: Path, *, sample_rate: int, channels: int) -> None:
    """Refuses what no recording has, and what would need too much memory.

    Raises:
        UnsupportedError: no or more than 8 channels, or a sample rate below 1 or above 768 kHz.
    """
    if not 1 <= channels <= MAX_CHANNELS:
        raise UnsupportedError(
            f"has {channels} channels; 1 to {MAX_CHANNELS} are supported", path=path, hint="split it first"
        )
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise UnsupportedError(
            f"says that its sample rate is {sample_rate} Hz; {MIN_RATE} to {MAX_RATE} Hz are supported",
            path=path,
            hint="the header may be damaged",
        )
