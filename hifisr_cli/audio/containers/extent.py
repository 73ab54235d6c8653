"""How much of a recording a file holds, as far as its structure tells it without decoding a sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from hifisr_cli.audio.completeness import Damage
from hifisr_cli.audio.containers.signatures import TAGS, ReadAt, kind_of


@dataclass(frozen=True, slots=True)
class Extent:
    """What is so.

    Attributes:
        frames: samples a channel, to the sample, where the header counts them. An estimate is None.
        skipped: samples that a decoder gives before them, its delay; if any, it gives more behind them, too.
        bits: bits a sample that the header states; None where it does not.
        damage: what is missing.
        end: where the last whole piece ends, in front of what no decoder should see. None: at the end of the file.
        pieces: where stretches of the sound stand, and how many bytes each has, where a table tells.
        codec: what that table calls them.
        notes: one line each.
    """

    frames: int | None = None
    bits: int | None = None
    damage: Damage | None = None
    end: int | None = None
    pieces: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    codec: bytes = b""
    notes: tuple[str, ...] = ()
    skipped: int = 0


WHOLE = Extent()
"""Nothing is known to be missing."""


def cut_short(detail: str = "it ends in the middle", have: float | None = None) -> Extent:
    """What ends before its structure does."""
    return Extent(damage=Damage(detail, have))


def ends_at(end: int, size: int) -> Extent:
    """What ends in the middle of its last piece, as recordings of what was sent do: a word about the rest."""
    count = "1 byte" if size - end == 1 else f"{size - end} bytes"
    return Extent(end=end, notes=(f"{count} at its end, less than a block of sound: left out",))


def left_behind(end: int, read: ReadAt, size: int) -> Extent:
    """What ends before the file does: a word about the rest, unless it is a tag or zeros."""
    head = read(end, 1 << 16)
    behind = end
    if head.startswith(b"APETAGEX"):  # 32 bytes, and so many more
        behind += 32 + int.from_bytes(head[12:16], "little")
        head = read(behind, 1 << 16)
    kind = kind_of(head)
    what = "another recording" if kind is not None and not kind.by_chance else "no sound"
    told = any(head) and not head.startswith(TAGS)
    return Extent(end=end, notes=(f"{size - behind} bytes at its end are {what} and were left out",) if told else ())
