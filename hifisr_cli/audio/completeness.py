"""Whether a recording is whole: what it promises against what there is. One notion, whatever decodes it.

More than is promised is restored, with a word about it. Less is a recording that is incomplete, but for what no sound
is: a promise may count the delay of a codec or a header, and that is its slack.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """How long a recording says that it is.

    Attributes:
        frames: samples a channel.
        slack: so many of them may lack without a loss.
    """

    frames: int
    slack: int = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """What is known to be wrong before a sample is read.

    Attributes:
        detail: as the end of a sentence.
        have: share of the promised sound that is there, None where unknown.
    """

    detail: str
    have: float | None = None


def shortfall(promised: int, have: int) -> Damage | None:
    """The damage of sound of which `have` of `promised` bytes are there; None where it is all."""
    if promised <= have:
        return None
    share = max(0, have) / promised
    # Rounded down: what is incomplete is never "100.0 %".
    return Damage(f"it holds {int(1000 * share) / 10:.1f} % of the sound that its header promises", share)


def surplus(promised: int, done: int, sample_rate: int) -> str | None:
    """A word about a recording of `done` samples a channel that promises fewer; None for others."""
    if done <= promised:
        return None
    seconds, there = f"{promised / sample_rate:.3f} s", f"{done / sample_rate:.3f} s"
    if seconds == there:
        seconds, there = f"{promised} samples", f"{done}"
    return f"its header counts {seconds} of sound, but {there} are there: all of it was taken"


def broken_off(promised: int, done: int, sample_rate: int) -> str:
    """A recording of `done` samples a channel that promises more, as the end of a sentence."""
    seconds, whole = f"{done / sample_rate:.3f}", f"{promised / sample_rate:.3f}"
    return (
        f"it breaks off after {seconds} of {whole} s" if seconds != whole else f"{promised - done} samples are missing"
    )
