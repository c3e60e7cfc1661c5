"""`gramian metrics`: every measure, with what it needs, its unit, range and source."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class MetricRow:
    """What the command prints of one measure."""

    name: str
    needs: str
    unit: str
    bounds: str
    invariances: list[str]
    source: str
    summary: str


def metrics_command(
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List every measure: what it needs, unit, range, invariances and source."""
    from gramian.quality import available

    rows = [MetricRow(m.name, m.needs, m.unit, m.bounds, list(m.invariances), m.source, m.summary) for m in available()]
    if json_output:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("measure", "needs", "unit", "range", "unchanged by", "source"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.name, row.needs, row.unit, row.bounds, ", ".join(row.invariances), row.source)
    Console(width=None).print(table, markup=False)
