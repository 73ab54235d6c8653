"""Texts in the headers of plain kinds of files: CAF, AU, AIFF, 8SVX, VOC, SPHERE.

Layouts: Apple CAF 1.0, Sun's audio file format, AIFF 1.3, EA IFF 85, Creative's VOC, NIST SPHERE 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hifisr_cli.audio.containers.riff import LAYOUTS, Chunk, Layout, plausible, walk_chunks
from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.audio.metadata.tags import AIFF_TEXTS, COMMENT, MAX_TAG, Tags, cleaned, listed

_CAF_NAMES = {
    "TRACK NUMBER": "TRACKNUMBER",
    "YEAR": "DATE",
    "RECORDED DATE": "DATE",
    "COMMENTS": COMMENT,
    "KEY SIGNATURE": "KEY",
    "TEMPO": "BPM",
    "ENCODING APPLICATION": "ENCODER",
    "SOURCE ENCODER": "ENCODER",
    "APPROXIMATE DURATION IN SECONDS": "LENGTH",
    "NOMINAL BIT RATE": "ENCODING",
    "CHANNEL LAYOUT": "ENCODING",
}
_SILENT = frozenset(
    {b"desc", b"data", b"pakt", b"kuki", b"free", b"chan", b"peak", b"ovvw", b"info"}
    | {b"COMM", b"SSND", b"FVER", b"VHDR", b"BODY", b"CHAN", b"PEAK", b"fact", b"fmt ", b"PAD ", b"JUNK"}
)
"""Chunks that tell of the sound, or are read."""

_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9 _-]{0,40})=(.*)")
_SPHERE = re.compile(r"(\S+) -s\d+ (.*)")
_MOST_BLOCKS = 10_000


def caf_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The strings of a CAF file's `info` chunk. Chunks that are not carried become a note."""
    places = list(walk_chunks(read, LAYOUTS["CAF"]))
    texts: list[tuple[str, str]] = []
    for place in places:
        if place.name == b"info" and 4 <= place.length <= MAX_TAG:
            parts = read(place.start + 4, place.length - 4).split(b"\0")
            words = [part.decode("utf-8", "replace") for part in parts]
            texts += [
                (_CAF_NAMES.get(name.upper(), name), text) for name, text in zip(words[::2], words[1::2], strict=False)
            ]
    note_chunks((place.name for place in places), notes)
    return Tags(tuple(cleaned(texts)))


def svx_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The texts of an IFF file whose sound is not that of AIFF."""
    places = list(walk_chunks(read, LAYOUTS["AIFF"]))
    known = [place for place in places if place.name in AIFF_TEXTS and 0 < place.length <= MAX_TAG]
    note_chunks((place.name for place in places if place.name not in AIFF_TEXTS), notes)
    return Tags(tuple(cleaned((AIFF_TEXTS[place.name], text_of(read(place.start, place.length))) for place in known)))


def big_endian_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The chunks of a WAV file that begins with the upper bytes are told of; nothing reads them."""
    note_chunks((place.name for place in walk_chunks(read, Layout(12, 8, "big", 2))), notes)
    return Tags()


def au_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The annotation of an AU file, which may be lines of names and values."""
    del notes
    start = int.from_bytes(read(4, 4), "big")
    text = text_of(read(24, start - 24)) if 24 < start <= MAX_TAG else ""
    lines = text.split("\0", 1)[0].strip().splitlines()
    pairs = [match for line in lines if (match := _PAIR.fullmatch(line.strip()))]
    if lines and len(pairs) == len(lines):
        return Tags(tuple(cleaned((match[1], match[2]) for match in pairs)))
    return Tags(tuple(cleaned([(COMMENT, "\n".join(lines))])))


def voc_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The texts of a VOC file, which stand among its blocks of sound."""
    position = int.from_bytes(read(20, 2), "little")
    texts, markers = [], 0
    for _ in range(_MOST_BLOCKS):
        head = read(position, 4)
        if len(head) < 4 or head[0] == 0:
            break
        size = int.from_bytes(head[1:], "little")
        markers += head[0] == 4
        if head[0] == 5:
            texts.append((COMMENT, text_of(read(position + 4, size).split(b"\0", 1)[0])))
        position += 4 + size
    if markers:
        notes.append("its markers were left out")
    return Tags(tuple(cleaned(texts)))


def sphere_tags(read: ReadAt, notes: list[str]) -> Tags:
    """The strings of a SPHERE file's header, but for those that say how its samples are written."""
    del notes
    size = read(8, 8).strip()
    lines = text_of(read(16, min(int(size), 1 << 16) - 16)).splitlines() if size.isdigit() else []
    end = lines.index("end_head") if "end_head" in lines else len(lines)
    pairs = [match for line in lines[:end] if (match := _SPHERE.fullmatch(line.strip()))]
    kept = [(match[1], match[2]) for match in pairs if not match[1].startswith(("sample_", "channel"))]
    return Tags(tuple(cleaned(kept)))


def note_chunks(names: Iterable[bytes], notes: list[str]) -> None:
    """A note about chunks that are not carried."""
    lost = [Chunk(name, b"").label for name in names if name not in _SILENT and plausible(name)]
    if lost:
        notes.append(f"chunks that are not carried were left out: {listed(lost)}")


def text_of(data: bytes) -> str:
    """Text of an encoding that nothing tells."""
    data = data.rstrip(b"\0")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("mac-roman")
