"""The tags of Matroska and WebM as they stand in the file: FFmpeg tells of the last of several with one name only.

Layout: RFC 8794 (EBML), RFC 9559 (Matroska) and its registry of tags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.audio.metadata.tags import MAX_TAG

_SEGMENT, _TAGS, _TAG, _TARGETS, _SIMPLE = 0x18538067, 0x1254C367, 0x7373, 0x63C0, 0x67C8
_TYPE, _NAME, _TEXT = 0x63CA, 0x45A3, 0x4487
_ELSEWHERE = (0x63C4, 0x63C6, 0x63C9)
"""What a tag is of that is not the recording: a chapter, an attachment, an edition."""

_LONGEST_HEADER = 12
_MOST_ELEMENTS = 100_000


@dataclass(frozen=True, slots=True)
class _Element:
    """Its identifier, and start and size of its body; a size of None goes to the end."""

    kind: int
    start: int
    size: int | None


def matroska_texts(read: ReadAt) -> list[tuple[str, str]]:
    """Names and texts of all tags in the file that begins at 0; names within others as FFmpeg writes them, with a /."""
    texts: list[tuple[str, str]] = []
    for element in _elements(read, 0, None):
        if element.kind != _SEGMENT:
            continue
        end = None if element.size is None else element.start + element.size
        for part in _elements(read, element.start, end):
            if part.size is None:  # a live stream: nothing tells where its clusters end
                break
            if part.kind == _TAGS and part.size <= MAX_TAG:
                texts += _tags(read(part.start, part.size))
        break
    return texts


def _tags(body: bytes) -> Iterator[tuple[str, str]]:
    for tag in _within(body):
        if tag.kind != _TAG:
            continue
        inside = _body(body, tag)
        parts = [(part.kind, _body(inside, part)) for part in _within(inside)]
        targets = next((data for kind, data in parts if kind == _TARGETS), b"")
        of = {element.kind: _body(targets, element) for element in _within(targets)}
        if not any(kind in of for kind in _ELSEWHERE):
            above = f"{_string(of[_TYPE])}/" if _TYPE in of else ""
            for kind, data in parts:
                if kind == _SIMPLE:
                    yield from _simple(data, above)


def _simple(body: bytes, above: str) -> Iterator[tuple[str, str]]:
    parts = [(part.kind, _body(body, part)) for part in _within(body)]
    name = above + next((_string(data) for kind, data in parts if kind == _NAME), "")
    for kind, data in parts:
        if kind == _TEXT:
            yield name, _string(data)
        elif kind == _SIMPLE and name.count("/") < 8:
            yield from _simple(data, f"{name}/")


def _within(body: bytes) -> Iterator[_Element]:
    return _elements(lambda position, count: body[position : position + count], 0, len(body))


def _body(body: bytes, element: _Element) -> bytes:
    return body[element.start :] if element.size is None else body[element.start : element.start + element.size]


def _string(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def _elements(read: ReadAt, position: int, end: int | None) -> Iterator[_Element]:
    """The elements from a position on."""
    for _ in range(_MOST_ELEMENTS):
        if end is not None and position >= end:
            return
        head = read(position, _LONGEST_HEADER)
        width = 9 - head[0].bit_length() if head and head[0] else 9
        if width > 4 or len(head) <= width or not head[width]:
            return
        kind = int.from_bytes(head[:width], "big")
        wide = 9 - head[width].bit_length()
        size = int.from_bytes(head[width : width + wide], "big") & (1 << 7 * wide) - 1
        start = position + width + wide
        yield _Element(kind, start, None if size == (1 << 7 * wide) - 1 else size)
        position = start + size
