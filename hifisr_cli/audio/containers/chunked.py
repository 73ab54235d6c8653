"""WAV, AIFF and CAF files of codecs that libsndfile does not know: whether they end where their chunks do."""

from __future__ import annotations

from hifisr_cli.audio.containers.extent import Extent, cut_short
from hifisr_cli.audio.containers.riff import LAYOUTS, walk_chunks
from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.audio.containers.sizes import find_sizes

_PACKETS = b"pakt"
"""CAF: the lengths of the packets, without which they are not told apart."""


def chunked_extent(kind: str, read: ReadAt, start: int, size: int) -> Extent:
    """As `sizes.find_sizes` has it; a table of packets must be whole, too."""
    layout = LAYOUTS[kind]
    places = list(walk_chunks(read, layout, start + layout.first))
    if any(place.name == _PACKETS and place.start + place.length > size for place in places):
        return cut_short()
    sizes = find_sizes(kind, places, read, size)
    if kind == "CAF" and _needs_packets(read, start) and all(place.name != _PACKETS for place in places):
        return cut_short()
    return Extent(damage=sizes.damage, notes=sizes.notes)


def _needs_packets(read: ReadAt, start: int) -> bool:
    """Whether the packets have no fixed length: the description, which is the first chunk, gives 0 for it."""
    return read(start + 20 + 16, 4) == bytes(4)
