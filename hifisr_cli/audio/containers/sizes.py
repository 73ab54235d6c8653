"""The sizes that a header states against what is in the file: where its samples really end.

A recorder that died between two updates of its header, a size of 32 bits that went round at 4 GB, and a length that was
never filled in all leave sound behind the stated end. What follows a true end is nothing, chunks, or something that is
known to be no sound. All else is sound.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hifisr_cli.audio.completeness import Damage, shortfall
from hifisr_cli.audio.containers.riff import (
    FILES,
    LAYOUTS,
    OPEN_LENGTH,
    SOUND,
    ChunkPlace,
    Layout,
    is_known,
    plausible,
    walk_chunks,
)
from hifisr_cli.audio.containers.signatures import TAGS, ReadAt, kind_of

_PIECE = 1 << 20
FEW = 256
"""Fewer bytes than this behind the samples are rather a rest of something than a rest of the sound."""
_HEADERS = (8, 36, 44)
"""Bytes that programs forget or count twice: of a chunk's header, of a WAV file's with and without one."""
_LOUDEST = 1e4
"""No floating-point sample is 80 dB above full scale; half of all random bytes are."""
_TEXTS = (b"<?xm", b"<x:x", b"3DI", b"\xef\xbb\xbf")


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is so.

    Attributes:
        places: the chunks, that of the samples as long as it is.
        stated_share: what the header states of what there is; below 1 where it states less.
        odd: it is not as a decoder expects it (`rebuild`).
        damage: what is missing at the end.
        notes: one line each.
    """

    places: tuple[ChunkPlace, ...]
    stated_share: float = 1.0
    odd: bool = False
    damage: Damage | None = None
    notes: tuple[str, ...] = ()


def find_sizes(kind: str, places: Sequence[ChunkPlace], read: ReadAt, size: int) -> Sizes:
    """What is true of a file of `size` bytes that has these chunks (`riff.walk_chunks`).

    Args:
        kind: a name in `LAYOUTS`, or "AU", whose header is taken for a chunk (`au_place`).
    """
    places = tuple(places)
    index = next((index for index, place in enumerate(places) if place.name in SOUND), None)
    if index is None:
        return Sizes(places, damage=None if _says_empty(kind, places, read) else Damage("it ends in the middle"))
    sound, have = places[index], size - places[index].start
    if sound.open and have < OPEN_LENGTH:
        return Sizes(places)
    found = _short(places, sound, read, have) if sound.length > have else _long(kind, places, index, read, size)
    return replace(found, odd=found.odd or _lacks_padding(places, LAYOUTS.get(kind)))


def _lacks_padding(places: Sequence[ChunkPlace], layout: Layout | None) -> bool:
    if layout is None:
        return False
    ends = [place.start + place.length + -place.length % layout.align for place in places]
    return any(end + layout.header != after.start for end, after in zip(ends, places[1:], strict=False))


def _short(places: tuple[ChunkPlace, ...], sound: ChunkPlace, read: ReadAt, have: int) -> Sizes:
    """A file that ends before its samples should."""
    missing = sound.length - have
    if is_miscount(missing, block_bytes(places, read), sound.start):
        return Sizes(places, notes=(miscounted(missing),))
    return Sizes(places, damage=shortfall(sound.length, have))


def is_miscount(missing: int, block: int, start: int) -> bool:
    """Whether so few bytes are missing that it is rather the header that is wrong.

    Args:
        missing: bytes.
        block: bytes that belong together.
        start: of the samples: the bytes that a program counts which takes the size of the file for theirs.
    """
    return missing < block or missing < _HEADERS[0] or missing in (*_HEADERS, start, start - 8)


def miscounted(missing: int) -> str:
    """A word about it."""
    count = "1 byte" if missing == 1 else f"{missing} bytes"
    return f"its header counts {count} of sound more than there are"


def _long(kind: str, places: tuple[ChunkPlace, ...], index: int, read: ReadAt, size: int) -> Sizes:
    """A file that ends where its samples do, or goes on behind that: with what is none, or with more of them."""
    end = places[index].start + places[index].length
    layout, form = LAYOUTS.get(kind), _float_form(places, read)
    if end < size and index == len(places) - 1 and block_bytes(places, read) == 0 and size - end < FEW:
        return _lengthened(places, index, size)  # a packet of a codec whose packets differ would be cut
    if _is_end(places[index + 1 :], read, end, size, form=form, length=places[index].length):
        rest = read(_end_of(places, layout), FEW)
        odd = bool(rest) or any(
            place.name in FILES or not place.name or not 0 <= place.length <= size - place.start for place in places
        )
        notes = _of_silence(read, end, size)
        if layout is None and any(rest):  # of others the chunks are looked through
            notes = (f"{size - end} bytes at its end are no sound and were left out",)
        return Sizes(places, odd=odd, notes=notes)
    if layout is not None and layout.header == 8:  # sizes of 32 bits
        for turned in range(end + (1 << 32), size, 1 << 32):
            after = tuple(walk_chunks(read, layout, turned + turned % 2, after_sound=True))
            if after and _is_end(after, read, turned, size):
                return _lengthened((*places[: index + 1], *after), index, turned)
    return _lengthened(places[: index + 1], index, size)


