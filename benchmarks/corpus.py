"""What becomes of recordings from elsewhere, against what ffmpeg (or sox) makes of them.

    python benchmarks/corpus.py DIR... [-o rows.jsonl] [--jobs N] [--worst N]

Every file is decoded by hifisr, in a process of its own, strictly and with --salvage, and by ffmpeg's command, or by
sox's where ffmpeg makes nothing of it. Printed are the disagreements by kind with the worst files of each; those that
are right stand apart, with their reason. Neither program is the truth: a disagreement is a reason to look.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from corpus_decoders import LIMIT_SECONDS, Decoded, add_tags_of_mutagen, decode_apart, decode_by_reference

Sound = npt.NDArray[np.float32]

TAGS = ("title", "artist", "album", "date", "comment")
# Samples by which lengths may differ in lossy codecs: a frame (of the codec's standard).
FRAMES = {"mp3": 1152, "mp2": 1152, "mp1": 384, "opus": 960, "amr_nb": 160, "amr_wb": 320, "gsm_ms": 0}
A_FRAME = 2048  # the longest of AAC, Vorbis, WMA and the rest
ALIKE = 0.999  # correlation of two decodings of the same lossy stream
SAME = 2.0**-22  # difference of two decodings of the same integers: rounding to float32
SILENT = 1e-10  # mean square: decoders round differently below -100 dB
SLOW_SECONDS, SLOW_RATIO = 2.0, 10.0
MUCH_MB = 400.0  # decoding takes 60 to 110 MB whatever the length
MOST_LAG = 8_192
ALIGNED_FRAMES = 1 << 20


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


def meet(path: Path) -> Row:
    """A file, decoded three times and compared."""
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        ours, again, theirs = (Path(folder) / name for name in ("ours", "salvaged", "theirs"))
        strict = decode_apart(path, ours, salvage=False)
        salvage = decode_apart(path, again, salvage=True)
        reference = decode_by_reference(path, theirs)
        row = Row(str(path), strict, salvage, reference)
        if reference is not None:
            add_tags_of_mutagen(reference, path)
            best = strict if strict.is_read else salvage
            if best.is_read and (best.rate, best.channels) == (reference.rate, reference.channels):
                mine = ours if strict.is_read else again
                row.lag, row.alike, row.apart = liken(_samples(mine, best), _samples(theirs, reference))
        return row


def _samples(path: Path, of: Decoded) -> Sound:
    return np.memmap(path, np.float32, "r", shape=(of.frames, of.channels))


def liken(ours: Sound, theirs: Sound) -> tuple[int | None, float | None, float | None]:
    """Lag, correlation and largest difference of two sounds [T, C]; see `Row`."""
    lag = find_lag(ours[:ALIGNED_FRAMES].mean(axis=1), theirs[:ALIGNED_FRAMES].mean(axis=1))
    ours, theirs = ours[max(lag, 0) :], theirs[max(-lag, 0) :]
    both = min(len(ours), len(theirs))
    products, apart = np.zeros(3), 0.0
    for start in range(0, both, ALIGNED_FRAMES):
        a, b = (np.nan_to_num(part[start : min(both, start + ALIGNED_FRAMES)].astype(float)) for part in (ours, theirs))
        products += (np.sum(a * b), np.sum(a * a), np.sum(b * b))
        apart = max(apart, float(np.abs(a - b).max()))
    if max(products[1:]) <= SILENT * ours.shape[1] * both:
        return None, None, None
    return lag, float(products[0] / np.sqrt(products[1] * products[2] + 1e-30)), apart


def find_lag(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> int:
    """Samples by which the first sound is late, `MOST_LAG` at most; 0 where that fits as well as any other."""
    size = 1 << (len(ours) + len(theirs)).bit_length()
    spectra = np.fft.rfft(np.nan_to_num(ours), size), np.fft.rfft(np.nan_to_num(theirs), size)
    fits = np.fft.irfft(spectra[0] * np.conj(spectra[1]), size)
    lags = np.arange(-min(MOST_LAG, size // 2 - 1), min(MOST_LAG, size // 2))
    best = int(lags[np.argmax(fits[lags])])
    return 0 if fits[0] >= 0.9999 * fits[best] else best


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


def _difference(row: Row, *, salvage: bool = False) -> float:
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
    return _lengths(row) if _difference(row) < 0 else None


def _longer(row: Row) -> str | None:
    return _lengths(row) if _difference(row) > 0 else None


def _salvage_shorter(row: Row) -> str | None:
    if row.strict.is_read or _difference(row, salvage=True) >= 0:
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
    "shorter": _shorter,
    "wrong sound": _wrong_sound,
    "other samples of a lossless recording": _not_the_same,
    "another rate or number of channels": _other_form,
    "moved": _moved,
    "longer": _longer,
    "whole without a word, though the reference complains": _complaint,
    "refused, though the reference reads it": _refused,
    "incomplete, though the reference is content": _incomplete,
    "--salvage gives less than the reference": _salvage_shorter,
    "--salvage of a whole recording is another": _salvage_differs,
    "tag lost without a word": _lost,
    "chatter of a library": _chatter,
    "slow": _slow,
    "memory": _memory,
}

# Disagreements that are right: kind, which, why.
RIGHT: tuple[tuple[str, Callable[[Row], bool], str], ...] = (
    (
        "incomplete, though the reference is content",
        lambda row: any(words in row.strict.words for words in ("ends in the middle", "is cut", "its header promises")),
        "the end of the file is missing, of which the reference says nothing",
    ),
    (
        "longer",
        lambda row: any("all of it was taken" in note for note in row.strict.notes),
        "there is more than the header counts, and a note says so",
    ),
    (
        "wrong sound",
        lambda row: row.strict.codec in ("OPUS", "VORBIS") and (row.alike or 0.0) > 0.99,
        "ours is what libopus and libvorbis give, to the bit; ffmpeg 5.1 has decoders of its own",
    ),
    (
        "other samples of a lossless recording",
        lambda row: row.strict.codec.startswith("DSD"),
        "DSD has no samples: how its filter begins depends on the version of ffmpeg",
    ),
)


def reason_of(kind: str, row: Row) -> str | None:
    """Why a disagreement is right, None where it is one to look at."""
    return next((reason for known, rule, reason in RIGHT if known == kind and rule(row)), None)


def print_table(rows: Iterable[Row], worst: int) -> None:
    """The disagreements by kind: those to look at, then those that are right."""
    rows = list(rows)
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row.strict.verdict if row.reference or row.strict.is_read else "read by neither"] += 1
    print(f"{len(rows)} files: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    right: dict[tuple[str, str], int] = defaultdict(int)
    for kind, find in KINDS.items():
        found = [(row, words) for row in rows if (words := find(row)) is not None]
        open_ones = [(row, words) for row, words in found if reason_of(kind, row) is None]
        for row, _ in found:
            if (reason := reason_of(kind, row)) is not None:
                right[kind, reason] += 1
        if open_ones:
            print(f"\n{kind}: {len(open_ones)}")
        for row, words in sorted(open_ones, key=_badness, reverse=True)[:worst]:
            print(f"    {row.path}: {words[:300]}")
    if right:
        print("\nRight:")
    for (kind, reason), count in right.items():
        print(f"    {kind}: {count}, since {reason}")


def _badness(finding: tuple[Row, str]) -> float:
    """Seconds of sound that are at stake."""
    row = finding[0]
    return abs(_difference(row)) or (0.0 if row.reference is None else row.reference.frames / row.reference.rate)


def files_in(folders: Iterable[Path]) -> list[Path]:
    return sorted(
        path for folder in folders for path in (folder.rglob("*") if folder.is_dir() else [folder]) if path.is_file()
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(os.devnull), help="write every row to this file, a line of JSON each"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worst", type=int, default=10, help="files that are named of each kind")
    arguments = parser.parse_args()
    rows = []
    with ThreadPoolExecutor(arguments.jobs) as pool, arguments.output.open("w", encoding="utf-8") as file:
        for row in pool.map(meet, files_in(arguments.folders)):
            rows.append(row)
            print(f"... {len(rows)}", file=sys.stderr, end="\r", flush=True)
            file.write(json.dumps(asdict(row)) + "\n")
            file.flush()
    print_table(rows, arguments.worst)
    return 0


if __name__ == "__main__":
    sys.exit(main())
