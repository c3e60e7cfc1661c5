"""What the terminal shows of a finished run: a few measures at a few depths, and what was too small to trust."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gramian.runs import read_run

# Measure, first words of its variant's tokens, title. The first token can hold most of the norm, so what the others do comes first.
COLUMNS = (
    ("prompt_entropy", "no_first", "prompt entropy"),
    ("dataset_entropy", "no_first", "dataset entropy"),
    ("effective_rank", "no_first", "effective rank"),
    ("lidar", "no_first", "LiDAR"),
    ("augmentation_dime", "no_first", "DiME"),
    ("infonce", "no_first", "InfoNCE"),
    ("curvature", "no_first", "curvature"),
    ("sink_share", "", "first token's share"),
)
_WIDEST = 12
_ROOM_FOR_ERRORS = 110


def print_summary(directory: Path) -> None:
    """Print the main measures at a dozen layers, and the warnings of the run."""
    record = read_run(directory)
    console = Console()
    for line in _warnings(record.manifest.get("warnings", [])):
        console.print(line, style="yellow", markup=False, highlight=False)
    rows = record.tables["measures"].to_pylist()
    chosen = _columns(rows)
    console.print(_table(rows, chosen, errors=console.width >= _ROOM_FOR_ERRORS))
    for line in _footnotes(chosen):
        console.print(line, style="dim", markup=False, highlight=False)


def _warnings(warnings: Sequence[str]) -> list[str]:
    """The run's warnings, `measure: why`, one line a reason."""
    grouped: dict[str, list[str]] = {}
    for warning in warnings:
        measure, _, why = warning.partition(": ")
        grouped.setdefault(why, []).append(measure)
    return [f"Small sample for {', '.join(measures)}: {why}" for why, measures in grouped.items()]


def _table(rows: Sequence[Mapping[str, Any]], chosen: Mapping[str, tuple[str, str]], *, errors: bool) -> Table:
    cells: dict[tuple[int, str], dict[str, str]] = {}
    for row in rows:
        if chosen.get(row["measure"], ("",))[0] == row["variant"]:
            cells.setdefault((row["layer"], row["stream"]), {})[row["measure"]] = _cell(row, errors=errors)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer", justify="right")
    for _, title in chosen.values():
        table.add_column(title, justify="right", no_wrap=errors)
    for layer, stream in spread_layers(sorted(cells, key=lambda key: (key[1] != "residual", key[0]))):
        name = str(layer) if stream == "residual" else "normed"
        table.add_row(name, *(cells[layer, stream].get(measure, "") for measure in chosen))
    return table


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Variant and title of each measure shown: the main ones, or what there is."""
    variants: dict[str, list[str]] = {}
    for row in rows:
        if row["variant"] not in variants.setdefault(row["measure"], []):
            variants[row["measure"]].append(row["variant"])
    wanted = [column for column in COLUMNS if column[0] in variants] or [
        (name, "", name) for name in list(variants)[:6]
    ]
    return {name: (_preferred(variants[name], tokens), title) for name, tokens, title in wanted}


def _preferred(variants: Sequence[str], tokens: str) -> str:
    """The variant shown: of the tokens wanted, at order 1 where there is one."""
    fitting = [variant for variant in variants if tokens in variant] or list(variants)
    return next((variant for variant in fitting if variant.startswith("alpha=1;")), fitting[0])


def _footnotes(chosen: Mapping[str, tuple[str, str]]) -> list[str]:
    shown = [variant for variant, _ in chosen.values()]
    orders = sorted({pair[6:] for variant in shown for pair in variant.split(";") if pair.startswith("alpha=")})
    lines = [f"Entropies of order {', '.join(orders)}."] if orders else []
    if any("no_first" in variant for variant in shown):
        lines.append("All but the first token of each prompt.")
    return lines


def _cell(row: Mapping[str, Any], *, errors: bool) -> str:
    value, error = row["value"], row["stderr"]
    if not errors or error is None or not math.isfinite(error):
        return f"{value:.3g}"
    return f"{value:.3g} ± {error:.1g}"


def spread_layers(keys: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """At most a dozen layers, evenly spread, always with the first, the last and the normed state."""
    if len(keys) <= _WIDEST:
        return keys
    step = (len(keys) - 2) / (_WIDEST - 2)
    chosen = sorted({round(i * step) for i in range(_WIDEST - 1)} | {len(keys) - 2, len(keys) - 1})
    return [keys[i] for i in chosen]
