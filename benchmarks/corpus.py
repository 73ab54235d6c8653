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
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from corpus_decoders import Decoded, add_tags_of_mutagen, decode_apart, decode_by_reference
from corpus_kinds import KINDS, Row, difference, reason_of

Sound = npt.NDArray[np.float32]

SILENT = 1e-10  # mean square: decoders round differently below -100 dB
MOST_LAG = 8_192
ALIGNED_FRAMES = 1 << 20


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
    return abs(difference(row)) or (0.0 if row.reference is None else row.reference.frames / row.reference.rate)


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
