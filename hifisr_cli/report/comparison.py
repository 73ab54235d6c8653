"""One recording or a pair as a PNG file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from hifisr_cli.report.analysis import Look, look_at
from hifisr_cli.report.picture import Panel, drawn, few_colours
from hifisr_cli.results import Bandwidth, Stretch
from hifisr_cli.system.staged_file import write_file


def draw_comparison(
    paths: Sequence[Path],
    target: Path,
    *,
    cutoff_hz: float | None = None,
    mark_cutoff: bool = True,
    overwrite: bool = False,
) -> None:
    """Draws the recordings side by side on the same scale, with the cutoffs of the first.

    Args:
        paths: one or two recordings.
        target: the PNG file.
        cutoff_hz: of the first recording; None measures where it ends, by channel and time.
        mark_cutoff: whether that is drawn at all.
        overwrite: replace a picture that is there already.

    Raises:
        FileError: a recording cannot be read, or the picture is there already.
        OutputError: the picture cannot be written.
    """
    looks = [look_at(path) for path in paths]
    first = looks[0].survey
    given = () if cutoff_hz is None else (Stretch(None, 0.0, first.seconds, Bandwidth(cutoff_hz, 1.0, "given")),)
    stretches = (given or first.stretches) if mark_cutoff else ()
    image = drawn([Panel(_title(look), look.spectrogram) for look in looks], stretches)
    png = io.BytesIO()
    few_colours(image).save(png, "PNG", optimize=True)
    write_file(target, [png.getvalue()], overwrite=overwrite)


def _title(look: Look) -> str:
    return f"{look.name} ({look.info.sample_rate / 1000:g} kHz)"
