"""How our decoding of a file may disagree with the reference's, and which disagreements are right; for corpus.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from corpus_decoders import LIMIT_SECONDS, Decoded

SHORTER = "shorter"
WRONG = "wrong sound"
OTHER_SAMPLES = "other samples of a lossless recording"
OTHER_FORM = "another rate or number of channels"
MOVED = "moved"
LONGER = "longer"
COMPLAINT = "whole without a word, though the reference complains"
INCOMPLETE = "incomplete, though the reference is content"

TAGS = ("title", "artist", "album", "date", "comment")
# Samples by which lengths may differ in lossy codecs: a frame (of the codec's standard).
FRAMES = {"mp3": 1152, "mp2": 1152, "mp1": 384, "opus": 960, "amr_nb": 160, "amr_wb": 320, "gsm_ms": 0}
PROMISING = ("mp3", "flac", "vorbis", "opus")
A_FRAME = 2048  # the longest of AAC, Vorbis, WMA and the rest
ALIKE = 0.999  # correlation of two decodings of the same lossy stream
SAME = 2.0**-22  # difference of two decodings of the same integers: rounding to float32
SLOW_SECONDS, SLOW_RATIO = 2.0, 10.0
MUCH_MB = 400.0  # decoding takes 60 to 110 MB whatever the length


@dataclass
class Row:
    """A file. `lag` (samples by which our sound is late), `alike` (correlation) and `apart` (largest difference) are of
    the aligned sounds, None where there are not two to compare, or both are silent."""

    path: str
    strict: Decoded
    salvage: Decoded
    reference: Decoded | None
    lag: int | None = None
    alike: float | None = None
    apart: float | None = None

    @property
    def slack(self) -> int:
        """Samples that are no difference in length."""
        codec = "" if self.reference is None else self.reference.codec
        return FRAMES.get(codec, A_FRAME) if self.strict.lossy else 0


def _content(row: Row) -> bool:
    return row.reference is not None and not row.reference.words


def _crash(row: Row) -> str | None:
    return next((found.words for found in (row.strict, row.salvage) if found.code == ""), None)


def _refused(row: Row) -> str | None:
    if row.reference is None or row.strict.verdict != "refused":
        return None
    return f"{row.strict.words} [{row.reference.program}: {_length(row.reference)}]"


def _incomplete(row: Row) -> str | None:
    told = row.strict.code == "truncated" and _content(row)
    return f"{row.strict.words} [{_length(row.reference)}]" if told else None


def difference(row: Row, *, salvage: bool = False) -> float:
    """Seconds that we have more than the reference, 0 within the codec's slack."""
    ours = row.salvage if salvage else row.strict
    if row.reference is None or not ours.is_read:
        return 0.0
    seconds = ours.frames / ours.rate - row.reference.frames / row.reference.rate
    return 0.0 if abs(seconds) * row.reference.rate < row.slack + 0.5 else seconds


def _length(found: Decoded | None) -> str:
    return "" if found is None else f"{found.frames / found.rate:.3f} s, {found.codec}"


def _lengths(row: Row) -> str:
    return f"{_length(row.strict)} against {_length(row.reference)}; notes: {row.strict.notes}"


def _shorter(row: Row) -> str | None:
    return _lengths(row) if difference(row) < 0 else None


def _longer(row: Row) -> str | None:
    return _lengths(row) if difference(row) > 0 else None


def _salvage_shorter(row: Row) -> str | None:
    if row.strict.is_read or difference(row, salvage=True) >= 0:
        return None
    return f"{_length(row.salvage)} against {_length(row.reference)}; notes: {row.salvage.notes}"


def _salvage_differs(row: Row) -> str | None:
    same = (row.strict.frames, row.strict.code) == (row.salvage.frames, row.salvage.code)
    return f"{row.strict.frames} and {row.salvage.frames}" if row.strict.is_read and not same else None


def _complaint(row: Row) -> str | None:
    told = row.reference is None or not row.reference.words or row.strict.verdict != "whole"
    return None if told or row.reference is None else row.reference.words


def _other_form(row: Row) -> str | None:
    ours, theirs = row.strict, row.reference
    if theirs is None or not ours.is_read or (ours.rate, ours.channels) == (theirs.rate, theirs.channels):
        return None
    return f"{ours.rate} Hz, {ours.channels} channels against {theirs.rate} Hz, {theirs.channels}"


def _wrong_sound(row: Row) -> str | None:
    return f"correlation {row.alike:.4f}" if row.alike is not None and row.alike < ALIKE else None


def _not_the_same(row: Row) -> str | None:
    right = row.strict.lossy or row.apart is None or row.alike is None or row.alike < ALIKE
    return None if right or (row.apart or 0.0) <= SAME else f"{row.apart:.2e} apart"


def _moved(row: Row) -> str | None:
    return f"{row.lag:+d} samples, {_length(row.reference)}" if row.lag and (row.alike or 0.0) >= ALIKE else None


def lost_tags(row: Row) -> list[str]:
    """Those that the reference knows, and that are neither carried nor named in a note."""
    ours = row.strict if row.strict.is_read else row.salvage
    if row.reference is None or not ours.is_read:
        return []
    said = " ".join(ours.notes).lower()
    values = [_plain(text) for texts in ours.tags.values() for text in texts]
    lost = []
    for name in TAGS:
        wanted = [_plain(text) for text in row.reference.tags.get(name, []) if _plain(text)]
        carried = name in ours.tags or any(text in value or value in text for text in wanted for value in values)
        if wanted and not carried and name not in said:
            lost.append(name)
    if row.reference.pictures > ours.pictures and "picture" not in said:
        lost.append("picture")
    return lost


