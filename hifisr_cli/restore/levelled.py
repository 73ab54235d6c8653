"""How loud an output is made: as it is, as its input was, or as asked, under a true-peak ceiling.

The loudness of an output is only known when all of it is restored. Where it matters, the restored sound waits in a
temporary file beside the output, 8 bytes a sample, and is written in a second pass with one gain for all of it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Protocol, Self

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.dsp.loudness.integrated import LoudnessMeter
from hifisr_cli.dsp.loudness.true_peak import TruePeakMeter, decibels
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.system.staged_file import PART_PREFIX, PART_SUFFIX, output_error

Loudness = Literal["keep", "match"] | float
"""The gain is exactly 1; the output gets the loudness of the input; or this one in LUFS."""

_STEPS_PER_DB = 10_000  # gains are whole steps, so that rounding errors far below hearing cannot change the bytes
_CLOSE_LU = 0.05


class Writer(Protocol):
    """An output that says how it encoded what it was given (`audio.output.output.Output`)."""

    def write(self, restored: Wave, original: Wave) -> Wave: ...


@dataclass(frozen=True, slots=True)
class Levels:
    """How loud an output became.

    Attributes:
        gain_db: applied to all of it.
        loudness_lufs: integrated loudness of what was written; None below -70 LUFS.
        true_peak_dbtp: of what was written; None for silence.
        note: why it is not as loud as asked, or None.
    """

    gain_db: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    note: str | None


class LevelledOutput:
    """Writes an output with the gain that its loudness asks for. Use it in a `with` statement, then ask `levels`.

    Args:
        output: where it goes.
        wanted: how loud it shall be.
        ceiling_dbtp: the gain is made small enough for the true peak to stay below; None for no limit.
        input_lufs: integrated loudness of the input, None where it has none.
        target: the output file, beside which the temporary one is made; None makes it where the system keeps such.
        compare: is told of every stretch as it was encoded, with the gain undone, and of the original there.
    """

    def __init__(
        self,
        output: Writer,
        wanted: Loudness,
        *,
        ceiling_dbtp: float | None,
        input_lufs: float | None,
        target: Path | None,
        compare: Callable[[Wave, Wave], None],
    ) -> None:
        self._output, self._wanted, self._ceiling = output, wanted, ceiling_dbtp
        self._input_lufs, self._target, self._compare = input_lufs, target, compare
        self._loudness, self._peak = LoudnessMeter(SAMPLE_RATE), TruePeakMeter(SAMPLE_RATE)
        self._gain_db = 0.0
        self._note: str | None = None
        self._resources = ExitStack()
        self._waiting: _Waiting | None = None

    def __enter__(self) -> Self:
        if self._wanted != "keep" or self._ceiling is not None:
            self._waiting = self._resources.enter_context(_Waiting(self._target))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._resources:
            if kind is None and self._waiting is not None:
                self._decide()
                self._loudness, self._peak = LoudnessMeter(SAMPLE_RATE), TruePeakMeter(SAMPLE_RATE)
                for finished, original in self._waiting.stretches():
                    self._write(finished, original)

    def write(self, finished: Wave, original: Wave) -> None:
        """Takes the next restored stretch and the resampled input there, both [C, T] at 48 kHz."""
        if self._waiting is None:
            self._write(finished, original)
            return
        self._loudness.push(finished)
        self._peak.push(finished)
        self._waiting.add(finished, original)

    def levels(self) -> Levels:
        """What became of it, once everything is written."""
        peak = decibels(self._peak.true_peak)
        return Levels(self._gain_db, self._loudness.integrated(), peak, self._note)

    def _write(self, finished: Wave, original: Wave) -> None:
        if self._gain_db == 0.0:
            encoded = plain = self._output.write(finished, original)
        else:
            factor = np.float32(10.0 ** (self._gain_db / 20.0))
            encoded = self._output.write(finished * factor, original * factor)
            plain = encoded / factor
        self._compare(plain, original)
        self._loudness.push(encoded)
        self._peak.push(encoded)

    def _decide(self) -> None:
        """The gain from what was measured in the first pass."""
        gain, goal = 0.0, self._goal()
        if self._wanted != "keep":
            found = None if goal is None else gain_to(self._loudness, goal)
            if found is None:
                self._note = "too quiet to have a loudness (below -70 LUFS): it was left as it is"
            else:
                gain = round(found * _STEPS_PER_DB) / _STEPS_PER_DB
        peak = decibels(self._peak.true_peak)
        if self._ceiling is not None and peak is not None and peak + gain > self._ceiling:
            gain = math.floor((self._ceiling - peak) * _STEPS_PER_DB) / _STEPS_PER_DB
            reached = self._loudness.integrated(gain)
            if goal is not None and reached is not None and goal - reached > _CLOSE_LU:
                self._note = (
                    f"the true-peak ceiling of {self._ceiling:g} dBTP keeps it at {reached:.1f} LUFS instead of "
                    f"{goal:.1f}"
                )
        self._gain_db = gain

    def _goal(self) -> float | None:
        if self._wanted == "keep":
            return None
        return self._input_lufs if self._wanted == "match" else self._wanted


def gain_to(meter: LoudnessMeter, lufs: float) -> float | None:
    """The gain in dB that brings what was measured to a loudness; None where it has none.

    Not simply the difference: quiet passages pass the absolute gate of the measurement when they are amplified.
    """
    gain = 0.0
    for _ in range(30):
        now = meter.integrated(gain)
        if now is None:
            return None
        gain += lufs - now
        if abs(lufs - now) < 0.1 / _STEPS_PER_DB:
            break
    return gain


class _Waiting:
    """Restored stretches and their originals in a temporary file that has no name and vanishes with the process."""

    def __init__(self, target: Path | None) -> None:
        self._target = target
        self._shapes: list[tuple[int, ...]] = []
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        folder = None if self._target is None else self._target.parent
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix=PART_PREFIX, suffix=PART_SUFFIX)
        except OSError as error:
            raise output_error(error, self._name()) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:  # the last of a full disk: what matters has been said
                if kind is None:
                    raise

    def add(self, finished: Wave, original: Wave) -> None:
        """Keeps a stretch; both [C, T]."""
        if self._file is None:
            raise ValueError("not open")
        try:
            for wave in (finished, original):
                self._file.write(np.ascontiguousarray(wave, np.float32).data)
        except OSError as error:
            raise output_error(error, self._name()) from error
        self._shapes.append(finished.shape)

    def stretches(self) -> Iterator[tuple[Wave, Wave]]:
        """What was kept, in order."""
        if self._file is None:
            raise ValueError("not open")
        try:
            self._file.seek(0)
        except OSError as error:
            raise output_error(error, self._name()) from error
        for shape in self._shapes:
            pair = np.frombuffer(self._file.read(8 * math.prod(shape)), np.float32).reshape(2, *shape)
            yield pair[0], pair[1]

    def _name(self) -> str:
        return tempfile.gettempdir() if self._target is None else str(self._target)
