"""`hifisr train`: the training recipe on your own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hifisr_cli.errors import UsageError

_LOG_EVERY = 50


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The run; see examples/train.toml.")],
    *,
    data: Annotated[list[Path], typer.Option(help="Folder of full-band recordings (may be given several times).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for states and the frozen model.")],
    validation: Annotated[
        Path | None, typer.Option(help="Folder of held-out recordings; decides which state is kept as the best.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Start from the weights of this model, of the same sizes.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last state in the output folder.")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads (default: all cores).")] = None,
    name: Annotated[str, typer.Option(help="Name of the frozen model.")] = "trained",
    licence: Annotated[str, typer.Option(help="SPDX identifier of the weights' licence.")] = "Apache-2.0",
) -> None:
    """Train a network and freeze its best state as model.safetensors."""
    import torch
    from tqdm import tqdm

    from hifisr_cli.checkpoints.frozen import load
    from hifisr_cli.checkpoints.registry import find_model
    from hifisr_cli.train.config import TrainConfig
    from hifisr_cli.train.data import Batches, load_clips
    from hifisr_cli.train.export import freeze_state
    from hifisr_cli.train.loop import BEST_NAME, STATE_NAME, Trainer
    from hifisr_cli.train.validation import excerpts, validate

    settings = TrainConfig.read(config)
    last = output / STATE_NAME
    if last.exists() != resume:
        raise UsageError(
            "there is nothing to resume" if resume else "holds a training state already",
            path=output,
            hint="leave out --resume" if resume else "add --resume, or choose another folder",
        )
    if threads is not None:
        torch.set_num_threads(threads)
    held_out = excerpts(load_clips([validation])) if validation is not None else None
    trainer = Trainer(
        settings,
        Batches(load_clips(data), settings),
        output,
        device=device,
        validate=None if held_out is None else lambda generator: validate(generator, held_out),
    )
    if resume:
        trainer.resume(last)
    elif init is not None:
        trainer.start_from(load(find_model(init).path)[0])
    try:
        with tqdm(total=settings.steps, initial=trainer.step_index, unit="step") as bar:
            while trainer.step_index < settings.steps:
                report = trainer.step()
                bar.update()
                if report.validation is not None:
                    bar.write(f"step {report.step}: " + _figures(report.validation))
                elif report.step % _LOG_EVERY == 0:
                    bar.set_postfix_str(_figures(report.losses))
    finally:  # Ctrl-C and SIGTERM arrive as exceptions: what was learnt stays
        trainer.save()
    best = output / (BEST_NAME if held_out is not None else STATE_NAME)
    info = freeze_state(best, output / "model.safetensors", name=name, licence=licence)
    typer.echo(f"{output / 'model.safetensors'}: {info.name}, parameters {info.parameter_hash[:12]}")


def _figures(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())
