"""`gramian evolve`: how the layers of a model change over training."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from gramian.cli import _plan_options as options
from gramian.cli._cells_summary import print_cells
from gramian.cli._progress import ProgressBar


def evolve_command(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="A hub id, with --revisions; or more folders after --checkpoints."),
    ] = None,
    revisions: Annotated[
        str | None,
        typer.Option(help="Comma-separated, with the step in the name or after it: step1,step512,main=143000."),
    ] = None,
    checkpoints: Annotated[
        list[str] | None,
        typer.Option(
            help="A folder of checkpoints, or checkpoint folders: runs/train/neox, or runs/train/neox/step-*."
        ),
    ] = None,
    untrained: options.Untrained = True,
    corpus: options.Corpus = "python-docs",
    field: options.Field = None,
    label_field: options.LabelField = None,
    split: options.Split = None,
    corpus_revision: options.CorpusRevision = None,
    keep: options.Keep = None,
    drop: options.Drop = None,
    prompts: options.Prompts = 100,
    min_tokens: options.MinTokens = 8,
    max_tokens: options.MaxTokens = 128,
    views: Annotated[int, typer.Option(help="Augmented views of each prompt.", rich_help_panel="Corpus")] = 0,
    measures: options.Measures = None,
    orders: options.Orders = "1,2",
    normalize: options.Normalize = None,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
    groups: options.Groups = 5,
    token_budget: options.TokenBudget = 2048,
    dtype: options.Dtype = "auto",
    device: options.Device = None,
    device_map: options.DeviceMap = None,
    blocks: options.Blocks = None,
    trust_remote_code: options.TrustRemoteCode = False,
    report: options.Report = True,
    json_output: options.JsonOutput = False,
) -> None:
    """Measure every layer at every checkpoint of a training; the same command again goes on where it stopped."""
    from gramian.report import render
    from gramian.sweeps import evolve_plan, folder_checkpoints, hub_checkpoints, run_plan

    given = list(models or [])
    if checkpoints:
        if revisions is not None:
            raise ValueError("--revisions: expected none with --checkpoints; got some. Follow one training at a time")
        # A shell spreads step-* over the option and the arguments.
        found = folder_checkpoints([*checkpoints, *given])
        source = Path(found[0].model).resolve().parent.name
    elif len(given) == 1 and revisions is not None:
        found = hub_checkpoints(given[0], options.names(revisions))
        source = given[0]
    else:
        raise ValueError(
            f"gramian evolve: expected one MODEL with --revisions, or --checkpoints; got {len(given)} models and "
            f"{'no' if revisions is None else 'some'} revisions. For example --checkpoints runs/train/neox"
        )
    plan = evolve_plan(
        found,
        untrained=untrained,
        corpus=corpus,
        model_options={
            "dtype": dtype,
            "device": device,
            "device_map": device_map,
            "blocks": blocks,
            "trust_remote_code": trust_remote_code,
        },
        corpus_options={
            "field": field,
            "label_field": label_field,
            "split": split,
            "revision": corpus_revision,
            "keep": keep,
            "drop": drop,
        },
        settings={
            "prompts": prompts or None,
            "min_tokens": min_tokens,
            "max_tokens": max_tokens,
            "views": views,
            "orders": options.numbers("--orders", orders),
            "normalize": normalize,
            "groups": groups,
            "token_budget": token_budget,
            "seed": seed,
            **({} if measures is None else {"measures": options.names(measures)}),
        },
    )
    directory = out or Path("runs") / (re.sub(r"[^A-Za-z0-9._-]+", "-", f"evolve-{source}").strip("-."))
    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Loading model")
        result = run_plan(
            plan,
            out=directory,
            overwrite=overwrite,
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