def _lengthened(places: tuple[ChunkPlace, ...], index: int, end: int) -> Sizes:
    """The file with its samples up to `end`."""
    sound = places[index]
    true = replace(sound, length=end - sound.start, open=False)
    return Sizes((*places[:index], true, *places[index + 1 :]), sound.length / true.length, odd=True)


def _end_of(places: Sequence[ChunkPlace], layout: Layout | None) -> int:
    last = places[-1]
    return last.start + last.length + (0 if layout is None else -last.length % layout.align)


def au_place(read: ReadAt, start: int) -> ChunkPlace:
    """The header of an AU file as the place of its samples."""
    head = read(start, 12)
    length = int.from_bytes(head[8:12], "big")
    return ChunkPlace(b"data", start + int.from_bytes(head[4:8], "big"), length, length >= OPEN_LENGTH)


def _says_empty(kind: str, places: Sequence[ChunkPlace], read: ReadAt) -> bool:
    """An AIFF file without samples has no chunk of samples either."""
    common = next((place for place in places if place.name == b"COMM"), None)
    return kind in ("AIFF", "AIFC") and common is not None and read(common.start + 2, 4) == bytes(4)


def block_bytes(places: Sequence[ChunkPlace], read: ReadAt) -> int:
    """Bytes that belong together: of a sample in all channels, or of a codec's block."""
    for place in places:
        if place.name == b"fmt ":
            return int.from_bytes(read(place.start + 12, 2), "little")
        if place.name == b"COMM":
            body = read(place.start, 8)
            return int.from_bytes(body[:2], "big") * -(-int.from_bytes(body[6:8], "big") // 8)
        if place.name == b"desc":  # CAF: bytes a packet
            return int.from_bytes(read(place.start + 16, 4), "big")
    return 1


def _is_end(after: Sequence[ChunkPlace], read: ReadAt, end: int, size: int, *, form: str = "", length: int = 0) -> bool:
    """Whether the sound, `length` bytes of numbers of this form, may end at `end`, which these chunks follow."""
    rest = size - end
    if rest < FEW and rest not in _HEADERS:
        return True
    if any(is_known(place.name) or not place.name for place in after[:1]):
        return True
    if any(place.length for place in after) and all(  # an empty one alone may be samples by chance
        plausible(place.name) and 0 <= place.length <= size - place.start for place in after
    ):
        return True
    head = read(end, FEW)
    if is_no_sound(head) or not are_samples(head, form, length):
        return True
    return not any(head) and _all_zero(read, end, size)


def are_samples(head: bytes, form: str, length: int) -> bool:
    """Whether these bytes may be samples.

    Args:
        form: of floating-point ones, as `struct` has it ("<f", ">d"); all bytes may be integers.
        length: bytes of samples in front of them, the last of which may go on in them.
    """
    if not form:
        return True
    size = struct.calcsize(form)
    begin = -length % size
    numbers = struct.unpack_from(f"{form[0]}{max(0, len(head) - begin) // size}{form[1]}", head, min(begin, len(head)))
    return all(abs(number) < _LOUDEST for number in numbers)


def _float_form(places: Sequence[ChunkPlace], read: ReadAt) -> str:
    """How floating-point samples are stored, see `are_samples`; "" for others."""
    for place in places:
        if place.name == b"fmt ":
            body = read(place.start, 26)
            tag, bits = body[24:26] if body[:2] == b"\xfe\xff" else body[:2], int.from_bytes(body[14:16], "little")
            return {32: "<f", 64: "<d"}.get(bits, "") if tag == b"\x03\0" else ""
        if place.name == b"COMM":
            return {b"fl32": ">f", b"fl64": ">d"}.get(read(place.start + 18, 4).lower(), "")
    return ""


def is_no_sound(head: bytes) -> bool:
    """Whether these bytes, behind samples, begin a tag, another file or a text."""
    kind = kind_of(head)
    another = kind is not None and not kind.by_chance
    return any(head) and (another or head.lstrip(b"\0").startswith((*TAGS, *_TEXTS)) or _is_text(head))


def _is_text(head: bytes) -> bool:
    return all(byte in b"\t\n\r" or 0x20 <= byte < 0x7F for byte in head.rstrip(b"\0"))


def _all_zero(read: ReadAt, start: int, end: int) -> bool:
    return not any(any(read(place, min(_PIECE, end - place))) for place in range(start, end, _PIECE))


def _of_silence(read: ReadAt, end: int, size: int) -> tuple[str, ...]:
    """A word about zeros behind the samples where they are more than filling."""
    many = size - end > _PIECE and not any(read(end, FEW)) and _all_zero(read, end, size)
    return (f"{size - end} bytes of digital silence behind its end were left out",) if many else ()
