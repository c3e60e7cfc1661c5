"""`gramian stress`: how the layers of a model respond when its prompts are repeated, randomised, shuffled or cut."""

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


def stress_command(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A hub id, a local folder, a .gguf file, smollm2-135m, minilm-l6.")
    ],
    kinds: Annotated[
        str, typer.Option(help="Among repetition, random_tokens, shuffle, prefix, first_token.")
    ] = "repetition,random_tokens,shuffle,prefix",
    strengths: Annotated[
        str, typer.Option(help="Probabilities with which a token is perturbed.")
    ] = "0,0.1,0.25,0.5,0.75,1",
    lengths: Annotated[str, typer.Option(help="Tokens of each prefix.")] = "8,16,32,64,128",
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
    max_tokens: Annotated[
        int | None,
        typer.Option(
            help="Cut longer prompts; default: 128, or as many as the longest prefix has.", rich_help_panel="Corpus"
        ),
    ] = None,
    measures: options.Measures = None,
    orders: options.Orders = "1,2",
    normalize: options.Normalize = None,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
    groups: options.Groups = 5,
    token_budget: options.TokenBudget = 2048,
    revision: Annotated[str | None, typer.Option(help="Revision of a hub model.", rich_help_panel="Model")] = None,
    dtype: options.Dtype = "auto",
    device: options.Device = None,
    device_map: options.DeviceMap = None,
    blocks: options.Blocks = None,
    trust_remote_code: options.TrustRemoteCode = False,
    report: options.Report = True,
    json_output: options.JsonOutput = False,
) -> None:
    """Measure every layer under growing perturbation; the same command again goes on where it stopped."""
    from gramian.report import render
    from gramian.sweeps import run_plan, stress_plan

    plan = stress_plan(
        model,
        kinds=options.names(kinds),
        strengths=options.numbers("--strengths", strengths),
        lengths=options.whole_numbers("--lengths", lengths),
        untrained=untrained,
        seed=seed,
        corpus=corpus,
        model_options={
            "revision": revision,
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
            "orders": options.numbers("--orders", orders),
            "normalize": normalize,
            "groups": groups,
            "token_budget": token_budget,
            **({} if max_tokens is None else {"max_tokens": max_tokens}),
            **({} if measures is None else {"measures": options.names(measures)}),
        },
    )
    directory = out or Path("runs") / (re.sub(r"[^A-Za-z0-9._-]+", "-", f"stress-{Path(model).stem}").strip("-."))
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
