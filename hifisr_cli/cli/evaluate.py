"""`hifisr evaluate`: how good a model is, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hifisr_cli.errors import UsageError


def evaluate(
    *,
    data: Annotated[Path, typer.Option(help="Folder of full-band recordings that no model was trained on.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for eval.json and table.md.")],
    model: Annotated[
        str | None, typer.Option(help="Name of a model, or a .safetensors file (default: the bundled one).")
    ] = None,
    rates: Annotated[str, typer.Option(help="Input rates in Hz, separated by commas.")] = "4000,8000,16000,24000",
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Leave out recordings with TEXT in their path (may be given several times)."),
    ] = None,
    given_cutoff: Annotated[
        bool, typer.Option("--given-cutoff", help="Tell the network the true cutoff instead of detecting it.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads (default: all cores).")] = None,
) -> None:
    """Measure a model: band-limit full-band recordings, restore them, compare with the originals."""
    from tqdm import tqdm

    from hifisr_cli.evaluate import bench, table
    from hifisr_cli.restore.model import load_model

    wanted = _rates(rates)
    loaded = load_model(model, device=device, threads=threads)
    output.mkdir(parents=True, exist_ok=True)
    recordings = bench.find_recordings(data, exclude or ())
    with tqdm(total=len(recordings), unit="recording") as bar:

        def advance(_done: int, _count: int) -> None:
            bar.update()

        scores = bench.evaluate(
            data, recordings, loaded, rates=wanted, detect_cutoff=not given_cutoff, on_progress=advance
        )
    report = table.to_json(scores, loaded.name, loaded.parameter_hash)
    (output / "eval.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    markdown = table.to_markdown(table.summarize(scores))
    (output / "table.md").write_text(markdown, "utf-8")
    typer.echo(markdown, nl=False)


def _rates(text: str) -> tuple[int, ...]:
    try:
        rates = tuple(int(part) for part in text.split(","))
    except ValueError:
        rates = ()
    if not rates or not all(2_000 <= rate <= 44_100 for rate in rates):
        raise UsageError(f"--rates {text!r} is not a list of rates between 2000 and 44100 Hz", hint="say 8000,16000")
    return rates
