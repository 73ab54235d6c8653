"""`hifisr train`: the training recipe on your own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hifisr_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hifisr_cli.train.clips import Clip
    from hifisr_cli.train.config import TrainConfig
    from hifisr_cli.train.data import Batch, Batches
    from hifisr_cli.train.distributed import Place

_LOG_EVERY = 50


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The run; see examples/train.toml.")],
    *,
    data: Annotated[list[Path], typer.Option(help="Folder of full-band recordings (may be given several times).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for states and the frozen model.")],
    validation: Annotated[
        Path | None, typer.Option(help="Folder of held-out recordings; decides which state is kept as the best.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the configuration (section.key=value)."),
    ] = None,
    init: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Start from the weights of this model, of the same sizes.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last state in the output folder.")] = False,
    device: Annotated[
        str, typer.Option(metavar="cpu|cuda", help="Under torchrun, cuda is each process's own GPU.")
    ] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads [default: all cores].")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that prepare data ahead; for GPUs.")] = 0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write what TensorBoard shows (needs the extra 'tensorboard').")
    ] = False,
    name: Annotated[str, typer.Option(help="Name of the frozen model.")] = "trained",
    licence: Annotated[str, typer.Option(help="SPDX identifier of the weights' licence.")] = "Apache-2.0",
) -> None:
    """Train a network and freeze its best state as model.safetensors.

    On several GPUs: torchrun --nproc-per-node N -m hifisr_cli train ... --device cuda
    """
    import torch
    from tqdm import tqdm

    from hifisr_cli.checkpoints.registry import find_model
    from hifisr_cli.train.board import Board
    from hifisr_cli.train.clips import load_clips
    from hifisr_cli.train.config import TrainConfig
    from hifisr_cli.train.data import Batches
    from hifisr_cli.train.distributed import joined
    from hifisr_cli.train.loop import BEST_NAME, STATE_NAME, Trainer
    from hifisr_cli.train.validation import excerpts, validate

    settings = TrainConfig.read(config, changes or ())
    last = output / STATE_NAME
    if last.exists() != resume:
        raise UsageError(
            "there is nothing to resume" if resume else "holds a training state already",
            path=output,
            hint="leave out --resume" if resume else "add --resume, or choose another folder",
        )
    if threads is not None:
        torch.set_num_threads(threads)
    with joined(device) as place:
        first = place.rank == 0
        held_out = excerpts(load_clips([validation])) if validation is not None and first else []
        clips = _clips(data, settings, place)
        batches = Batches(clips, settings, rank=place.rank, processes=place.processes)
        trainer = Trainer(
            settings,
            batches,
            output,
            device=place.device,
            validate=(lambda generator: validate(generator, held_out)) if held_out else None,
        )
        if resume:
            trainer.resume(last)
        elif init is not None:
            trainer.start_from_model(find_model(init).path)
        board = Board(output / "tensorboard", held_out) if tensorboard and first else None
        bar = tqdm(total=settings.steps, initial=trainer.step_index, unit="step", disable=not first)
        try:
            for batch in _ahead(batches, range(trainer.step_index, settings.steps), workers):
                report = trainer.step(batch)
                bar.update()
                if board is not None:
                    board.take(report, trainer.average)
                if report.validation is not None:
                    bar.write(f"step {report.step}: " + _figures(report.validation))
                elif report.step % _LOG_EVERY == 0:
                    bar.set_postfix_str(_figures(report.losses))
        finally:  # Ctrl-C and SIGTERM arrive as exceptions: what was learnt stays
            bar.close()
            if first:
                trainer.save()
            if board is not None:
                board.close()
    if first:
        best = output / BEST_NAME
        _freeze(best if held_out and best.exists() else last, output / "model.safetensors", name, licence)


def _clips(data: list[Path], settings: TrainConfig, place: Place) -> list[Clip]:
    """The recordings in these folders, and what is rendered for the run."""
    from hifisr_cli.cli.terminal import counting_bar
    from hifisr_cli.train.clips import load_clips
    from hifisr_cli.train.rendering.pieces import rendered_clips

    rendering, rank, processes = settings.rendering, place.rank, place.processes
    with counting_bar(unit="piece", disable=rank > 0 or not rendering.pieces) as on_progress:
        rendered = rendered_clips(rendering, rank=rank, processes=processes, on_progress=on_progress)
    return load_clips(data, settings.floors) + rendered


def _freeze(state: Path, model: Path, name: str, licence: str) -> None:
    """The averaged weights of a training state as a model."""
    from hifisr_cli.audio.resample import RESAMPLER_ID
    from hifisr_cli.train.freeze import freeze_state

    info = freeze_state(state, model, name=name, licence=licence, resampler=RESAMPLER_ID)
    typer.echo(f"{model}: {info.name}, parameters {info.parameter_hash[:12]}")


def _ahead(batches: Batches, steps: range, workers: int) -> Iterator[Batch]:
    """The batches of these steps, prepared by other processes where there are any."""
    if not workers:
        for step in steps:
            yield batches[step]
        return
    from torch.utils.data import DataLoader

    loader: Any = DataLoader(batches, batch_size=None, sampler=steps, num_workers=workers, prefetch_factor=4)  # type: ignore[arg-type]  # a map-style dataset in all but name
    yield from loader


def _figures(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())
