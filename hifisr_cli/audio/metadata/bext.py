"""The `bext` chunk of Broadcast Wave files. Layout: EBU Tech 3285 (ITU-R BS.1352); history lines: EBU R98."""

from __future__ import annotations

from collections.abc import Iterable

from hifisr_cli.audio.metadata.treatment import Treatment
from hifisr_cli.results import SAMPLE_RATE

_DESCRIPTION, _ORIGINATOR, _REFERENCE = slice(0, 256), slice(256, 288), slice(288, 320)
_DATE, _TIME_OF_DAY = slice(320, 330), slice(330, 338)
_TIME, _VERSION, _UMID, _LOUDNESS = slice(338, 346), slice(346, 348), slice(348, 412), slice(412, 422)
_FIXED = 602
_UNSET = b"\xff\x7f" * 5  # what Tech 3285 has for a loudness value that is not known
_MAX_TIME = (1 << 64) - 1
_MPEG = {"MPEG_LAYER_I": "L1", "MPEG_LAYER_II": "L2", "MPEG_LAYER_III": "L3"}
_COMPANDED = {"ULAW": "G.711 u-law", "ALAW": "G.711 A-law"}
_TEXTS = {
    "DESCRIPTION": _DESCRIPTION,
    "ORIGINATOR": _ORIGINATOR,
    "ORIGINATOR_REFERENCE": _REFERENCE,
    "ORIGINATION_DATE": _DATE,
    "ORIGINATION_TIME": _TIME_OF_DAY,
}
"""Fields with the names that ffmpeg gives them where it turns them into tags."""

BEXT_NAMES = frozenset({*_TEXTS, "TIME_REFERENCE", "CODING_HISTORY"})
"""The names of all tags that may come from such a chunk."""


def new_bext(treatment: Treatment, texts: Iterable[tuple[str, str]] = ()) -> bytes:
    """A chunk for an output whose input had none: it exists for its CodingHistory and for what is synthetic.

    It has no date of its own: outputs are the same bytes every time. `texts` are tags of the output that may come from
    such a chunk (`bext_texts`, ffmpeg).
    """
    known = {name: text for name, text in texts if name in BEXT_NAMES}
    fixed = bytearray(_FIXED)
    for name, default in (("DESCRIPTION", treatment.statement or ""), ("ORIGINATOR", "hifisr")):
        known.setdefault(name, default)
    for name, where in _TEXTS.items():
        size = where.stop - where.start
        text = known.get(name, "").encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
        fixed[where] = text.encode("utf-8").ljust(size, b"\0")
    time = known.get("TIME_REFERENCE", "0")
    if time.isascii() and time.isdigit() and len(time) <= 20:
        fixed[_TIME] = min(int(time), _MAX_TIME).to_bytes(8, "little")
    fixed[_VERSION] = (1).to_bytes(2, "little")
    history = known.get("CODING_HISTORY", "").encode("utf-8", "replace")
    return bytes(fixed) + (_ended(history.rstrip()) if history else _history(b"", treatment))


def change_bext(body: bytes, treatment: Treatment, notes: list[str]) -> bytes:
    """The input's chunk for the output: time scaled, history continued, what belongs to the old samples unset.

    The UMID names the old material instance and the loudness was measured on it, so neither is inherited unless the
    samples are the same. Everything else is kept to the byte.

    Raises:
        ValueError: the chunk is too short to be one.
    """
    if len(body) < _TIME.stop:
        raise ValueError("too short")
    fixed = bytearray(body[:_FIXED].ljust(_FIXED, b"\0"))
    time = treatment.scale(int.from_bytes(fixed[_TIME], "little"))
    if time > _MAX_TIME:
        notes.append("the time reference of its bext chunk is impossible and was left as it is")
    else:
        fixed[_TIME] = time.to_bytes(8, "little")
    if not treatment.same_samples:
        version = int.from_bytes(fixed[_VERSION], "little")
        lost = []
        if version >= 1 and any(fixed[_UMID]):
            fixed[_UMID] = bytes(64)
            lost.append("UMID")
        if version >= 2 and fixed[_LOUDNESS] != _UNSET:
            fixed[_LOUDNESS] = _UNSET
            lost.append("loudness values")
        if lost:
            notes.append(f"{' and '.join(lost)} in its bext chunk: true of the input only, so left empty")
    return bytes(fixed) + _history(body[_FIXED:], treatment)


