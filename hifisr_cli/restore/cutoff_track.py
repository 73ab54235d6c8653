"""A cutoff that the user gives as a track: where the content of each channel ends, and from when on.

As a file it is CSV: start seconds, channel or `*`, Hz or `full`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.errors import UnsupportedError, UsageError, reason_of
from hifisr_cli.results import Stretch

GIVEN_HZ = (100.0, 24_000.0)
"""What a cutoff that is given may be, in Hz."""

_COLUMNS = ("start_seconds", "channel", "hz")
_ALL, _FULL = "*", "full"
_LONGEST = 1 << 20
"""Bytes of a file, some 50,000 rows: anything longer is something else, and not read to its end."""
_HINT = "a row is seconds,channel,Hz, such as 12.5,*,3400 or 30,2,full"


@dataclass(frozen=True, slots=True)
class CutoffRow:
    """Where the content of a channel ends until its next row.

    Attributes:
        start_seconds: from when on.
        channel: counted from 1; None stands for all channels that have no rows of their own.
        cutoff_hz: None where nothing is missing, and nothing is to be added.
    """

    start_seconds: float
    channel: int | None
    cutoff_hz: float | None

    def __post_init__(self) -> None:
        """Raises UsageError: a value that cannot be."""
        if not 0.0 <= self.start_seconds < float("inf"):
            raise UsageError(f"{self.start_seconds:g} is no time in seconds", hint=_HINT)
        if self.channel is not None and self.channel < 1:
            raise UsageError("channels are counted from 1", hint=_HINT)
        if self.cutoff_hz is not None and not GIVEN_HZ[0] <= self.cutoff_hz <= GIVEN_HZ[1]:
            raise UsageError("a cutoff of {:g} Hz is not within {:g} to {:g} Hz".format(self.cutoff_hz, *GIVEN_HZ))


@dataclass(frozen=True, slots=True)
class CutoffTrack:
    """Where content ends, in rows of any order.

    A channel that has rows of its own goes by them alone, every other channel by those for all. What lies before the
    first row is like what comes after it.
    """

    rows: tuple[CutoffRow, ...]

    @classmethod
    def of(cls, stretches: Iterable[Stretch]) -> CutoffTrack:
        """What was measured, to the millisecond and to a tenth of a Hz; what would not be restored is `full`."""
        return cls(
            tuple(
                CutoffRow(
                    round(each.start_seconds, 3),
                    each.channel,
                    round(each.bandwidth.cutoff_hz, 1) if each.bandwidth.restorable else None,
                )
                for each in stretches
            )
        )

    def changes(self, channel: int, seconds: float) -> tuple[tuple[float, float | None], ...]:
        """The stretches of a channel: when each begins, and its cutoff in Hz (None: full band).

        Args:
            channel: counted from 1.
            seconds: how long the recording is; what is said of later times is left out.
        """
        own = [row for row in self.rows if row.channel == channel] or [row for row in self.rows if row.channel is None]
        found: list[tuple[float, float | None]] = []
        for row in sorted(own, key=lambda row: row.start_seconds):
            start = row.start_seconds if found else 0.0
            if start < seconds and (not found or found[-1][1] != row.cutoff_hz):
                found.append((start, row.cutoff_hz))
        return tuple(found)

    def check_channels(self, channels: int, path: Path | None = None) -> None:
        """Raises UnsupportedError: it speaks of channels that the recording has not, or is silent about one."""
        named = {row.channel for row in self.rows}
        highest = max((channel for channel in named if channel is not None), default=0)
        if highest > channels:
            has = "1 channel" if channels == 1 else f"{channels} channels"
            raise UnsupportedError(f"has {has}, but the cutoff track speaks of channel {highest}", path=path)
        silent = [channel for channel in range(1, channels + 1) if channel not in named]
        if silent and None not in named:
            hint = f"give it rows, or rows for {_ALL}"
            raise UnsupportedError(f"the cutoff track says nothing of channel {silent[0]}", path=path, hint=hint)

    def to_csv(self) -> str:
        """The rows as lines that `parse_cutoff_track` reads, below a line with the names of the columns."""
        lines = [",".join(_COLUMNS)]
        for row in self.rows:
            channel = _ALL if row.channel is None else str(row.channel)
            cutoff = _FULL if row.cutoff_hz is None else _digits(row.cutoff_hz)
            lines.append(f"{_digits(row.start_seconds)},{channel},{cutoff}")
        return "".join(f"{line}\n" for line in lines)


def read_cutoff_track(path: Path) -> CutoffTrack:
    """The track in a file. Raises UsageError: it cannot be read, or what `parse_cutoff_track` raises."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"the cutoff track cannot be read: {reason_of(error)}", path=path) from error
    except UnicodeDecodeError as error:
        raise UsageError("is no text, and so no cutoff track", path=path, hint=_HINT) from error
    if len(data) > _LONGEST:
        raise UsageError("is too long for a cutoff track", path=path, hint=_HINT)
    try:
        return parse_cutoff_track(text)
    except UsageError as error:
        error.path = str(path)
        raise


def parse_cutoff_track(text: str) -> CutoffTrack:
    """Reads rows of CSV, in order of channel and time.

    The names of the columns may stand above them; what follows a `#` is a comment.

    Raises:
        UsageError: a line that is no row, says which; or there is none.
    """
    rows: dict[tuple[int, float], tuple[CutoffRow, int]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        cells = [cell.strip().strip('"') for cell in line.partition("#")[0].split(",")]
        if cells == [""] or (not rows and tuple(cell.lower() for cell in cells) == _COLUMNS):
            continue
        try:
            row = _row(cells)
        except UsageError as error:
            error.message = f"line {number}: {error.message}"
            raise
        place = (row.channel or 0, row.start_seconds)
        if place in rows:
            raise UsageError(f"line {number}: says again from when on line {rows[place][1]} holds, of the same channel")
        rows[place] = row, number
    if not rows:
        raise UsageError("holds no row of a cutoff track", hint=_HINT)
    return CutoffTrack(tuple(rows[place][0] for place in sorted(rows)))


def _row(cells: list[str]) -> CutoffRow:
    if len(cells) != len(_COLUMNS):
        values = "1 value" if len(cells) == 1 else f"{len(cells)} values"
        raise UsageError(f"{values} instead of {len(_COLUMNS)}", hint=_HINT)
    start, channel, cutoff = cells
    if channel != _ALL and not re.fullmatch(r"\d{1,4}", channel, re.ASCII):
        raise UsageError(f"{channel!r} is neither a channel, counted from 1, nor {_ALL}", hint=_HINT)
    return CutoffRow(
        _number(start), None if channel == _ALL else int(channel), None if cutoff.lower() == _FULL else _number(cutoff)
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no number", hint=_HINT) from error


def _digits(value: float) -> str:
    """As few as give the same number again."""
    return repr(value).removesuffix(".0")
