"""`gramian pretrain`: an encoder of images from a recipe, as a run."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gramian.cli._progress import ProgressBar

if TYPE_CHECKING:
    from gramian.ssl import PretrainResult

_WHAT = "What to train"
_JUDGE = "Evaluation on the way"
_MACHINE = "Machine"
_RUN = "Run"


def pretrain_command(
    method: Annotated[
        str | None,
        typer.Option(
            help="frossl, simclr, moco, byol, simsiam, swav, dino, barlow, vicreg, wmse or mmcr.", rich_help_panel=_WHAT
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="cifar10, cifar100, stl10, tiny-imagenet, imagenet100, imagenet, fashion-mnist; or a folder or .zip of images.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="The folder that holds the data set.", rich_help_panel=_WHAT)
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe of your own, as --dry-run prints one.", rich_help_panel=_WHAT)
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="resnet18, ..., or another classifier of torchvision.", rich_help_panel=_WHAT)
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Channels of a ResNet's first stage; 64 is usual.", rich_help_panel=_WHAT)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images.", rich_help_panel=_WHAT)] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images a step, of all processes together.", rich_help_panel=_WHAT)
    ] = None,
    views: Annotated[int | None, typer.Option(help="Views of each image.", rich_help_panel=_WHAT)] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="Highest learning rate, of a batch of 256 if the recipe scales it.", rich_help_panel=_WHAT),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="32-true, bf16-mixed or 16-mixed.", rich_help_panel=_WHAT)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the first weights, the order and the views.", rich_help_panel=_WHAT)
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key.sub=value: any value of the recipe; repeatable.", rich_help_panel=_WHAT),
    ] = None,
    subset: Annotated[
        int | None, typer.Option(help="Train on so many of the images, classes in proportion.", rich_help_panel=_WHAT)
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch CIFAR, STL-10 or Fashion-MNIST into ROOT.", rich_help_panel=_WHAT)
    ] = False,
    evaluate_every: Annotated[
        int | None, typer.Option(help="Epochs between evaluations; default: about 50 a run.", rich_help_panel=_JUDGE)
    ] = None,
    evaluate: Annotated[
        bool, typer.Option(help="Nearest neighbours and a linear probe on the test split.", rich_help_panel=_JUDGE)
    ] = True,
    monitor: Annotated[bool, typer.Option(help="Watch the spectrum of embeddings.", rich_help_panel=_JUDGE)] = True,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that make views; default: one a free core, at most 8.", rich_help_panel=_MACHINE),
    ] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.", rich_help_panel=_MACHINE)] = "auto",
    devices: Annotated[
        str, typer.Option(help="auto, a number, or ids such as 0,2.", rich_help_panel=_MACHINE)
    ] = "auto",
    nodes: Annotated[int, typer.Option(help="Machines.", rich_help_panel=_MACHINE)] = 1,
    strategy: Annotated[str, typer.Option(help="auto or ddp.", rich_help_panel=_MACHINE)] = "auto",
    logger: Annotated[str, typer.Option(help="csv or tensorboard.", rich_help_panel=_RUN)] = "csv",
    log_every: Annotated[int, typer.Option(help="Steps between logged values.", rich_help_panel=_RUN)] = 10,
    checkpoint_every: Annotated[int, typer.Option(help="Epochs between checkpoints.", rich_help_panel=_RUN)] = 1,
    checkpoint_steps: Annotated[
        int | None, typer.Option(help="Steps between checkpoints within an epoch.", rich_help_panel=_RUN)
    ] = None,
    keep_every: Annotated[
        int | None, typer.Option(help="Epochs between checkpoints that are kept.", rich_help_panel=_RUN)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Run directory; default: runs/METHOD-DATA.", rich_help_panel=_RUN)
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Start anew whatever run is there, its checkpoints included.", rich_help_panel=_RUN
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the resolved recipe and stop.", rich_help_panel=_RUN)
    ] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.", rich_help_panel=_RUN)] = False,
) -> None:
    """Pretrain an encoder of images without labels; the same command again goes on where it stopped."""
    from gramian.ssl import EvaluationPlan, pretrain, resolve_recipe
    from gramian.training import is_first_process

    started = time.monotonic()
    chosen = {
        "backbone.name": backbone, "backbone.width": width, "epochs": epochs, "batch_size": batch_size,
        "number_of_views": views, "optimizer.lr": lr, "precision": precision, "seed": seed,
    }  # fmt: skip
    overrides = [f"{key}={_yaml(value)}" for key, value in chosen.items() if value is not None] + (set_ or [])
    if not evaluate and evaluate_every is not None:
        raise ValueError("--evaluate-every: expected none with --no-evaluate; got one. Leave one of the two out")
    if dry_run:
        typer.echo(resolve_recipe(method, data, recipe=recipe, overrides=overrides).to_yaml(), nl=False)
        return
    first = is_first_process()
    with ProgressBar(quiet=json_output or not first) as bar:
        bar.begin("Opening images")
        result = pretrain(
            method,
            data,
            out=out or Path("runs") / _default_name(method, data, recipe),
            root=root,
            recipe=recipe,
            overrides=overrides,
            subset=subset,
            evaluation=EvaluationPlan(every=evaluate_every) if evaluate else None,
            monitor=monitor,
            accelerator=accelerator,
            devices=_devices(devices),
            nodes=nodes,
            strategy=strategy,
            workers=_free_cores() if workers is None else workers,
            logger=logger,
            log_every=log_every,
            checkpoint_every=checkpoint_every,
            checkpoint_steps=checkpoint_steps,
            keep_every=keep_every,
            download=download,
            overwrite=overwrite,
            command_line=shlex.join(["gramian", *sys.argv[1:]]),
            progress=bar.update,
        )
    if not first:
        return
    if json_output:
        typer.echo(json.dumps(_document(result)))
        return
    _show(result, Console())
    typer.echo(f"Run:        {result.directory}")
    typer.echo(f"Checkpoint: {result.checkpoint}")
    print(f"Took {time.monotonic() - started:.0f} s", file=sys.stderr)


_ACCURACY = "_accuracy"


def _document(result: PretrainResult) -> dict[str, Any]:
    metrics = sorted({row.metric for row in result.history})
    return {
        "run": str(result.directory),
        "checkpoint": str(result.checkpoint),
        "resumed": result.resumed,
        "last": {metric: result.last(metric) for metric in metrics},
        "manifest": result.manifest,
    }


def _show(result: PretrainResult, console: Console) -> None:
    recipe, manifest = result.recipe, result.manifest
    console.print(
        f"{recipe.method} on {manifest['data']['name']}: {manifest['data']['images']:,} images, {recipe.epochs} epochs, "
        f"{manifest['steps']:,} steps of {recipe.batch_size} images in {recipe.number_of_views} views, "
        f"{manifest['seconds']:,.0f} s of training.",
        markup=False,
        highlight=False,
    )
    names = {row.metric for row in result.history}
    shown = [name for name in ("loss", *sorted(name for name in names if name.endswith(_ACCURACY))) if name in names]
    if not shown:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "first", "at step", "last", "at step"):
        table.add_column(title, justify="left" if not title else "right")
    for name in shown:
        rows = [row for row in result.history if row.metric == name]
        ends = [(f"{row.value:.4f}", f"{row.step:,}") for row in (rows[0], rows[-1])]
        table.add_row(name, *ends[0], *ends[1])
    console.print(table)


def _yaml(value: float | str) -> str:
    """YAML takes 1e-05 for text."""
    text = str(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text


def _devices(typed: str) -> int | str | list[int]:
    if typed == "auto":
        return typed
    try:
        return [int(part) for part in typed.split(",")] if "," in typed else int(typed)
    except ValueError:
        raise ValueError(f"--devices: expected auto, a number, or ids such as 0,2; got {typed!r}. Correct it") from None


def _free_cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(0, min(8, cores - 1))


def _default_name(method: str | None, data: str | None, recipe: Path | None) -> str:
    parts = [part for part in (method or (recipe.stem if recipe else None), Path(data).stem if data else None) if part]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-.") or "pretraining"
