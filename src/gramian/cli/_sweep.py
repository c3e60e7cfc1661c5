"""`gramian sweep`: many models, revisions, corpora and conditions as one plan, here or on a Ray cluster."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gramian.cli import _plan_options as options
from gramian.cli._cells_summary import print_cells
from gramian.cli._progress import ProgressBar

if TYPE_CHECKING:
    from gramian.sweeps import Executor, Plan

_RAY = "Ray"


def sweep_command(
    plan_file: Annotated[
        Path,
        typer.Argument(metavar="PLAN", help="A YAML file of models, corpora and conditions; see the guide of sweeps."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run directory; default: runs/ and the plan's name.", rich_help_panel="Run"),
    ] = None,
    overwrite: options.Overwrite = False,
    extend: Annotated[
        bool,
        typer.Option(
            help="Take over the finished cells of a plan that differed in its cells only.", rich_help_panel="Run"
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the cells and about how much they read, and stop.")
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            help="local: a cluster of this machine; auto: the one it belongs to; or HOST:PORT of a head node.",
            rich_help_panel=_RAY,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="How many workers; default: as many as fit, each with the plan's threads as cores.",
            rich_help_panel=_RAY,
        ),
    ] = None,
    gpus: Annotated[
        float,
        typer.Option(
            help="Graphics processors of each worker, 0.5 for one that two share; 0 hides them.", rich_help_panel=_RAY
        ),
    ] = 0.0,
    retries: Annotated[
        int, typer.Option(help="How many workers one piece of work may lose before the run ends.", rich_help_panel=_RAY)
    ] = 3,
    report: options.Report = True,
    json_output: options.JsonOutput = False,
) -> None:
    """Measure every cell of a plan; the same command again goes on where it stopped, with any number of workers."""
    from gramian.report import render
    from gramian.sweeps import load_plan, run_plan

    executor = _executor(ray, workers=workers, gpus=gpus, retries=retries)
    plan = load_plan(plan_file)
    if dry_run:
        _print_estimates(plan, json_output=json_output)
        return
    directory = out or Path("runs") / plan_file.stem
    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Loading model" if ray is None else "Starting workers")
        result = run_plan(
            plan,
            out=directory,
            executor=executor,
            overwrite=overwrite,
            extend=extend,
            progress=bar.update,
            command_line=shlex.join(["gramian", *sys.argv[1:]]),
        )
        page = render([directory]) if report else None
    if json_output:
        summary = {"run": str(directory), "report": str(page) if page else None, "manifest": result.manifest}
        typer.echo(json.dumps(summary))
        return
    print_cells(directory)
    typer.echo(f"Run:    {directory}")
    if page:
        typer.echo(f"Report: {page}")


def _executor(ray: str | None, *, workers: int | None, gpus: float, retries: int) -> Executor | None:
    if ray is not None:
        from gramian.sweeps import OnRay

        return OnRay(ray, workers=workers, gpus=gpus, retries=retries)
    for name, asked in (("--workers", workers is not None), ("--gpus", gpus != 0), ("--retries", retries != 3)):
        if asked:
            raise ValueError(f"{name}: expected none without --ray; got one. Add `--ray local`, or leave it out")
    return None


def _print_estimates(plan: Plan, *, json_output: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from gramian.sweeps import estimate_tokens

    tokens = estimate_tokens(plan)
    total = sum(count or 0 for count in tokens)
    if json_output:
        cells = [{**cell.parameters(), "tokens": count} for cell, count in zip(plan.cells, tokens, strict=True)]
        typer.echo(json.dumps({"cells": cells, "tokens": total}))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("cell", "right"), ("model", "left"), ("revision", "left"), ("corpus", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    table.add_column("condition")
    table.add_column("tokens, about", justify="right")
    for number, (cell, count) in enumerate(zip(plan.cells, tokens, strict=True)):
        model = f"{cell.model} (untrained)" if cell.untrained else cell.model
        condition = "natural" if cell.condition is None else cell.condition.name
        shown = "images" if count is None else f"{count:,}"
        table.add_row(str(number), model, str(cell.model_options.get("revision", "")), cell.corpus, condition, shown)
    Console().print(table)
    typer.echo(f"{len(plan.cells)} cells, about {total:,} tokens")
