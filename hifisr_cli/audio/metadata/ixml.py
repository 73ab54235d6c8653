"""The `iXML` chunk of field recorders, edited as text so that all the rest of it stays as it is.

Fields: iXML specification 3.01 (SPEED, SYNC_POINT_LIST, BEXT, FILE_SET).
"""

from __future__ import annotations

import re

from hifisr_cli.audio.metadata.treatment import Treatment

_RATES = ("FILE_SAMPLE_RATE", "DIGITIZER_SAMPLE_RATE", "TIMESTAMP_SAMPLE_RATE")
_COUNTS = ("SYNC_POINT_EVENT_DURATION", "PRE_RECORD_SAMPLECOUNT")
_PAIRS = (
    ("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI", "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO"),
    ("BWF_TIME_REFERENCE_HIGH", "BWF_TIME_REFERENCE_LOW"),
    ("SYNC_POINT_HIGH", "SYNC_POINT_LOW"),
)
_IDENTITIES = ("BWF_UMID", "FILE_UID")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def change_ixml(body: bytes, treatment: Treatment, notes: list[str]) -> bytes:
    """The chunk for the output: rates and counts of samples scaled, identifiers of the input's file emptied.

    Raises:
        ValueError: it is no text.
    """
    encoding = "utf-16" if body[:2] in _UTF16 else "utf-8"
    end = len(body.rstrip(b"\0")) if encoding == "utf-8" else len(body) - len(body) % 2
    if encoding == "utf-8":
        # Latin-1 maps every byte to itself, and all that is changed is ASCII: the rest survives whatever it is.
        return _change(body[:end].decode("latin-1"), treatment, notes).encode("latin-1") + body[end:]
    text = body[:end].decode("utf-16")
    mark = body[:2]
    order = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    return mark + _change(text, treatment, notes).encode(order) + body[end:]


def _change(text: str, treatment: Treatment, notes: list[str]) -> str:
    for tag in _RATES:
        text = _element(tag).sub(lambda match: _replaced(match, str(treatment.scale(int(match[2])))), text)
    for tag in _COUNTS:
        text = _element(tag).sub(lambda match: _replaced(match, str(treatment.scale(int(match[2])))), text)
    for high, low in _PAIRS:
        text = _scale_pairs(text, high, low, treatment)
    if treatment.chosen.bits is not None:
        text = _element("AUDIO_BIT_DEPTH").sub(lambda match: _replaced(match, str(treatment.chosen.bits)), text)
    if not treatment.same_samples:
        for tag in _IDENTITIES:
            text, count = re.subn(rf"(<{tag}>)\s*[^<\s][^<]*(</{tag}>)", r"\1\2", text)
            if count:
                notes.append(f"{tag} in its iXML chunk: true of the input only, so left empty")
    return text


def _scale_pairs(text: str, high: str, low: str, treatment: Treatment) -> str:
    """Numbers of 64 bits in two elements of 32; the n-th of one belongs to the n-th of the other."""
    highs, lows = list(_element(high).finditer(text)), list(_element(low).finditer(text))
    if highs and len(highs) != len(lows):
        return text
    changes: list[tuple[re.Match[str], int]] = []
    for index, match in enumerate(lows):
        upper = int(highs[index][2]) if highs else 0
        value = treatment.scale((upper << 32) + int(match[2]))
        changes.append((match, value & 0xFFFF_FFFF if highs else value))
        if highs:
            changes.append((highs[index], value >> 32))
    for match, number in sorted(changes, key=lambda change: -change[0].start()):
        text = text[: match.start()] + _replaced(match, str(number)) + text[match.end() :]
    return text


def _element(tag: str) -> re.Pattern[str]:
    return re.compile(rf"(<{tag}>\s*)([0-9]{{1,20}})(\s*</{tag}>)")


def _replaced(match: re.Match[str], number: str) -> str:
    return f"{match[1]}{number}{match[3]}"
