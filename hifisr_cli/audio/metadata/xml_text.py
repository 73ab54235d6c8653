"""Chunks of XML, changed as text so that all the rest of them stays as it is."""

from __future__ import annotations

from collections.abc import Callable

_ORDERS = (
    (b"\xff\xfe", 2, "utf-16-le"),
    (b"\xfe\xff", 2, "utf-16-be"),
    (b"<\0", 0, "utf-16-le"),
    (b"\0<", 0, "utf-16-be"),
)
"""First bytes, how many of them are a mark, and the encoding that they tell."""


def edit_xml(body: bytes, change: Callable[[str], str]) -> bytes:
    """A chunk whose text is changed. Whatever is changed must be ASCII.

    Raises:
        ValueError: it is no text.
    """
    start, end, encoding = _text(body)
    return body[:start] + change(body[start:end].decode(encoding)).encode(encoding) + body[end:]


def xml_of(body: bytes) -> str:
    """The text of a chunk, for those who look for ASCII in it. Raises ValueError: it is none."""
    start, end, encoding = _text(body)
    return body[start:end].decode(encoding)


def _text(body: bytes) -> tuple[int, int, str]:
    """From where to where the text goes, and its encoding."""
    for first, mark, encoding in _ORDERS:
        if body.startswith(first):
            return mark, len(body) - len(body) % 2, encoding
    # Latin-1 maps every byte to itself, and all that is changed is ASCII: the rest survives whatever it is.
    return 0, len(body.rstrip(b"\0")), "latin-1"
