"""The `iXML` chunk of field recorders, edited as text so that all the rest of it stays as it is.

Fields: iXML specification 3.01 (SPEED, SYNC_POINT_LIST, BEXT, FILE_SET).
"""

from __future__ import annotations

import re

from hifisr_cli.audio.metadata.treatment import Treatment
from hifisr_cli.audio.metadata.xml_text import edit_xml, xml_of

_RATES = ("FILE_SAMPLE_RATE", "DIGITIZER_SAMPLE_RATE", "TIMESTAMP_SAMPLE_RATE")
_COUNTS = ("SYNC_POINT_EVENT_DURATION", "PRE_RECORD_SAMPLECOUNT")
_TIMES = (
    ("BWF_TIME_REFERENCE_HIGH", "BWF_TIME_REFERENCE_LOW"),
    ("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI", "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO"),
)
_PAIRS = (*_TIMES, ("SYNC_POINT_HIGH", "SYNC_POINT_LOW"))
_IDENTITIES = ("BWF_UMID", "FILE_UID")


def change_ixml(body: bytes, treatment: Treatment, notes: list[str]) -> bytes:
    """The chunk for the output: rates and counts of samples scaled, identifiers of the input's file emptied.

    Raises:
        ValueError: it is no text.
    """
    return edit_xml(body, lambda text: _change(text, treatment, notes))


def time_of_ixml(body: bytes) -> int:
    """The time reference that it states, in samples; 0 where there is none. Raises ValueError: it is no text."""
    text = xml_of(body)
    for high, low in _TIMES:
        lower, upper = _element(low).search(text), _element(high).search(text)
        if lower is not None:
            return (int(upper[2]) << 32 if upper is not None else 0) + int(lower[2])
    return 0


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
