"""`gramian recommend`: which layer to use, by which rule, and how far each rule stays from the best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gramian.cli._plan_options import JsonOutput
from gramian.cli._recommend_output import print_recommendation
from gramian.cli._recommend_sources import Labels, choose_on_labels, of_runs, of_tables

if TYPE_CHECKING:
    from gramian.downstream import Recommendation

DOCUMENT = "recommendation.json"
_TABLE, _LABELS = "Somebody else's tables", "Choice on labelled texts"


def recommend_command(
    context: typer.Context,
    directories: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR...", help="Runs of gramian downstream and gramian measure, of one model."),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            help="best_on_tasks, best_on_labels, least_dime, least:anisotropy, ...; default: labels, else scores."
        ),
    ] = None,
    reading: Annotated[
        str | None, typer.Option(help="Such as 'pooling=mean_no_first;normalize=raw'; default: the best.")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Judge by this task; repeatable. Default: all. In a wide --table, the columns of scores."),
    ] = None,
    streams: Annotated[str, typer.Option(help="all, or residual to leave out the final-normed state.")] = "all",
    model: Annotated[str | None, typer.Option(help="Which model, where there are several.")] = None,
    revision: Annotated[str | None, typer.Option(help="Which revision, where there are several.")] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Which corpus the measures are of, where there are several.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every bootstrap, and of --labels' sample and folds.", min=0)] = 0,
    pairs: Annotated[
        int, typer.Option(help="How many pairs of measure and task to show, the clearest first; 0 for none.", min=0)
    ] = 12,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of recommendation.json; default: the run's, or the table's."),
    ] = None,
    table: Annotated[
        list[Path] | None,
        typer.Option(
            help="In place of DIR: a tidy .csv, .tsv, .jsonl or .parquet file with a column layer; repeatable, as for measures and "
            "scores apart.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="What its columns are called: 'layer=Depth,value=score'.", rich_help_panel=_TABLE),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="A .csv, .tsv, .jsonl or .parquet file of texts with labels. Costs a forward pass for each text that the store does not "
            "hold, and 20 probes a layer.",
            rich_help_panel=_LABELS,
        ),
    ] = None,
    field: Annotated[str | None, typer.Option(help="The text's field in it.", rich_help_panel=_LABELS)] = None,
    label_field: Annotated[str | None, typer.Option(help="The label's field in it.", rich_help_panel=_LABELS)] = None,
    probe: Annotated[str, typer.Option(help="logistic, or knn, the faster.", rich_help_panel=_LABELS)] = "logistic",
    prompts: Annotated[int, typer.Option(help="How many of its texts; 0 for all.", rich_help_panel=_LABELS, min=0)] = 0,
    weights: Annotated[
        str | None,
        typer.Option(help="Where the run's model is, if its manifest does not lead there.", rich_help_panel=_LABELS),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.", rich_help_panel=_LABELS)] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Folder of vectors, shared between runs; default: in the user's cache.", rich_help_panel=_LABELS
        ),
    ] = None,
    json_output: JsonOutput = False,
) -> None:
    """Recommend a layer, with the regret of every rule against the best, the last and a random layer."""
    from gramian.downstream import recommend_layer
    from gramian.runs import read_document, write_document

    _refuse_unused(context)
    if bool(directories) == bool(table):
        raise ValueError(
            f"DIR: expected run directories, or --table in their place; got {'both' if table else 'neither'}. Give one of the two."
        )
    if labels is not None and table:
        raise ValueError(
            "--labels: expected a run directory, whose model reads the texts; got a table. Give a run of gramian measure or downstream."
        )
    found = of_tables(table, tasks=task, columns=columns, rule=rule) if table else of_runs(directories or [])
    folder = out or found.folder
    if not folder.is_dir():
        raise ValueError(f"--out: expected a folder; got {folder}, which is none. Make it first.")
    if table or out:
        # Among somebody's files, one may have this name.
        read_document(folder / DOCUMENT, format="gramian-recommendation")
    labelled = None
    if labels is not None:
        labelled = choose_on_labels(
            found,
            Labels(labels, field, label_field, probe, prompts or None, weights, device, store),
            model=model,
            revision=revision,
            tasks=task,
            reading=reading,
            streams=streams,
            seed=seed,
            quiet=json_output,
        )
    result: Recommendation = recommend_layer(
        found.measures,
        found.scores,
        model=model,
        revision=revision,
        tasks=task if found.scores else None,
        rule=rule,
        reading=reading if labelled is None else labelled.choice.board.reading,
        streams=streams,
        corpus=corpus,
        labelled=None if labelled is None else labelled.choice,
        seed=seed,
    )
    result = replace(result, warnings=(*found.notes, *result.warnings))
    document = result.document(found.runs, labels=None if labelled is None else labelled.document())
    written = write_document(folder / DOCUMENT, document)
    if json_output:
        typer.echo(written.read_text(encoding="utf-8").strip())
        return
    print_recommendation(result, labelled=labelled, pairs=pairs)
    typer.echo(f"Written: {written}")


# What would be ignored without the option it belongs to.
_OF = {
    "table": ("columns",),
    "labels": ("field", "label_field", "probe", "prompts", "weights", "device", "store"),
}


def _refuse_unused(context: typer.Context) -> None:
    for owner, names in _OF.items():
        for name in names if not context.params.get(owner) else ():
            origin = context.get_parameter_source(name)
            if origin is not None and origin.name == "COMMANDLINE":
                option = "--" + name.replace("_", "-")
                raise ValueError(f"{option}: expected --{owner} beside it; got none. Nothing else would use it.")
