"""The `_PMX` chunk: Adobe's XMP, whose counts of samples must say the same as those of `bext` and iXML.

Fields and the forms of times: XMP specification, part 2 (xmpDM), and Adobe's schema of `bext`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from hifisr_cli.audio.metadata.treatment import Treatment
from hifisr_cli.audio.metadata.xml_text import edit_xml, xml_of
from hifisr_cli.results import SAMPLE_RATE

_SPACES = {"bext": "http://ns.adobe.com/bwf/bext/1.0/", "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/"}
_CLOCKS = ("startTimeScale", "startTimeSampleSize")
"""A rate of timecode, or of samples: only the input's own rate changes."""

_TIMES = ("startTime", "duration")
"""Of a marker: a count in the rate of its track, or one with its own rate (`4410f44100`)."""

_COUNT = r"[0-9]{1,20}"
_ITEM = re.compile(r"<(/?)(?:[\w.-]+:)?li\b[^>]*?(/?)>")


def change_xmp(body: bytes, treatment: Treatment, notes: list[str]) -> bytes:
    """The chunk for the output: rates and counts of samples scaled, the identifier of the input's samples emptied.

    Fields stand in elements or in attributes. A marker that counts in another unit than samples is right as it is.

    Raises:
        ValueError: it is no text.
    """

    def change(text: str) -> str:
        fields = _Fields(text)
        if not treatment.same_rate:
            text = _counted_anew(text, fields, treatment)
        if treatment.chosen.container == "wav":
            depth = f"{treatment.chosen.bits}Int" if treatment.chosen.bits is not None else "32Float"
            text = fields.replace(text, "xmpDM", ("audioSampleType",), "[0-9]{1,2}(?:Int|Float)", lambda _: depth)
        if treatment.same_samples:
            return text
        emptied = fields.replace(text, "bext", ("umid",), "[0-9A-Za-z]+", lambda _: "")
        if emptied != text:
            notes.append("umid in its XMP chunk: true of the input only, so left empty")
        return emptied

    return edit_xml(body, change)


def time_of_xmp(body: bytes) -> int:
    """The time reference that it states, in samples; 0 where there is none. Raises ValueError: it is no text."""
    text = xml_of(body)
    times: list[str] = []

    def note(time: str) -> str:
        times.append(time)
        return time

    _Fields(text).replace(text, "bext", ("timeReference",), _COUNT, note)
    return int(times[0]) if times else 0


def _counted_anew(text: str, fields: _Fields, treatment: Treatment) -> str:
    rate = treatment.info.sample_rate

    def scaled(number: str) -> str:
        return str(treatment.scale(int(number)))

    def scaled_with_rate(time: str) -> str:
        return f"{scaled(time.partition('f')[0])}f{SAMPLE_RATE}"

    text = fields.replace(text, "bext", ("timeReference",), _COUNT, scaled)
    text = fields.replace(text, "xmpDM", ("audioSampleRate",), "[0-9]{1,9}", scaled)
    text = fields.replace(text, "xmpDM", _CLOCKS, str(rate), lambda _: str(SAMPLE_RATE))
    text = fields.replace(text, "xmpDM", _TIMES, f"{_COUNT}f{rate}", scaled_with_rate)
    parts, done = [], 0
    for start, end in _tracks(text, fields):  # whose markers may count samples of the input
        track = text[start:end]
        changed = fields.replace(track, "xmpDM", ("frameRate",), f"f{rate}(?:s1)?", lambda _: f"f{SAMPLE_RATE}")
        if changed != track:
            changed = fields.replace(changed, "xmpDM", _TIMES, _COUNT, scaled)
        parts += [text[done:start], changed]
        done = end
    return "".join([*parts, text[done:]])


class _Fields:
    """The fields of a text, whatever the names of their spaces begin with in it."""

    def __init__(self, text: str) -> None:
        self.prefixes = {}
        for space, address in _SPACES.items():
            found = re.findall(rf"""xmlns:([\w.-]+)\s*=\s*["']{re.escape(address)}["']""", text)
            self.prefixes[space] = f"(?:{'|'.join(map(re.escape, dict.fromkeys(found or [space])))})"

    def replace(self, text: str, space: str, names: tuple[str, ...], value: str, new: Callable[[str], str]) -> str:
        """The text, or a part of it, with new values for fields of these names whose whole value is of that form."""
        field = rf"{self.prefixes[space]}:(?:{'|'.join(names)})"
        element = rf"(<({field})\s*>\s*)({value})(\s*</\2\s*>)"
        attribute = rf"""(\s({field})\s*=\s*["'])({value})(["'])"""
        for pattern in (element, attribute):
            text = re.sub(pattern, lambda match: match[1] + new(match[3]) + match[4], text)
        return text


def _tracks(text: str, fields: _Fields) -> Iterator[tuple[int, int]]:
    """From where to where each track of markers goes: the outer list items within `xmpDM:Tracks`."""
    opening, end = re.compile(rf"<({fields.prefixes['xmpDM']}:Tracks)\b[^>]*>"), 0
    while (tracks := opening.search(text, end)) is not None:
        end = text.find(f"</{tracks[1]}", tracks.end())
        if end < 0:
            return
        depth, start = 0, 0
        for item in _ITEM.finditer(text, tracks.end(), end):
            closes, is_empty = item[1], item[2]
            start = item.start() if depth == 0 else start
            depth += 0 if is_empty else -1 if closes else 1
            if depth == 0:
                yield start, item.end()
