"""The chunks of a WAV-like input for a WAV or RF64 output: which are kept, changed for the new samples, or left out."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from hifisr_cli.audio.containers.riff import MAX_SIZE, Chunk, Chunks, plausible
from hifisr_cli.audio.metadata.bext import change_bext, new_bext
from hifisr_cli.audio.metadata.ixml import change_ixml, time_of_ixml
from hifisr_cli.audio.metadata.positions import SCALERS, TooFarError, scale_adtl
from hifisr_cli.audio.metadata.tags import add_comment, make_info
from hifisr_cli.audio.metadata.treatment import Treatment
from hifisr_cli.audio.metadata.xmp import change_xmp, time_of_xmp

EDITABLE = 1 << 24
"""Bytes of a chunk that is read into memory to be changed; larger ones are copied, or left out where that is wrong."""
_BUDGET = 4 * EDITABLE

SILENT = frozenset({b"fmt ", b"fact", b"data", b"ds64", b"PEAK", b"JUNK", b"junk", b"PAD ", b"FLLR", b"wavl", b"slnt"})
"""Written anew, filling, or a peak that anybody can find again."""
_STALE = frozenset({b"levl", b"md5 ", b"MD5 "})
"""Derived from the bytes of the old samples."""
_BOUND = frozenset({b"umid", b"UMID", b"r64m", b"strc"})
"""An identity of the old samples, and positions among them in layouts that nobody documents or uses."""

_EDITORS = {b"bext": change_bext, b"iXML": change_ixml, b"_PMX": change_xmp}
"""What changes a chunk, by its name. Raises ValueError where it is damaged."""


@dataclass(slots=True)
class _Carrier:
    treatment: Treatment
    notes: list[str]
    left_out: list[str] = field(default_factory=list)
    budget: int = _BUDGET
    commented: bool = False

    def carry(self, chunk: Chunk) -> Chunk | None:
        if chunk.name in SILENT or not plausible(chunk.name):
            return None
        stale = chunk.name in _STALE or (chunk.name in _BOUND and not self.treatment.same_samples)
        if stale or chunk.size > MAX_SIZE - 8:
            self.left_out.append(chunk.label)
            return None
        kind = chunk.name
        if chunk.name == b"LIST":
            kind = _list_type(chunk)
        if kind not in (b"INFO", b"adtl", *_EDITORS, *SCALERS):
            return chunk
        return self._edited(chunk, kind)

    def _edited(self, chunk: Chunk, kind: bytes) -> Chunk | None:
        label = kind.decode("ascii").strip()
        counts = kind not in (b"INFO", b"bext")
        if chunk.size > min(EDITABLE, self.budget):
            if counts and not self.treatment.same_rate:
                self.notes.append(f"its {label} chunk is too large to be changed for 48 kHz and was left out")
                return None
            self.notes.append(f"its {label} chunk is too large to be changed and was copied as it is")
            return chunk
        self.budget -= chunk.size
        body = chunk.read()
        try:
            return Chunk(chunk.name, self._changed(body, kind))
        except TooFarError:
            self.notes.append(f"its {label} chunk was left out: at 48 kHz a position does not fit into it")
            return None
        except (ValueError, struct.error):
            if counts and not self.treatment.same_rate:
                self.notes.append(f"its {label} chunk is damaged and was left out")
                return None
            self.notes.append(f"its {label} chunk is damaged and was copied as it is")
            return Chunk(chunk.name, body)

    def _changed(self, body: bytes, kind: bytes) -> bytes:
        if kind in _EDITORS:
            return _EDITORS[kind](body, self.treatment, self.notes)
        if kind == b"INFO":
            statement = self.treatment.statement
            if statement is None or self.commented:
                return body
            changed = add_comment(body, statement)
            self.commented = True
            return changed
        if self.treatment.same_rate:
            return body
        return scale_adtl(body, self.treatment) if kind == b"adtl" else SCALERS[kind](body, self.treatment)


def carry_chunks(chunks: Chunks, treatment: Treatment, notes: list[str]) -> tuple[list[Chunk], list[Chunk]]:
    """The output's chunks before and after its samples: `bext` and `iXML` first, the others as they stood.

    A restored output gets a `bext` and a comment in LIST INFO where the input had none: the first is where archives
    look for a coding history, the second is what everybody's player shows.
    """
    carrier = _Carrier(treatment, notes)
    before = [new for chunk in chunks.before if (new := carrier.carry(chunk)) is not None]
    after = [new for chunk in chunks.after if (new := carrier.carry(chunk)) is not None]
    if carrier.left_out:
        names = ", ".join(dict.fromkeys(carrier.left_out))
        notes.append(f"chunks that describe the input's samples were left out: {names}")
    if treatment.statement is not None:
        if not any(chunk.name == b"bext" for chunk in (*before, *after)):
            time = str(_stated_time((*before, *after)))
            before.insert(0, Chunk(b"bext", new_bext(treatment, [("TIME_REFERENCE", time)])))
        if not carrier.commented:
            before.append(Chunk(b"LIST", make_info([("COMMENT", treatment.statement)])[0]))
    first = [chunk for chunk in (*before, *after) if chunk.name == b"bext"]
    first += [chunk for chunk in before if chunk.name == b"iXML"]
    rest = [chunk for chunk in before if chunk.name not in (b"bext", b"iXML")]
    return first + rest, [chunk for chunk in after if chunk.name != b"bext"]


def _stated_time(chunks: Iterable[Chunk]) -> int:
    """The time reference of an output without a `bext` chunk: a new one must not contradict the others."""
    times = {b"iXML": time_of_ixml, b"_PMX": time_of_xmp}
    for chunk in chunks:
        if chunk.name in times and chunk.size <= EDITABLE:
            with contextlib.suppress(ValueError):
                if time := times[chunk.name](chunk.read()):
                    return time
    return 0


def _list_type(chunk: Chunk) -> bytes:
    """What a LIST is a list of."""
    if chunk.size < 4:
        return b""
    if isinstance(chunk.body, bytes):
        return chunk.body[:4]
    with chunk.body.path.open("rb") as file:
        file.seek(chunk.body.start)
        return file.read(4)
