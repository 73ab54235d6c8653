"""What a row shows when it is opened: pictures, average spectra and sound of the original and the output."""

from __future__ import annotations

import base64
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hifisr_cli.audio.decoders.raw import RawFormat
from hifisr_cli.batch.history.record import Record
from hifisr_cli.errors import FileError
from hifisr_cli.report.analysis import Look, look_at
from hifisr_cli.report.picture import TOP_HZ, bare
from hifisr_cli.report.rows import Row

_WIDTH, _HEIGHT = 640, 240
_POINTS = 96  # bands of 250 Hz

EMBED_LIMIT = 200_000_000
"""Bytes of sound in one page; a browser struggles with more."""

_PLAYED_AS_THEY_ARE = {"MP3": "audio/mpeg", "OGG": "audio/ogg", "FLAC": "audio/flac"}


@dataclass(slots=True)
class Artist:
    """Adds pictures and sound to rows.

    Attributes:
        page: the file that will refer to them.
        folder: the one that holds the journal.
        originals: where the inputs lie now, if they have moved.
        pictures: the folder for pictures; None puts them into the page.
        embed: put the sound into the page, too.
    """

    page: Path
    folder: Path
    originals: Path | None
    pictures: Path | None
    embed: bool
    embedded: int = 0

    def refer(self, row: Row) -> None:
        """Lets the row point to its recordings, as far as they are there."""
        original, output = find_original(row.record, self.folder, self.originals), find_output(row.record, self.folder)
        row.data["audio"] = [None if path is None else reference(path, self.page) for path in (original, output)]
        if original is not None and not row.failed and has_changed(original, row.record.input.size):
            row.data["changed"] = True

    def draw(self, row: Row, number: int) -> None:
        """Draws both recordings. One that cannot be read any more has no picture."""
        places = find_original(row.record, self.folder, self.originals), find_output(row.record, self.folder)
        looks = [_look(places[0], _raw(row)), _look(places[1])]
        seconds = max((look.spectrogram.seconds for look in looks if look is not None), default=0.0)
        if seconds == 0.0:
            return
        row.data["picture"] = [
            None if look is None else self._picture(look, seconds, f"{number + 1:05d}-{side}")
            for look, side in zip(looks, ("before", "after"), strict=True)
        ]
        row.data["span"] = seconds
        row.data["cutoffs"] = [
            [each.channel, each.start_seconds, each.end_seconds, each.bandwidth.cutoff_hz]
            for each in row.record.stretches
            if each.bandwidth.restorable
        ]
        row.data["spectrum"] = [None if look is None else _spectrum(look) for look in looks]
        if looks[1] is not None:
            row.data["after"], row.data["measured"] = looks[1].survey.bandwidth.cutoff_hz, True
        if self.embed:
            row.data["audio"] = [self._sound(path, uri) for path, uri in zip(places, row.data["audio"], strict=True)]

    def _picture(self, look: Look, seconds: float, name: str) -> str:
        data = bare(look.spectrogram, _WIDTH, _HEIGHT, seconds=seconds)
        webp = data[:4] == b"RIFF"
        if self.pictures is None:
            return _data_uri("image/webp" if webp else "image/png", data)
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{name}.{'webp' if webp else 'png'}"
        path.write_bytes(data)
        return reference(path, self.page)

    def _sound(self, path: Path | None, uri: str | None) -> str | None:
        if path is None or self.embedded + path.stat().st_size * 4 // 3 + 64 > EMBED_LIMIT:  # at most as long
            return uri
        try:
            inside = _sound_uri(path)
        except FileError:
            return uri
        self.embedded += len(inside)
        return inside


def _raw(row: Row) -> RawFormat | None:
    """What the header of the original would say, if it has none."""
    raw = row.record.options.get("raw")
    try:
        return RawFormat(**raw) if isinstance(raw, dict) else None
    except TypeError:  # the journal of another version
        return None


def _look(path: Path | None, raw: RawFormat | None = None) -> Look | None:
    try:
        return None if path is None else look_at(path, salvage=True, raw=raw)
    except FileError:
        return None


def _spectrum(look: Look) -> list[Any]:
    """Decibels to a tenth; None above Nyquist."""
    return [
        None if math.isnan(level) else round(float(level), 1)
        for level in look.spectrogram.mean_db(_POINTS, top_hz=TOP_HZ)
    ]


def _sound_uri(path: Path) -> str:
    """The recording as every browser plays it. What is not compressed becomes FLAC: nothing is lost up to 24 bits.

    Raises what decoding raises.
    """
    from hifisr_cli.audio.open import open_recording

    with open_recording(path) as recording:
        kind = _PLAYED_AS_THEY_ARE.get(recording.info.container)
        if kind is not None:
            return _data_uri(kind, path.read_bytes())
        import soundfile

        info, data = recording.info, io.BytesIO()
        few_bits = info.bits is None or (info.bits <= 16 and not info.is_float)
        with soundfile.SoundFile(
            data, "w", info.sample_rate, info.channels, "PCM_16" if few_bits else "PCM_24", format="FLAC"
        ) as file:
            for block in recording.blocks():
                file.write(block.T)
    return _data_uri("audio/flac", data.getvalue())


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def find_original(record: Record, folder: Path, originals: Path | None) -> Path | None:
    """The recording that was read, or None where it is not to be found any more.

    Args:
        folder: the one that holds the journal.
        originals: where the inputs lie now, if they have moved; looked at first.
    """
    given = record.input
    candidates = [] if originals is None else [originals / given.relative]
    if given.backup is not None:
        candidates.append(folder / given.backup)
    candidates += [Path(path) for path in (given.absolute, given.path) if path]
    return next((path for path in candidates if _is_file(path)), None)


def find_output(record: Record, folder: Path) -> Path | None:
    """The output, or None where there is none."""
    if record.output is None:
        return None
    path = folder / record.output.path
    return path if _is_file(path) else None


def has_changed(path: Path, size: int) -> bool:
    """The file does not have the size that the journal noted."""
    try:
        return path.stat().st_size != size
    except OSError:
        return True


def reference(path: Path, page: Path) -> str:
    """How the page refers to a file: relative and percent-encoded, whatever bytes its name has."""
    base = os.path.realpath(page.parent)
    try:
        relative = os.path.relpath(os.path.join(os.path.realpath(path.parent), path.name), base)  # noqa: PTH118
    except ValueError:  # another drive
        return path.absolute().as_uri()
    quoted = quote(os.fsencode(relative).replace(os.fsencode(os.sep), b"/"))
    return f"./{quoted}" if not quoted.startswith("../") else quoted


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
