"""`gramian recommend`: which layer to use, by which rule, and how far each rule stays from the best."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from gramian.downstream import Recommendation

DOCUMENT = "recommendation.json"


def recommend_command(
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Runs of gramian downstream and gramian measure, of one model."),
    ],
    rule: Annotated[
        str | None, typer.Option(help="best_on_tasks, least_dime, least:anisotropy, ...; default: the scores', if any.")
    ] = None,
    reading: Annotated[
        str | None, typer.Option(help="Such as 'pooling=mean_no_first;normalize=raw'; default: the best.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Judge by this task; repeatable. Default: all.")] = None,
    streams: Annotated[str, typer.Option(help="all, or residual to leave out the final-normed state.")] = "all",
    model: Annotated[str | None, typer.Option(help="Which model, where the runs hold several.")] = None,
    revision: Annotated[str | None, typer.Option(help="Which revision, where the runs hold several.")] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Which corpus the measures are of, where there are several.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every bootstrap.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Recommend a layer, with the regret of every rule against the best, the last and a random layer."""
    from gramian.downstream import recommend_layer
    from gramian.runs import read_run, write_document

    records = [read_run(directory) for directory in directories]
    measures = [
        row for record in records if "measures" in record.tables for row in record.table("measures").to_pylist()
    ]
    scores = [row for record in records if "scores" in record.tables for row in record.table("scores").to_pylist()]
    result = recommend_layer(
        measures or None,
        scores or None,
        model=model,
        revision=revision,
        tasks=task,
        rule=rule,
        reading=reading,
        streams=streams,
        corpus=corpus,
        seed=seed,
    )
    document = result.document([_run(record.path, record.manifest) for record in records])
    holds_scores = [record.path for record in records if "scores" in record.tables]
    written = write_document((holds_scores or [records[0].path])[0] / DOCUMENT, document)
    if json_output:
        typer.echo(written.read_text(encoding="utf-8").strip())
        return
    console = Console()
    console.print(_table(result))
    for line in (*result.sentences, *result.warnings):
        console.print(line, markup=False, highlight=False)
    typer.echo(f"Written: {written}")


def _run(path: Path, manifest: Any) -> dict[str, Any]:
    return {"name": path.name, "command": manifest["command"], "completed": manifest.get("completed")}


def _table(result: Recommendation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("rule", "layer", "score", "below best", "above last", "above random"):
        table.add_column(title, justify="left" if title == "rule" else "right")
    for rule in result.rules:
        layer = "" if rule.layer is None else str(rule.layer) if rule.stream == "residual" else "normed"
        numbers = [""] * 4
        if rule.mean is not None:
            found = (rule.mean.score, rule.mean.regret_best, rule.mean.gain_last, rule.mean.gain_random)
            numbers = ["" if math.isnan(quantity.value) else f"{quantity.value:.3f}" for quantity in found]
        table.add_row(rule.rule, layer, *numbers)
    return table
