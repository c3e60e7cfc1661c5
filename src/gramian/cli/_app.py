"""The `gramian` program: its commands, and how a user's mistake is shown."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Protocol, runtime_checkable

import typer
from typer.exceptions import TyperException

from gramian import __version__
from gramian.cli._bimodality import bimodality_command
from gramian.cli._compare import compare_command
from gramian.cli._downstream import downstream_command
from gramian.cli._evolve import evolve_command
from gramian.cli._export import export_command
from gramian.cli._measure import measure_command
from gramian.cli._metrics import metrics_command
from gramian.cli._multiview import multiview_command
from gramian.cli._pretrain import pretrain_command
from gramian.cli._probe import probe_command
from gramian.cli._recommend import recommend_command
from gramian.cli._report import report_command
from gramian.cli._resample import resample_command
from gramian.cli._stress import stress_command
from gramian.cli._sweep import sweep_command

app = typer.Typer(
    name="gramian",
    help="Information theory of representations, from the spectrum of kernel matrices.",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("measure")(measure_command)
app.command("downstream")(downstream_command)
app.command("recommend")(recommend_command)
app.command("report")(report_command)
app.command("stress")(stress_command)
app.command("evolve")(evolve_command)
app.command("sweep")(sweep_command)
app.command("metrics")(metrics_command)
app.command("bimodality")(bimodality_command)
app.command("export")(export_command)
app.command("resample")(resample_command)
app.command("compare")(compare_command)
app.command("pretrain")(pretrain_command)
app.command("probe")(probe_command)
app.command("multiview")(multiview_command)

# What the library raises for wrong input. Set GRAMIAN_TRACEBACK to see where.
USER_ERRORS = (ValueError, TypeError, OSError, ImportError)


INTERRUPTED = 130
# Commands that go on where they stopped.
GOES_ON = ("measure ", "downstream ", "stress ", "evolve ", "sweep ", "pretrain ", "multiview ")


def _version(shown: bool) -> None:
    if shown:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Information theory of representations, from the spectrum of kernel matrices."""


def main() -> None:
    """Run the command line; wrong use or wrong input prints one line and exits with 2, an interrupt with 130."""
    try:
        code = app(standalone_mode=False, prog_name="gramian") or 0
        if code == INTERRUPTED:
            goes_on = f" The same command goes on from the last whole {_unit()}." if _command_typed() in GOES_ON else ""
            print(f"gramian: stopped.{goes_on}", file=sys.stderr)
        sys.exit(code)
    except TyperException as error:
        message = error.format_message() if isinstance(error, SupportsFormat) else str(error)
        print(f"gramian: {' '.join(message.split())} See gramian {_command_typed()}--help.", file=sys.stderr)
        sys.exit(2)
    except USER_ERRORS as error:
        if os.environ.get("GRAMIAN_TRACEBACK"):
            raise
        print(f"gramian: {one_line(error)}", file=sys.stderr)
        sys.exit(2)


@runtime_checkable
class SupportsFormat(Protocol):
    """Usage errors that word themselves."""

    def format_message(self) -> str: ...


def _unit() -> str:
    return "checkpoint" if _command_typed() in ("pretrain ", "multiview ") else "chunk"


def _command_typed() -> str:
    names = {command.name for command in app.registered_commands}
    return next((f"{argument} " for argument in sys.argv[1:] if argument in names), "")


def one_line(error: BaseException) -> str:
    """An error's message on one line."""
    return " ".join(str(error).split()) or type(error).__name__
