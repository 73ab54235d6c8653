"""The values of --loudness and --true-peak."""

from __future__ import annotations

import math
from typing import Literal

from hifisr_cli.errors import UsageError

_LOWEST_LUFS, _HIGHEST_LUFS = -60.0, -5.0
_LOWEST_DBTP, _HIGHEST_DBTP = -30.0, 0.0
_TARGET_CEILING_DBTP = -1.0
"""What goes with a target unless something else is said, as in EBU R 128."""


def parse_loudness(text: str) -> Literal["keep", "match"] | float:
    """The value of --loudness: keep, match, or LUFS."""
    if text == "keep":
        return "keep"
    if text == "match":
        return "match"
    value = _number(text)
    if not _LOWEST_LUFS <= value <= _HIGHEST_LUFS:
        raise UsageError(
            f"--loudness {text!r} is neither 'keep' nor 'match' nor a loudness from {_LOWEST_LUFS:g} to "
            f"{_HIGHEST_LUFS:g} LUFS",
            hint="say --loudness -23",
        )
    return value


def parse_true_peak(text: str | None, loudness: Literal["keep", "match"] | float) -> float | None:
    """The value of --true-peak in dBTP, None for no limit; where it is not given, by the loudness."""
    if text is None:
        return None if isinstance(loudness, str) else _TARGET_CEILING_DBTP
    if text == "off":
        return None
    value = _number(text)
    if not _LOWEST_DBTP <= value <= _HIGHEST_DBTP:
        raise UsageError(
            f"--true-peak {text!r} is neither 'off' nor a level from {_LOWEST_DBTP:g} to {_HIGHEST_DBTP:g} dBTP",
            hint="say --true-peak -1",
        )
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