def bext_texts(body: bytes, treatment: Treatment) -> list[tuple[str, str]]:
    """The chunk as tags for a container that has no such chunk. Time is scaled, the history continued."""
    if len(body) < _TIME.stop:
        return []
    texts = [(name, _text(body[where])) for name, where in _TEXTS.items()]
    time = int.from_bytes(body[_TIME], "little")
    if time:
        texts.append(("TIME_REFERENCE", str(treatment.scale(time))))
    texts.append(("CODING_HISTORY", _text(_history(body[_FIXED:], treatment))))
    return [(name, text) for name, text in texts if text]


def change_bext_texts(texts: Iterable[tuple[str, str]], treatment: Treatment) -> tuple[tuple[str, str], ...]:
    """Tags of the input for the output: a time reference scaled, a coding history continued, all others as they are.

    Recordings of every kind may have these tags: ffmpeg makes them of the `bext` chunk of a WAV file that it converts.
    """
    changed = []
    for name, text in texts:
        new = text
        if name == "TIME_REFERENCE" and text.isascii() and text.isdigit() and len(text) <= 20:
            new = str(treatment.scale(int(text)))
        elif name == "CODING_HISTORY":
            new = _text(_history(text.encode("utf-8", "replace"), treatment))
        changed.append((name, new))
    return tuple(changed)


def _history(old: bytes, treatment: Treatment) -> bytes:
    """`old` with a line for the source, if its last one is of something else, and one for what was done."""
    text = old.rstrip(b"\0\r\n \t")
    lines = [text] if text else []
    last = text.replace(b"\r", b"\n").rsplit(b"\n", 1)[-1].replace(b" ", b"").upper()
    if f"F={treatment.info.sample_rate}".encode("ascii") not in last.split(b","):
        lines.append(_source_line(treatment).encode("ascii", "replace"))
    lines.append(_history_line(treatment).encode("ascii", "replace"))
    return _ended(b"\r\n".join(lines))


def _source_line(treatment: Treatment) -> str:
    """The input as found, as a line of a CodingHistory (EBU R98), without its end."""
    info = treatment.info
    fields = [f"F={info.sample_rate}"]
    text = f"source as found; {info.container}"
    if info.codec in _MPEG:
        version = "MPEG1" if info.sample_rate >= 32_000 else "MPEG2"
        fields.insert(0, f"A={version}{_MPEG[info.codec]}")
    elif not info.lossy:
        fields.insert(0, "A=PCM")
        if info.bits is not None:
            fields.append(f"W={info.bits}")
        text += f" {_COMPANDED[info.codec]}" if info.codec in _COMPANDED else ""
    else:
        text += f" {info.codec}"
    return _line(fields, info.channels, text)


def _history_line(treatment: Treatment) -> str:
    """What was done, as a line of a CodingHistory (EBU R98), without its end."""
    extended = treatment.extended
    what = "bandwidth unchanged" if extended is None else f"bandwidth extended {extended}; synthetic"
    what += "; loudness changed" if treatment.levelled else ""
    bits = treatment.chosen.bits
    fields = [f"F={SAMPLE_RATE}"]
    if bits is not None:
        fields = ["A=PCM", *fields, f"W={bits}"]
    elif treatment.chosen.codec in _MPEG:
        fields.insert(0, "A=MPEG1L3")
    return _line(fields, treatment.info.channels, f"{treatment.signature}; {what}")


def _line(fields: list[str], channels: int, text: str) -> str:
    """R98 has words for one and two channels only. The text must not have commas."""
    if channels <= 2:
        fields = [*fields, "M=mono" if channels == 1 else "M=stereo"]
    else:
        text += f"; {channels} channels"
    return ",".join([*fields, f"T={text.replace(',', ';')}"])


def _ended(text: bytes) -> bytes:
    """The text, its last line ended, of an even length: libsndfile stumbles over odd chunks in RF64 files."""
    return text + b"\r\n" + bytes(len(text) % 2)


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
