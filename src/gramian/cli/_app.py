"""The `gramian` program: its commands, and how a user's mistake is shown."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gramian import __version__
from gramian.cli._measure import measure_command
from gramian.cli._metrics import metrics_command
from gramian.cli._report import report_command

app = typer.Typer(
    name="gramian",
    help="Information theory of representations, from the spectrum of kernel matrices.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("measure")(measure_command)
app.command("report")(report_command)
app.command("metrics")(metrics_command)

USER_ERRORS = (ValueError, TypeError, OSError, ImportError)


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
        app()
    except KeyboardInterrupt:
        print("gramian: stopped. The same command goes on from the last whole chunk.", file=sys.stderr)
        sys.exit(130)
    except USER_ERRORS as error:
        print(f"gramian: {one_line(error)}", file=sys.stderr)
        sys.exit(2)


def one_line(error: BaseException) -> str:
    """An error's message on one line; a system error also names its file."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
