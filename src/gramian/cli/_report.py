"""`gramian report`: the page of one run, or of several overlaid by relative depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def report_command(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Run directories; several are overlaid.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write the page; default: report.html in the first DIR.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Write one HTML page, readable offline, from finished runs."""
    from gramian.report import render

    page = render(directories, out=out)
    typer.echo(json.dumps({"report": str(page)}) if json_output else f"Report: {page}")
