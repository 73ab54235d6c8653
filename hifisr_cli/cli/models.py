"""`hifisr models`: what models there are, and making one of published weights or of a training state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hifisr_cli.checkpoints.frozen import FrozenInfo

_NAME_OR_PATH = "A model by name, or a .safetensors file."
_JSON = typer.Option("--json", help="One JSON object a line on stdout.")
_OVERWRITE = typer.Option("--overwrite", help="Replace the output if it is there already.")
_HALF = typer.Option("--half", help="Store float16: half the size, no longer exactly the published weights.")


def models(command: type[Any]) -> typer.Typer:
    """The group, with every command of the given class."""
    group = typer.Typer(help="List, check, import and freeze models.", rich_markup_mode=None)
    group.callback(invoke_without_command=True)(_help)
    for name, function in (
        ("list", list_models),
        ("show", show),
        ("verify", verify),
        ("path", path),
        ("pull", pull),
        ("import", import_model),
        ("freeze", freeze),
    ):
        group.command(name, cls=command)(function)
    return group


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def list_models(*, as_json: Annotated[bool, _JSON] = False) -> None:
    """List the models that are here, and those that can be downloaded."""
    from hifisr_cli.checkpoints.catalogue import describe
    from hifisr_cli.checkpoints.registry import published_models, registered
    from hifisr_cli.cli.models_text import model_fields, model_table
    from hifisr_cli.cli.render import json_line

    here = [describe(model) for model in registered()]
    names = {described.model.name for described in here}
    known = [model for model in published_models() if model.name not in names]
    if not as_json:
        typer.echo("\n".join(model_table(here, known)))
        return
    for described in here:
        typer.echo(json_line(model_fields(described)))
    for published in known:
        fields = {
            "name": published.name,
            "installed": False,
            "repository": published.repository,
            "download_bytes": published.size,
        }
        typer.echo(json_line(fields | {"licence": published.licence, "trained_on": published.trained_on}))


def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME|PATH]", help=_NAME_OR_PATH, show_default=False)] = None,
    *,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Describe a model: size, licence, training, scores, limits, where its weights come from."""
    from hifisr_cli.checkpoints.catalogue import describe
    from hifisr_cli.checkpoints.registry import locate
    from hifisr_cli.cli.models_text import model_fields, model_text
    from hifisr_cli.cli.render import json_line

    for number, model in enumerate(locate(name).files):
        described = describe(model)
        text = "\n".join(model_text(described))
        typer.echo(json_line(model_fields(described)) if as_json else "\n" * (number > 0) + text)


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME|PATH]...", help="Models by name or .safetensors files [default: all].", show_default=False
        ),
    ] = None,
) -> None:
    """Check every byte of models against their hashes."""
    from hifisr_cli.checkpoints import catalogue
    from hifisr_cli.checkpoints.registry import locate, registered
    from hifisr_cli.errors import ModelError

    damaged = []
    for model in [file for name in names for file in locate(name).files] if names else registered():
        try:
            catalogue.verify(model)
        except ModelError as error:
            damaged.append(model.name)
            typer.echo(f"{model.name}: DAMAGED: {error}")
        else:
            typer.echo(f"{model.name}: ok ({'file and weights' if model.sha256 else 'weights'})")
    if damaged:
        raise ModelError(f"damaged: {', '.join(damaged)}")


def path(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help=_NAME_OR_PATH, show_default=False)] = None,
) -> None:
    """Print where a model's file is, or its files are."""
    from hifisr_cli.checkpoints.registry import locate

    for model in locate(name).files:
        typer.echo(str(model.path))


def pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A published model, see hifisr models list.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to put it [default: among your own models]."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="COMMIT", help="Another commit of the repository, 40 digits; same files.")
    ] = None,
    half: Annotated[bool, _HALF] = False,
    overwrite: Annotated[bool, _OVERWRITE] = False,
) -> None:
    """Download published weights, check them and import them.

    Needs the network and huggingface_hub (pip install 'hifisr[hub]'), which keeps the files in its cache.
    """
    from hifisr_cli.checkpoints.registry import user_folder
    from hifisr_cli.engines.pull import find_published
    from hifisr_cli.engines.pull import pull as download

    target = output or user_folder() / f"{find_published(name).name}.safetensors"
    _check_output(target, overwrite=overwrite)
    _made(download(name, target, revision=revision, half=half), target)


def import_model(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="The folder of a published checkpoint, or its files."),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.safetensors", help="The model to write.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the model [default: the published one, or the file's].")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(metavar="SPDX", help="Licence of the weights [default: known for published files].")
    ] = None,
    half: Annotated[bool, _HALF] = False,
    overwrite: Annotated[bool, _OVERWRITE] = False,
) -> None:
    """Convert published weights to a model file. Whose they are is seen from the files, and no code from them is run.

    HiFi-SR (MossFormer2_SR_48K): last_best_checkpoint with *_m.pt and *_g.pt, or m_00000000 and g_00000000.
    AudioSR: pytorch_model.bin, or safetensors of the same tensors.
    """
    from hifisr_cli.engines.importing import engine_of

    _check_output(output, overwrite=overwrite)
    weights = engine_of(sources).import_weights
    _made(weights(sources, output, name=name, licence=licence, half=half), output)


def freeze(
    state: Annotated[Path, typer.Argument(metavar="STATE.pt", help="A state that hifisr train wrote.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.safetensors", help="The model to write.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the model [default: the file's].")] = None,
    licence: Annotated[str, typer.Option(metavar="SPDX", help="Licence of the weights.")] = "Apache-2.0",
    trained_on: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The training data in a few words, for the description.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Store float32 instead of float16.")] = False,
    overwrite: Annotated[bool, _OVERWRITE] = False,
) -> None:
    """Make a model file of a training state: averaged weights, weight norm folded, with the skeleton of a card."""
    from hifisr_cli.audio.resample import RESAMPLER_ID
    from hifisr_cli.train.freeze import freeze_state

    _check_output(output, overwrite=overwrite)
    info = freeze_state(
        state,
        output,
        name=name or output.stem,
        licence=licence,
        resampler=RESAMPLER_ID,
        trained_on=trained_on,
        half=not full,
    )
    _made(info, output)


def _check_output(output: Path, *, overwrite: bool) -> None:
    """Before any work."""
    from hifisr_cli.errors import UsageError

    if output.suffix != ".safetensors":
        raise UsageError("the output is not named *.safetensors", path=output, hint="models are known by that ending")
    if output.is_dir() or (output.exists() and not overwrite):
        raise UsageError("the output exists already", path=output, hint="use --overwrite to replace it")


def _made(info: FrozenInfo, output: Path) -> None:
    from hifisr_cli.cli.models_text import licence_text

    typer.echo(f"{output}: {info.name}, licence {licence_text(info.licence)}, parameters {info.parameter_hash[:12]}")
    for limit in info.limits:
        typer.echo(f"  note: {limit}")
