"""`hifisr evaluate`: how good a model is, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hifisr_cli.errors import UsageError
from hifisr_cli.system.machine import peak_memory

_DEFAULT_RATES = "4000,8000,12000,16000,24000,32000"


def evaluate(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for eval.json, table.md and pictures.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Full-band recordings that no model was trained on.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Instead of --data: originals of finished files.")
    ] = None,
    estimate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The finished files, of any program, named like the originals.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="A model by name, or a .safetensors file [default: the bundled one]."),
    ] = None,
    rates: Annotated[
        str,
        typer.Option(
            metavar="HZ,HZ,...", help="Input rates. With --estimate the one that the files were restored from."
        ),
    ] = _DEFAULT_RATES,
    rows: Annotated[
        Literal["rates", "robustness", "all"],
        typer.Option(
            metavar="rates|robustness|all", help="Plain input rates, disturbed inputs (noise, codecs, tape), or both."
        ),
    ] = "rates",
    protocol: Annotated[
        Literal["hifisr", "tfnet"],
        typer.Option(
            metavar="hifisr|tfnet",
            help="Ours, or that of TFNet's paper: up to 8 kHz, thinned out by 4, 6 and 8, SNR and LSD of patches.",
        ),
    ] = "hifisr",
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Leave out recordings with TEXT in their path (may be given several times)."),
    ] = None,
    given_cutoff: Annotated[
        bool, typer.Option("--given-cutoff", help="Tell the network the true cutoff instead of detecting it.")
    ] = False,
    baselines: Annotated[
        bool,
        typer.Option("--baselines", help="Score the untouched input, too, and the octave below copied upwards (SBR)."),
    ] = False,
    visqol: Annotated[
        bool, typer.Option("--visqol", help="Measure ViSQOL, too (slow; needs the extra 'visqol').")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Draw the best, median and worst recording of each row.")
    ] = True,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda|cuda:N|mps", help="Where the network runs.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processor threads [default: all cores].")
    ] = None,
) -> None:
    """Measure a model: degrade full-band recordings, restore them as upsample does, compare with the originals."""
    from hifisr_cli.cli.terminal import counting_bar
    from hifisr_cli.evaluate import table
    from hifisr_cli.evaluate.measures import load_visqol

    wanted = _rates(rates)
    if (data is None) == (reference is None) or (reference is None) != (estimate is None):
        raise UsageError("say what to measure: --data DIR, or --reference DIR with --estimate DIR")
    if protocol == "tfnet" and (
        data is None or rates != _DEFAULT_RATES or rows != "rates" or given_cutoff or baselines or visqol
    ):
        raise UsageError("--protocol tfnet has rows and measures of its own", hint="give it --data and --model alone")
    judge = load_visqol() if visqol else None
    output.mkdir(parents=True, exist_ok=True)
    if reference is not None and estimate is not None:
        from hifisr_cli.evaluate.bench import score_finished

        if len(wanted) != 1:
            raise UsageError("say with --rates HZ which one rate the finished files were restored from")
        with counting_bar(unit="recording") as on_progress:
            pairs = score_finished(reference, estimate, wanted[0] / 2, visqol=judge, on_progress=on_progress)
        _write(output, table.finished_json(pairs), table.to_markdown(table.finished_rows(pairs)))
        return

    from hifisr_cli.engines.load import load_model
    from hifisr_cli.evaluate import bench, conditions
    from hifisr_cli.evaluate.pictures import draw_triples
    from hifisr_cli.evaluate.replicator import Replicator

    if data is None:
        raise UsageError("say what to measure: --data DIR")
    chosen = conditions.input_rates(wanted, detect=not given_cutoff) if rows != "robustness" else []
    chosen += conditions.robustness() if rows != "rates" else []
    recordings = bench.find_recordings(data, exclude or ())
    loaded = load_model(model, device=device, threads=threads)
    used = loaded.identity
    if protocol == "tfnet":
        from hifisr_cli.evaluate import tfnet_protocol

        with counting_bar(unit="recording") as on_progress:
            patches = tfnet_protocol.evaluate_patches(data, recordings, loaded, on_progress=on_progress)
        found = tfnet_protocol.patches_json(patches, used.name, used.parameter_hash)
        _write(output, found, table.to_markdown(tfnet_protocol.summarize_patches(patches)))
        return
    with counting_bar(unit="recording") as on_progress:
        scores = bench.evaluate(
            data,
            recordings,
            [Replicator(), loaded] if baselines else [loaded],
            chosen,
            with_untouched=baselines,
            visqol=judge,
            on_progress=on_progress,
        )
    report = table.to_json(scores, used.name, used.parameter_hash, peak_memory_mb=peak_memory() / 2**20)
    tables = [table.summarize(scores, used.name), table.by_kind(scores)]
    _write(output, report, "\n".join(map(table.to_markdown, tables)))
    if pictures:
        with counting_bar(unit="row") as on_progress:
            draw_triples(data, scores, chosen, loaded, output / "pictures", on_progress=on_progress)


def _write(output: Path, report: dict[str, Any], markdown: str) -> None:
    (output / "eval.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
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
