"""The application: its commands, and how any of them ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from hifisr_cli.cli.evaluate import evaluate
from hifisr_cli.cli.failures import Terminated, report
from hifisr_cli.cli.inspect import inspect
from hifisr_cli.cli.models import models
from hifisr_cli.cli.report import report as report_on_run
from hifisr_cli.cli.spectrogram import spectrogram
from hifisr_cli.cli.train import train
from hifisr_cli.cli.upsample import upsample
from hifisr_cli.cli.verify import verify
from hifisr_cli.system.streams import fill_closed_streams


class Command(TyperCommand):
    """A command whose every exception becomes one line and an exit status, and whose options are listed by panel."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}  # as rich would show them, which takes too long to load
        for parameter in self.get_params(ctx):
            line = parameter.get_help_record(ctx)
            if line is not None:
                default = "Arguments" if parameter.param_type_name == "argument" else "Options"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or default, []).append(line)
        for panel, lines in panels.items():
            with formatter.section(panel):
                formatter.write_dl(lines)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException, SystemExit):
            raise
        except BaseException as error:
            status = report(error, verbose=bool(ctx.params.get("verbose")), as_json=bool(ctx.params.get("as_json")))
            raise typer.Exit(status) from None


class Group(TyperGroup):
    """The application itself: usage errors are one line here, too."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        standalone_mode = kwargs.pop("standalone_mode", True)
        given = args[0] if args else kwargs.pop("args", None)
        arguments = list(sys.argv[1:] if given is None else given) or ["--help"]
        kwargs["standalone_mode"] = False
        try:
            status = super().main(arguments, *args[1:], **kwargs)
        except Exception as error:
            if not standalone_mode:
                raise
            status = report(error)
        if standalone_mode:
            sys.exit(status if isinstance(status, int) else 0)
        return status


app = typer.Typer(
    name="hifisr",
    cls=Group,
    rich_markup_mode=None,  # plain help: importing rich would double the time of --help
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Restores band-limited recordings (telephone, tape, old digital) to full-band 48 kHz.",
    epilog="Content above the cutoff of a recording is generated, not recovered: keep your originals.",
)


def _register(name: str, function: Callable[..., None]) -> None:
    """Make `function` the command `name`. Its parameters `verbose` and `as_json`, if any, shape its errors."""
    app.command(name, cls=Command)(function)


_register("upsample", upsample)
_register("verify", verify)
_register("inspect", inspect)
_register("report", report_on_run)
_register("spectrogram", spectrogram)
_register("evaluate", evaluate)
_register("train", train)
app.add_typer(models(Command), name="models")


def _print_version(value: bool) -> None:
    if value:
        from hifisr_cli import __version__

        typer.echo(f"hifisr {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _tolerate_any_name() -> None:
    """Let standard output escape what its encoding lacks instead of raising (standard error does so by itself)."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def run(arguments: Sequence[str]) -> int:
    """Run the application with `arguments` in this process and return its exit status."""
    before = signal.signal(signal.SIGTERM, _terminate)  # unwinds, so that no temporary file stays behind
    fill_closed_streams()
    _tolerate_any_name()
    try:
        app(args=list(arguments), prog_name="hifisr")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (KeyboardInterrupt, Terminated) as error:  # before a command had begun
        return report(error)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0
