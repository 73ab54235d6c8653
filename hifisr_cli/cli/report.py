"""`hifisr report`: the page about a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hifisr_cli.errors import UsageError

if TYPE_CHECKING:
    from hifisr_cli.report.write import Report


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The output folder of a run.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="HTML", help="The page [default: DIR/report.html].")
    ] = None,
    pictures: Annotated[
        str,
        typer.Option(
            metavar="N|all|none",
            help="Draw spectrograms of N files, those with warnings first; all go into a folder beside the page.",
        ),
    ] = "50",
    embed: Annotated[
        bool, typer.Option("--embed", help="Put the sound of the drawn files into the page, up to 200 MB.")
    ] = False,
    originals: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the inputs are now, if they have moved.")
    ] = None,
) -> None:
    """Write a page about a run: what was done to every file, to see and to hear.

    One HTML file that opens from disk and loads nothing from the network. It refers to the recordings by relative
    paths, so it stays beside them; --embed puts them into the page.
    """
    written = make_report(folder, output, pictures=pictures, embed=embed, originals=originals)
    typer.echo(f"{written.path}: {written.files} files, pictures of {written.drawn}", err=True)


def make_report(
    folder: Path,
    output: Path | None = None,
    *,
    pictures: str = "50",
    embed: bool = False,
    originals: Path | None = None,
    quiet: bool = False,
    seal: bool = True,
) -> Report:
    """The report with a progress bar on standard error where that is a terminal; in a bag it becomes part of it.

    Args:
        seal: note the page in the bag's manifest; not where the whole bag is about to be sealed.

    Raises what `write_report` raises.
    """
    count = parse_pictures(pictures)
    from hifisr_cli.cli.terminal import counting_bar
    from hifisr_cli.report.write import write_report

    hidden = quiet or sys.stderr is None or not sys.stderr.isatty()
    with counting_bar(desc="pictures", unit="file", leave=False, disable=hidden) as on_progress:
        written = write_report(
            folder, output, pictures=count, embed=embed, originals=originals, on_progress=on_progress
        )
    if seal and folder.resolve() in written.path.resolve().parents:
        from hifisr_cli.provenance.bagit import is_bag, seal_tags

        if is_bag(folder):
            seal_tags(folder)
    return written


def parse_pictures(text: str) -> int | Literal["all"]:
    """The value of --pictures."""
    if text == "all":
        return "all"
    if text == "none":
        return 0
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"--pictures {text!r} is neither a number, 'all' nor 'none'", hint="say --pictures 100")
    return int(text)
