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
        if not treatment.same_rate:
            text = _counted_anew(text, treatment)
        if treatment.chosen.container == "wav":
            depth = f"{treatment.chosen.bits}Int" if treatment.chosen.bits is not None else "32Float"
            text = _replaced(text, "xmpDM", ("audioSampleType",), "[0-9]{1,2}(?:Int|Float)", lambda _: depth)
        if treatment.same_samples:
            return text
        emptied = _replaced(text, "bext", ("umid",), "[0-9A-Za-z]+", lambda _: "")
        if emptied != text:
            notes.append("umid in its XMP chunk: true of the input only, so left empty")
        return emptied

    return edit_xml(body, change)


def time_of_xmp(body: bytes) -> int:
    """The time reference that it states, in samples; 0 where there is none. Raises ValueError: it is no text."""
    text = xml_of(body)
    match = next(
        (found for pattern in _patterns(text, "bext", ("timeReference",), _COUNT) if (found := pattern.search(text))),
        None,
    )
    return 0 if match is None else int(match[3])


def _counted_anew(text: str, treatment: Treatment) -> str:
    rate = treatment.info.sample_rate

    def scaled(number: str) -> str:
        return str(treatment.scale(int(number)))

    text = _replaced(text, "bext", ("timeReference",), _COUNT, scaled)
    text = _replaced(text, "xmpDM", ("audioSampleRate",), "[0-9]{1,9}", scaled)
    text = _replaced(text, "xmpDM", _CLOCKS, str(rate), lambda _: str(SAMPLE_RATE))
    text = _replaced(
        text, "xmpDM", _TIMES, f"{_COUNT}f{rate}", lambda time: f"{scaled(time.partition('f')[0])}f{SAMPLE_RATE}"
    )
    parts, done = [], 0
    for start, end in _tracks(text):  # whose markers may count samples of the input
        track = text[start:end]
        changed = _replaced(track, "xmpDM", ("frameRate",), f"f{rate}(?:s1)?", lambda _: f"f{SAMPLE_RATE}", text)
        if changed != track:
            changed = _replaced(changed, "xmpDM", _TIMES, _COUNT, scaled, text)
        parts += [text[done:start], changed]
        done = end
    return "".join([*parts, text[done:]])


def _tracks(text: str) -> Iterator[tuple[int, int]]:
    """From where to where each track of markers goes: the outer list items within `xmpDM:Tracks`."""
    for tracks in re.finditer(rf"<({_prefix(text, 'xmpDM')}:Tracks)\b[^>]*>(.*?)</\1\s*>", text, re.DOTALL):
        depth, start = 0, 0
        for item in _ITEM.finditer(text, tracks.start(2), tracks.end(2)):
            closes, is_empty = item[1], item[2]
            start = item.start() if depth == 0 else start
            depth += 0 if is_empty else -1 if closes else 1
            if depth == 0:
                yield start, item.end()


def _replaced(  # noqa: PLR0917
    text: str, space: str, names: tuple[str, ...], value: str, new: Callable[[str], str], whole: str | None = None
) -> str:
    """Fields whose whole value is of that form, with a new one. `whole` is the text that `text` is a part of."""
    for pattern in _patterns(whole or text, space, names, value):
        text = pattern.sub(lambda match: match[1] + new(match[3]) + match[4], text)
    return text


def _patterns(whole: str, space: str, names: tuple[str, ...], value: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What finds fields in elements and in attributes."""
    field = rf"{_prefix(whole, space)}:(?:{'|'.join(names)})"
    return (
        re.compile(rf"(<({field})\s*>\s*)({value})(\s*</\2\s*>)"),
        re.compile(rf"""(\s({field})\s*=\s*["'])({value})(["'])"""),
    )


def _prefix(whole: str, space: str) -> str:
    """What the names of a space begin with in this text."""
    found = re.findall(rf"""xmlns:([\w.-]+)\s*=\s*["']{re.escape(_SPACES[space])}["']""", whole)
    return f"(?:{'|'.join(map(re.escape, dict.fromkeys(found or [space])))})"
