"""What the terminal shows of a finished stress or evolution: one measure, cells by depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gramian.runs import read_run

_IDENTITY = ("model", "revision", "corpus", "condition")
# What a variant should say, the most wanted first: between 0 and 1 at every length, and without the first token, which can be a sink.
_WANTED = ("alpha=1", "norm=min", "tokens=no_first")
_DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_DOMINANT = 0.5


def print_cells(directory: Path) -> None:
    """Print prompt entropy, or the run's first measure, of every cell at five depths."""
    record = read_run(directory)
    console = Console()
    rows = [row for row in record.tables["measures"].to_pylist() if row["stream"] == "residual"]
    cells = record.tables["cells"].to_pylist()
    measures = list(dict.fromkeys(row["measure"] for row in rows))
    measure = "prompt_entropy" if "prompt_entropy" in measures else measures[0]
    variants = list(dict.fromkeys(row["variant"] for row in rows if row["measure"] == measure))
    variant = max(variants, key=lambda text: tuple(pair in text.split(";") for pair in _WANTED))
    values: dict[tuple[str, ...], dict[int, float]] = {}
    for row in rows:
        if (row["measure"], row["variant"]) == (measure, variant):
            values.setdefault(_key(row), {})[row["layer"]] = row["value"]
    stress = any(cell["axis"] == "strength" for cell in cells)
    for untrained in (False, True) if stress else (None,):
        chosen = [cell for cell in cells if untrained is None or cell["untrained"] == untrained]
        if chosen:
            title = f"{measure} ({variant})" if variant else measure
            console.print(f"{title}, untrained copy" if untrained else title, markup=False, highlight=False)
            console.print(_table(chosen, values))
    for line in _sinks(rows, cells):
        console.print(line, style="yellow", markup=False, highlight=False)


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in _IDENTITY)


def _table(cells: Sequence[Mapping[str, Any]], values: Mapping[tuple[str, ...], dict[int, float]]) -> Table:
    depths = [max(values.get(_key(cell), {}), default=0) for cell in cells]
    alike = len(set(depths)) == 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer" if alike else "depth")
    shares = list({round(share * depths[0]): share for share in _DEPTHS}.values()) if alike else _DEPTHS
    for share in shares:
        table.add_column(str(round(share * depths[0])) if alike else f"{share:.0%}", justify="right")
    varied = [name for name in _IDENTITY if len({cell[name] for cell in cells}) > 1]
    training = any(cell["axis"] == "step" for cell in cells) and all(cell["step"] is not None for cell in cells)
    for cell, depth in zip(cells, depths, strict=True):
        found = values.get(_key(cell), {})
        shown = [found.get(round(share * depth)) for share in shares]
        label = _step(cell) if training else " ".join(part for name in varied if (part := str(cell[name])))
        table.add_row(label or str(cell["condition"]), *("" if value is None else f"{value:.3f}" for value in shown))
    return table


def _step(cell: Mapping[str, Any]) -> str:
    return "untrained" if cell["untrained"] else f"step {cell['step']:.0f}"


def _sinks(rows: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence a model whose first token holds most of the norm somewhere, on its natural prompts."""
    lines = []
    natural = [cell for cell in cells if cell["condition"] == "natural"]
    # Of a training its last step stands for all.
    shown = (
        natural
        if any(cell["axis"] == "strength" for cell in natural)
        else [c for c in natural if not c["untrained"]][-1:]
    )
    for cell in shown:
        shares = {
            row["layer"]: row["value"] for row in rows if row["measure"] == "sink_share" and _key(row) == _key(cell)
        }
        layers = sorted(layer for layer, share in shares.items() if share > _DOMINANT)
        if layers:
            lines.append(
                f"{cell['model']}: the first token holds up to {max(shares.values()):.0%} of the squared norm "
                f"(above half at {len(layers)} of {len(shares)} layers, {layers[0]} to {layers[-1]}): read tokens=no_first."
            )
    return lines
