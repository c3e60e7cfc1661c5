"""`gramian resample`: thin the large classes of a table so that each still covers what it covered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from gramian.sampling import Resampling

# Columns of a class that the terminal lists; the page and --json have all.
_SHOWN = 8


def resample_command(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A table with a header: .csv, .tsv or .parquet.")],
    target: Annotated[str, typer.Option(help="The column of classes.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: .csv, .tsv or .parquet.")],
    method: Annotated[str, typer.Option(help="select keeps rows of the table; prototypes learns new ones.")] = "select",
    ratio: Annotated[
        float, typer.Option(help="The smallest class over every thinned one, up to 1: 0.5 keeps twice as many.")
    ] = 1.0,
    alpha: Annotated[
        float | None, typer.Option(help="Order of the divergence; default: 2 to select, 1.01 to learn.")
    ] = None,
    bandwidth: Annotated[
        str, typer.Option(help="median, mean, dimension, or a number in standard deviations.")
    ] = "median",
    bandwidth_factor: Annotated[float, typer.Option(help="Multiplies the bandwidth.")] = 1.0,
    ignore: Annotated[
        list[str] | None, typer.Option(help="A column of numbers not to measure, such as an id; repeatable.")
    ] = None,
    random_subsets: Annotated[int, typer.Option(help="Random subsets to compare with, at most.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Of every draw.", min=0, max=2**32 - 1)] = 0,
    report: Annotated[Path | None, typer.Option(help="Write this HTML page: before and after.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over files that are there.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Thin over-represented classes of a table, and say what that changed.

    Distances are measured in the columns of numbers. Other columns ride along when rows are selected; learned rows do
    not have them.
    """
    for path in (out, report):
        if path is not None and path.exists() and not overwrite:
            raise ValueError(f"out: expected a new file; got {path}, which is there. Add --overwrite to replace it.")
    from gramian.sampling import resample_file

    result = resample_file(
        data,
        target=target,
        out=out,
        method=method,
        ratio=ratio,
        alpha=alpha,
        bandwidth=_bandwidth(bandwidth),
        bandwidth_factor=bandwidth_factor,
        ignore=ignore or (),
        random_subsets=random_subsets,
        seed=seed,
    )
    page = None
    if report is not None:
        from gramian.report import render_resampling

        page = render_resampling(result.document(), title=data.name, out=report)
    if json_output:
        typer.echo(json.dumps(result.document()))
        return
    _show(result, Console())
    typer.echo(f"Written: {out}")
    if page:
        typer.echo(f"Report:  {page}")


def _bandwidth(typed: str) -> str | float:
    try:
        return float(typed)
    except ValueError:
        return typed


def _show(result: Resampling, console: Console) -> None:
    counts = Table(box=None, pad_edge=False, header_style="bold")
    for title in (result.target, "before", "after", "divergence", "random mean", "random best"):
        counts.add_column(title, justify="left" if title == result.target else "right")
    for name, (before, after) in result.counts.items():
        found = result.classes.get(name)
        numbers = (found.divergence, found.random_mean, found.random_best) if found else ()
        counts.add_row(name, str(before), str(after), *(f"{number:.3g}" for number in numbers))
    console.print(counts)
    for name, found in result.classes.items():
        order = sorted(zip(result.measured, found.columns, strict=True), key=lambda pair: -pair[1].distance)
        columns = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
        columns.title = f"Columns of {name} that changed most"
        for title in ("column", "mean before", "mean after", "shift", "spread", "distance"):
            columns.add_column(title, justify="left" if title == "column" else "right")
        for column, shift in order[:_SHOWN]:
            columns.add_row(
                column,
                f"{shift.mean_before:.4g}",
                f"{shift.mean_after:.4g}",
                f"{shift.shift:+.3f}",
                f"{shift.spread:.3f}",
                f"{shift.distance:.3f}",
            )
        console.print(columns)
        console.print(
            f"{name}: divergence of order 2 from the class {found.divergence:.3g} nats;"
            f" {found.random_subsets} random subsets of that size: {found.random_mean:.3g} on average,"
            f" {found.random_best:.3g} at best.",
            markup=False,
            highlight=False,
        )
    if result.left_out:
        fate = "they ride along" if result.method == "select" else "learned rows have none, so they are not written"
        listed = ", ".join(result.left_out[:_SHOWN]) + (", ..." if len(result.left_out) > _SHOWN else "")
        console.print(f"Not measured: {listed}; {fate}.", markup=False, highlight=False)
