"""`gramian measure`: every layer of a model on a corpus, and the report."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gramian.cli._progress import ProgressBar
from gramian.cli._summary import print_summary

_MODEL = "Model"
_CORPUS = "Corpus"
_RUN = "Run"


def measure_command(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A hub id, a local folder, a .gguf file, smollm2-135m, minilm-l6, or saved activations (.npy, .safetensors).",
        ),
    ],
    corpus: Annotated[
        str,
        typer.Option(
            help="python-docs, a .txt/.jsonl/.csv/.tsv/.parquet file, a hub data set, or a folder or .zip of images.",
            rich_help_panel=_CORPUS,
        ),
    ] = "python-docs",
    field: Annotated[str | None, typer.Option(help="The text's field or column.", rich_help_panel=_CORPUS)] = None,
    label_field: Annotated[str | None, typer.Option(help="A label's field or column.", rich_help_panel=_CORPUS)] = None,
    split: Annotated[str | None, typer.Option(help="Split of a hub data set.", rich_help_panel=_CORPUS)] = None,
    corpus_revision: Annotated[
        str | None, typer.Option(help="Revision of a hub data set.", rich_help_panel=_CORPUS)
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="Keep only texts, or images' paths, matching this expression.", rich_help_panel=_CORPUS),
    ] = None,
    drop: Annotated[
        str | None,
        typer.Option(help="Drop texts, or images' paths, matching this expression.", rich_help_panel=_CORPUS),
    ] = None,
    prompts: Annotated[int, typer.Option(help="How many prompts; 0 for all.", rich_help_panel=_CORPUS)] = 200,
    min_tokens: Annotated[int, typer.Option(help="Leave shorter texts out.", rich_help_panel=_CORPUS)] = 8,
    max_tokens: Annotated[int, typer.Option(help="Cut longer texts.", rich_help_panel=_CORPUS)] = 256,
    views: Annotated[
        int, typer.Option(help="Augmented views of each prompt; 0 for none.", rich_help_panel=_CORPUS)
    ] = 4,
    measures: Annotated[
        str | None,
        typer.Option(help="Comma-separated names; default: all. See `gramian metrics`.", rich_help_panel=_RUN),
    ] = None,
    orders: Annotated[str, typer.Option(help="Orders of the entropies.", rich_help_panel=_RUN)] = "1,2",
    normalize: Annotated[
        str | None,
        typer.Option(help="final_norm: pass every layer through the model's final norm.", rich_help_panel=_RUN),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run directory; default: runs/MODEL-CORPUS.", rich_help_panel=_RUN),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option(help="Start anew whatever run is there, its progress included.", rich_help_panel=_RUN)
    ] = False,
    seed: Annotated[
        int,
        typer.Option(help="Of the sample, the views, the intervals and --untrained's weights.", rich_help_panel=_RUN),
    ] = 0,
    groups: Annotated[
        int, typer.Option(help="Groups of the jackknife: more cost more, and tighten intervals.", rich_help_panel=_RUN)
    ] = 5,
    token_budget: Annotated[int, typer.Option(help="Padded tokens of a batch.", rich_help_panel=_RUN)] = 2048,
    revision: Annotated[str | None, typer.Option(help="Revision of a hub model.", rich_help_panel=_MODEL)] = None,
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.", rich_help_panel=_MODEL)] = "auto",
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.", rich_help_panel=_MODEL)] = None,
    device_map: Annotated[
        str | None, typer.Option(help="Spread a large model over devices: auto, balanced.", rich_help_panel=_MODEL)
    ] = None,
    untrained: Annotated[
        bool, typer.Option(help="The same architecture with random weights: a baseline.", rich_help_panel=_MODEL)
    ] = False,
    chat_template: Annotated[
        bool, typer.Option(help="Wrap each prompt as a user turn of the model's chat template.", rich_help_panel=_MODEL)
    ] = False,
    instruction: Annotated[str, typer.Option(help="Text put before each prompt.", rich_help_panel=_MODEL)] = "",
    blocks: Annotated[
        str | None, typer.Option(help="Path of the block list in an unknown architecture.", rich_help_panel=_MODEL)
    ] = None,
    tower: Annotated[
        str | None,
        typer.Option(help="vision (the default) or text, of a model with both such as CLIP.", rich_help_panel=_MODEL),
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Run code that comes with a hub model.", rich_help_panel=_MODEL)
    ] = False,
    report: Annotated[bool, typer.Option(help="Write report.html too.", rich_help_panel=_RUN)] = True,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.", rich_help_panel=_RUN)] = False,
) -> None:
    """Measure every layer of a model on a corpus; the same command again goes on where it stopped."""
    from gramian.layers import is_activations, is_image_source, measure
    from gramian.report import render

    started = time.monotonic()
    chosen = [name.strip() for name in measures.split(",") if name.strip()] if measures is not None else None
    wanted_orders = _numbers("--orders", orders)
    directory = out or Path("runs") / _default_name(model, corpus)
    of_model = {
        "revision": revision,
        "dtype": dtype,
        "device": device,
        "device_map": device_map,
        "untrained": untrained,
        "trust_remote_code": trust_remote_code,
        "chat_template": chat_template,
        "instruction": instruction,
        "blocks": blocks,
        "tower": tower,
    }
    of_corpus = {
        "field": field,
        "label_field": label_field,
        "split": split,
        "revision": corpus_revision,
        "keep": keep,
        "drop": drop,
    }
    saved = is_activations(model)
    if saved:
        _refuse_unused(context, {*context.params} - _FOR_ACTIVATIONS, "saved activations")
    elif is_image_source(corpus):
        _refuse_unused(context, _FOR_TEXTS, "images")
    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Reading activations" if saved else "Loading model")
        result = measure(
            model,
            corpus=corpus,
            out=directory,
            prompts=prompts or None,
            views=views,
            measures=chosen,
            orders=wanted_orders,
            max_tokens=max_tokens,
            min_tokens=min_tokens,
            normalize=normalize,
            groups=groups,
            token_budget=token_budget,
            seed=seed,
            overwrite=overwrite,
            model_options=None if saved else of_model,
            corpus_options=None if saved else of_corpus,
            command_line=shlex.join(["gramian", *sys.argv[1:]]),
            progress=bar.update,
        )
        page = render([directory]) if report else None
    if json_output:
        summary = {"run": str(directory), "report": str(page) if page else None, "manifest": result.manifest}
        typer.echo(json.dumps(summary))
        return
    print_summary(directory)
    typer.echo(f"Run:    {directory}")
    if page:
        typer.echo(f"Report: {page}")
    print(f"Took {time.monotonic() - started:.0f} s", file=sys.stderr)


# What a run of saved activations can be told; anything else would be ignored.
_FOR_ACTIVATIONS = {"model", "measures", "orders", "out", "overwrite", "seed", "groups", "report", "json_output"}


# Images have equally many tokens, and none is cut.
_FOR_TEXTS = {"min_tokens", "max_tokens"}


def _refuse_unused(context: typer.Context, names: set[str], input_kind: str) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if name in names and source is not None and source.name == "COMMANDLINE":
            option = "--" + name.replace("_", "-")
            raise ValueError(f"{option}: expected none with {input_kind}; got one. Leave it out: nothing would use it")


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{option}: expected numbers separated by commas; got {text!r}. For example 1,2,inf") from None


def _default_name(model: str, corpus: str) -> str:
    parts = [Path(model).stem if Path(model).suffix.lower() in (".gguf", ".npy", ".safetensors") else model]
    if Path(model).suffix.lower() not in (".npy", ".safetensors"):
        parts.append(Path(corpus).stem)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-.") or "run"
