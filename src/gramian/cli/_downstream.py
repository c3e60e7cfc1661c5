"""`gramian downstream`: how every layer of a model does on tasks."""

from __future__ import annotations

import json
import re
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from gramian.cli import _plan_options as options
from gramian.cli._progress import ProgressBar
from gramian.cli._task_summary import print_tasks, task_curves

_TASKS, _READING, _STORE, _RUN, _MODEL = "Tasks", "Reading", "Store of vectors", "Run", "Model"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def downstream_command(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A hub id, a local folder, a .gguf file, smollm2-135m, minilm-l6.")
    ],
    tasks: Annotated[
        list[str],
        typer.Option(
            "--tasks",
            help="layer-by-layer (32 tasks of MTEB), a task or benchmark of MTEB, a .yaml or .json file of local tasks, "
            "a file with labels, or python-docs. Several with commas, or the option again.",
            rich_help_panel=_TASKS,
        ),
    ],
    field: Annotated[
        str | None, typer.Option(help="The text's field in a file with labels.", rich_help_panel=_TASKS)
    ] = None,
    label_field: Annotated[
        str | None, typer.Option(help="The label's field in a file with labels.", rich_help_panel=_TASKS)
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option(
            help="What reads texts with labels: logistic, knn or ridge; default: by the labels.", rich_help_panel=_TASKS
        ),
    ] = None,
    prompts: Annotated[
        int, typer.Option(help="How many texts of a file with labels; 0 for all.", rich_help_panel=_TASKS)
    ] = 0,
    unit_length: Annotated[
        bool,
        typer.Option(
            help="Scale vectors to length one for tasks of MTEB, as encoders made for the cosine do.",
            rich_help_panel=_TASKS,
        ),
    ] = True,
    pooling: Annotated[
        str,
        typer.Option(
            help="Among mean, mean_no_first, last, first, weighted_mean; several with commas.", rich_help_panel=_READING
        ),
    ] = "mean",
    normalize: Annotated[
        str,
        typer.Option(
            help="raw, or final_norm: the model's final norm on every token; several with commas.",
            rich_help_panel=_READING,
        ),
    ] = "raw",
    layers: Annotated[
        str | None,
        typer.Option(help="0,8,16, 'every 4th', last; default: all.", rich_help_panel=_READING),
    ] = None,
    max_tokens: Annotated[int, typer.Option(help="Cut longer texts.", rich_help_panel=_READING)] = 512,
    token_budget: options.TokenBudget = 2048,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Folder of vectors, shared between runs; default: in the user's cache.", rich_help_panel=_STORE
        ),
    ] = None,
    no_store: Annotated[
        bool, typer.Option("--no-store", help="Keep vectors for this run only.", rich_help_panel=_STORE)
    ] = False,
    store_limit: Annotated[
        str, typer.Option(help="Most it may hold: 500MB, 20GiB. The longest unused goes first.", rich_help_panel=_STORE)
    ] = "20GiB",
    store_precision: Annotated[str, typer.Option(help="float16 or float32.", rich_help_panel=_STORE)] = "float16",
    passes: Annotated[
        int,
        typer.Option(
            help="Groups of layers, each with its own passes over the texts: less room in the store.",
            rich_help_panel=_STORE,
        ),
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run directory; default: runs/MODEL-tasks-TASKS.", rich_help_panel=_RUN),
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Start anew whatever run is there.", rich_help_panel=_RUN)] = False,
    seed: Annotated[
        int, typer.Option(help="Of the built-in probes and of --untrained's weights.", rich_help_panel=_RUN)
    ] = 0,
    revision: Annotated[str | None, typer.Option(help="Revision of a hub model.", rich_help_panel=_MODEL)] = None,
    dtype: options.Dtype = "auto",
    device: options.Device = None,
    device_map: options.DeviceMap = None,
    untrained: Annotated[
        bool, typer.Option(help="The same architecture with random weights: a baseline.", rich_help_panel=_MODEL)
    ] = False,
    chat_template: Annotated[
        bool, typer.Option(help="Wrap each text as a user turn of the model's chat template.", rich_help_panel=_MODEL)
    ] = False,
    instruction: Annotated[str, typer.Option(help="Text put before each text.", rich_help_panel=_MODEL)] = "",
    blocks: options.Blocks = None,
    trust_remote_code: options.TrustRemoteCode = False,
    report: options.Report = True,
    json_output: options.JsonOutput = False,
) -> None:
    """Score every layer of a model on tasks, with one pass over each text; the same command again goes on where it stopped."""
    from gramian.downstream import VectorStore, choose_tasks, evaluate_layers, readings
    from gramian.layers import LanguageModel, load_model
    from gramian.report import render
    from gramian.runs import read_run

    started = time.monotonic()
    if no_store and store is not None:
        raise ValueError(f"--no-store: expected no --store beside it; got {store}. Leave one out.")
    kept = VectorStore(store, limit=_bytes(store_limit), precision=cast(Any, store_precision))
    chosen_readings = readings(pooling, normalize)
    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Preparing tasks")
        chosen = choose_tasks(
            tasks,
            field=field,
            label_field=label_field,
            probe=cast(Any, probe),
            prompts=prompts or None,
            unit_length=unit_length,
            seed=seed,
        )
        bar.begin("Loading model")
        loaded = load_model(
            model,
            revision=revision,
            dtype=dtype,
            device=device,
            device_map=device_map,
            untrained=untrained,
            seed=seed,
            trust_remote_code=trust_remote_code,
            chat_template=chat_template,
            instruction=instruction,
            blocks=blocks,
        )
        if not isinstance(loaded, LanguageModel):
            raise TypeError(f"model: expected one that reads text; got {loaded.name}, of images. Give another.")
        directory = out or Path("runs") / _default_name(model, tasks)
        result = evaluate_layers(
            loaded,
            chosen,
            out=directory,
            readings=chosen_readings,
            layers=layers,
            store=kept,
            private=no_store,
            passes=passes,
            max_tokens=max_tokens,
            token_budget=token_budget,
            empty="zero",
            overwrite=overwrite,
            progress=bar.update,
            command_line=shlex.join(["gramian", *sys.argv[1:]]),
        )
        page = render([directory]) if report else None
    curves = task_curves(read_run(directory).tables["scores"].to_pylist())
    if json_output:
        found = {"tasks": [curve.to_dict() for curve in curves], "manifest": result.manifest}
        typer.echo(json.dumps({"run": str(directory), "report": str(page) if page else None, **found}))
        return
    notes = [f"{task['name']}: {note}." for task in result.manifest["tasks"] for note in task["notes"]]
    print_tasks(curves, notes=[*result.manifest["warnings"], *notes])
    typer.echo(f"Run:    {directory}")
    if (directory / "mteb").is_dir():
        typer.echo(f"MTEB:   {directory / 'mteb'}")
    if page:
        typer.echo(f"Report: {page}")
    print(f"Took {time.monotonic() - started:.0f} s", file=sys.stderr)


def _bytes(text: str) -> int:
    """A size as people write it: ``20GiB`` and ``20GB`` are different numbers."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"--store-limit: expected a size such as 500MB or 20GiB; got {text!r}. Correct it.")
    unit = (found[2] or "b").lower()
    power = _UNITS[unit.rstrip("b").rstrip("i")]
    return int(float(found[1]) * float(1024 if "i" in unit else 1000) ** power)


def _default_name(model: str, tasks: list[str]) -> str:
    of_model = Path(model).stem if Path(model).suffix.lower() == ".gguf" else model
    name = "-".join([of_model, "tasks", *(Path(task).stem for task in tasks)])
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:100]
