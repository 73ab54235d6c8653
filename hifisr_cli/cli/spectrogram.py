"""`hifisr spectrogram`: a picture of a recording, or of a pair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hifisr_cli.cli.settings import parse_cutoff
from hifisr_cli.errors import UsageError


def spectrogram(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")],
    second: Annotated[
        Path | None, typer.Argument(metavar="[FILE2]", help="Another one, drawn beside it: the restored one, say.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PNG", help="The picture to write.")],
    cutoff: Annotated[
        str,
        typer.Option(metavar="auto|HZ|none", help="Where the dashed line is drawn: FILE's measured cutoff, or given."),
    ] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that is there already.")] = False,
) -> None:
    """Draw the spectrogram of a recording, or of two side by side, from 0 to 24 kHz.

    The scale is always the same, so that pictures can be compared; the dashed line is the cutoff of FILE.
    """
    if output.suffix.lower() != ".png":
        raise UsageError("the picture is a PNG file", path=output, hint="choose a name that ends in .png")
    given = None if cutoff == "none" else parse_cutoff(cutoff)

    from hifisr_cli.report.comparison import draw_comparison

    draw_comparison(
        [file] if second is None else [file, second],
        output,
        cutoff_hz=given,
        mark_cutoff=cutoff != "none",
        overwrite=overwrite,
    )
