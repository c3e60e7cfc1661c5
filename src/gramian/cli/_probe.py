"""`gramian probe`: how good a pretrained encoder's features are."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

from gramian.cli._progress import ProgressBar

if TYPE_CHECKING:
    from gramian.ssl import EncoderProbe
    from gramian.ssl._evaluation.probing import Protocol


def probe_command(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A checkpoint of gramian pretrain, or its run directory.")
    ],
    data: Annotated[
        str | None, typer.Option(help="A data set's name, or a folder or .zip of images; default: as in pretraining.")
    ] = None,
    root: Annotated[Path | None, typer.Option(help="The folder that holds the data set.")] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="augmented: new crops and mirror images each epoch, as in the papers; features: each image once."
        ),
    ] = "augmented",
    linear: Annotated[bool, typer.Option(help="Train a linear probe.")] = True,
    knn: Annotated[bool, typer.Option(help="Ask the nearest neighbours.")] = True,
    neighbors: Annotated[str, typer.Option(help="Numbers of them.")] = "20,200",
    epochs: Annotated[int | None, typer.Option(help="Of the linear probe; default: the recipe's.")] = None,
    lr: Annotated[float | None, typer.Option(help="Of the linear probe; default: the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Of the linear probe; default: the recipe's.")] = None,
    subset: Annotated[int | None, typer.Option(help="Training images at most.")] = None,
    test_subset: Annotated[int | None, typer.Option(help="Test images at most.")] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Probe the weights that pretraining began with: what it has to beat.")
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Read features in bfloat16.")] = False,
    device: Annotated[str | None, typer.Option(help="cpu, cuda.")] = None,
    workers: Annotated[int, typer.Option(help="Processes that make views.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the order, the crops and the subsets.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the result to this JSON file too.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Train a linear probe on a frozen encoder and ask its nearest neighbours, on the test split."""
    from gramian.runs import write_document
    from gramian.ssl import probe_encoder

    started = time.monotonic()
    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Loading encoder")
        result = probe_encoder(
            checkpoint,
            data,
            root=root,
            protocol=cast("Protocol", protocol),  # the library checks it
            linear=linear,
            neighbors=_numbers(neighbors) if knn else (),
            epochs=epochs,
            lr=lr,
            batch_size=batch_size,
            subset=subset,
            test_subset=test_subset,
            untrained=untrained,
            half=half,
            device=device,
            workers=workers,
            seed=seed,
            progress=bar.update,
        )
    document = {**dataclasses.asdict(result), "checkpoint": str(result.checkpoint)}
    if out is not None:
        write_document(out, document)
    if json_output:
        typer.echo(json.dumps(document))
        return
    _show(result, Console())
    if result.note:
        typer.echo(result.note)
    print(f"Took {time.monotonic() - started:.0f} s", file=sys.stderr)


def _show(result: EncoderProbe, console: Console) -> None:
    trained = f"{result.epochs:g} epochs of {result.method} on {result.pretrained_on}"
    console.print(
        f"{'Untrained encoder' if not result.epochs else trained}; {result.data}: "
        f"{result.train:,} training and {result.test:,} test images.",
        markup=False,
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "accuracy", "95 % interval"):
        table.add_column(title, justify="left" if not title else "right")
    asked = result.settings
    found = {
        f"linear probe ({result.protocol}, {asked.epochs} epochs of {asked.optimizer})": result.linear,
        "linear probe, among the first five": result.linear_top5,
        **{f"{count} nearest neighbours": share for count, share in result.neighbors.items()},
    }
    for name, share in found.items():
        if share is not None:
            table.add_row(name, f"{100 * share.value:.2f} %", f"{100 * share.low:.2f} to {100 * share.high:.2f}")
    console.print(table)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--neighbors: expected numbers separated by commas; got {text!r}. For example 20,200"
        ) from None