def _plain(text: str) -> str:
    return " ".join(text.replace("\0", " ").split()).lower()


def _lost(row: Row) -> str | None:
    return ", ".join(lost_tags(row)) or None


def _slow(row: Row) -> str | None:
    theirs = LIMIT_SECONDS if row.reference is None else row.reference.seconds
    slow = row.strict.seconds > max(SLOW_SECONDS, SLOW_RATIO * theirs)
    return f"{row.strict.seconds:.1f} s, the reference {theirs:.1f}" if slow else None


def _memory(row: Row) -> str | None:
    most = max(row.strict.peak_mb, row.salvage.peak_mb)
    return f"{most:.0f} MB" if most > MUCH_MB else None


def _chatter(row: Row) -> str | None:
    return row.strict.chatter.splitlines()[0] if row.strict.chatter else None


# The worst come first. A finding is a line of words, None where there is none.
KINDS: dict[str, Callable[[Row], str | None]] = {
    "crash or hang": _crash,
    SHORTER: _shorter,
    WRONG: _wrong_sound,
    OTHER_SAMPLES: _not_the_same,
    OTHER_FORM: _other_form,
    MOVED: _moved,
    LONGER: _longer,
    COMPLAINT: _complaint,
    "refused, though the reference reads it": _refused,
    INCOMPLETE: _incomplete,
    "--salvage gives less than the reference": _salvage_shorter,
    "--salvage of a whole recording is another": _salvage_differs,
    "tag lost without a word": _lost,
    "chatter of a library": _chatter,
    "slow": _slow,
    "memory": _memory,
}


def _is_told(row: Row, words: str) -> bool:
    return any(words in note for note in row.strict.notes)


def _is_cut(row: Row) -> bool:
    return any(words in row.strict.words for words in ("ends in the middle", "is cut", "its header promises"))


def _is_promised(row: Row) -> bool:
    """A header that counts samples or frames, not one that estimates, promises more than the reference has."""
    found = re.search(r"after [\d.]+ of ([\d.]+) s", row.strict.words)
    if found is None or row.reference is None or row.reference.codec not in PROMISING:
        return False
    return float(found[1]) - row.reference.frames / row.reference.rate > row.slack / row.reference.rate


def _is_codec(row: Row, *names: str) -> bool:
    return row.reference is not None and row.reference.codec in names


# Disagreements that are right: their kinds, which, why. ffmpeg is 5.1.
RIGHT: tuple[tuple[tuple[str, ...], Callable[[Row], bool], str], ...] = (
    (
        (INCOMPLETE,),
        lambda row: _is_cut(row) or _is_promised(row),
        "the end of the file is missing, of which the reference says nothing",
    ),
    (
        (LONGER, SHORTER),
        lambda row: _is_told(row, "all of it was taken") or _is_told(row, "at its end are no"),
        "the file goes on behind what its header counts, and a note says what became of that",
    ),
    (
        (SHORTER,),
        lambda row: row.strict.container == "AU" and abs(difference(row)) < 0.01,
        "ffmpeg takes an AU file to its end, whatever size it states",
    ),
    (
        (WRONG, LONGER, SHORTER, OTHER_FORM),
        lambda row: _is_told(row, "it is a chain of"),
        "each part of a chain is decoded as it is alone, to the sample; ffmpeg leaves gaps at the seams",
    ),
    (
        (SHORTER, MOVED),
        lambda row: _is_codec(row, "mp3") and (row.lag or 0) < 0,
        "what the encoder added is taken off where its header says how much, also behind stray bytes",
    ),
    (
        (LONGER, OTHER_FORM, COMPLAINT),
        lambda row: row.reference is not None and row.reference.frames < 0.1 * row.strict.frames,
        "ffmpeg does not decode MP3 of a free bit rate",
    ),
    (
        (COMPLAINT,),
        lambda row: _is_codec(row, "mp3") and difference(row) == 0.0,
        "ffmpeg takes the bytes of a tag for frames",
    ),
    (
        (MOVED, LONGER),
        lambda row: _is_codec(row, "aac") and row.strict.container == "MP4" and (row.lag or 0) > 0,
        "ffmpeg takes off twice what an edit list hides, where the upper band doubles its samples",
    ),
    (
        (WRONG, MOVED),
        lambda row: row.strict.codec in ("OPUS", "VORBIS") and (row.alike or 0.0) > 0.99,
        "ours is what libopus and libvorbis give, to the bit; ffmpeg has decoders of its own",
    ),
    (
        (OTHER_SAMPLES,),
        lambda row: row.strict.codec.startswith("DSD"),
        "DSD has no samples: how its filter begins depends on the version of ffmpeg",
    ),
    (
        (COMPLAINT,),
        lambda row: _is_codec(row, "gsm_ms") or (row.strict.codec.startswith("PCM") and difference(row) == 0.0),
        "less than a block is left over at the end",
    ),
)


def reason_of(kind: str, row: Row) -> str | None:
    """Why a disagreement is right, None where it is one to look at."""
    return next((reason for kinds, rule, reason in RIGHT if kind in kinds and rule(row)), None)
