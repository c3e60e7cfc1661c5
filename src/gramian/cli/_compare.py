"""`gramian compare`: do samples differ, how much, at which scale, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gramian.cli._compare_output import print_comparison, to_document
from gramian.cli._comparing import Settings, compared
from gramian.cli._plan_options import JsonOutput, names, numbers
from gramian.cli._progress import ProgressBar
from gramian.cli._samples import Reading, read_samples

_READING, _TEST, _OUTPUT = "Reading", "Test", "Output"


def compare_command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C...]",
            help=".npy, .npz (file.npz:key), .pt, .safetensors, .csv, .tsv, .jsonl or .parquet files, or folders or .zip files of "
            "images. One table with --group.",
        ),
    ],
    columns: Annotated[
        str | None, typer.Option(help="Columns of tables, comma-separated; default: all.", rich_help_panel=_READING)
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Column that tells the samples of one table apart; 'folder' for one folder of images.",
            rich_help_panel=_READING,
        ),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(help="Which layer of saved hidden states, (layers, N, d).", rich_help_panel=_READING, min=0),
    ] = None,
    image_size: Annotated[
        int, typer.Option(help="Images are brought to so many pixels a side.", rich_help_panel=_READING, min=1, max=512)
    ] = 32,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Leave out points that lack a number.", rich_help_panel=_READING)
    ] = False,
    max_points: Annotated[
        int | None,
        typer.Option(help="Draw at most so many points of each sample; default: all.", rich_help_panel=_READING, min=2),
    ] = None,
    standardize: Annotated[
        bool,
        typer.Option(
            "--standardize", help="Bring every column to mean 0 and deviation 1 first.", rich_help_panel=_READING
        ),
    ] = False,
    alpha: Annotated[
        float, typer.Option(help="Order of the entropies; 2 is the fastest.", rich_help_panel=_TEST)
    ] = 2.0,
    kernel: Annotated[
        str, typer.Option(help="gaussian, laplacian, linear, cosine; several by commas.", rich_help_panel=_TEST)
    ] = "gaussian",
    bandwidth: Annotated[
        str,
        typer.Option(
            help="aggregate looks at several scales; median, another rule, or numbers by commas.", rich_help_panel=_TEST
        ),
    ] = "aggregate",
    permutations: Annotated[
        int, typer.Option(help="The smallest p-value is 1 / (permutations + 1).", rich_help_panel=_TEST)
    ] = 999,
    features: Annotated[
        int | None,
        typer.Option(
            help="Random features in place of the kernels; default: none up to 10,000 points (1,000 at orders other than 2).",
            rich_help_panel=_TEST,
        ),
    ] = None,
    level: Annotated[
        float, typer.Option(help="At most this p-value is called a difference.", rich_help_panel=_TEST)
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="Of permutations, features and --max-points.", rich_help_panel=_TEST)] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Write a page (.html) of the comparison.", rich_help_panel=_OUTPUT)
    ] = None,
    alarm: Annotated[
        bool,
        typer.Option(
            "--alarm", help="Exit with 1 where a difference is found; without it, with 0.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    json_output: JsonOutput = False,
) -> None:
    """Test whether samples differ, and say how much, at which scale and where.

    Exits with 0; with --alarm with 1 where a difference is found; with 2 on wrong use.
    """
    from gramian.report import render_comparison

    reading = Reading(
        columns=None if columns is None else tuple(_named("--columns", columns)),
        group=group,
        layer=layer,
        image_size=image_size,
        drop_missing=drop_missing,
        max_points=max_points,
        seed=seed,
    )
    settings = Settings(
        alpha=alpha,
        kernel=_kernels(kernel),
        bandwidth=_bandwidths(bandwidth),
        permutations=permutations,
        features=features,
        seed=seed,
        level=level,
        standardize=standardize,
    )
    if report is not None and report.is_dir():
        raise ValueError(f"--report: expected a file to write; got the directory {report}. Add a file name to it.")
    # A slip of the hand must not write over a sample.
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--report: expected a file ending in .html; got {report}. Call it {report.stem}.html")
    parameters = {**vars(settings), **vars(reading)}
    with ProgressBar(quiet=json_output) as bar:
        bar.begin("Reading")
        samples = read_samples(sources, reading)
        comparison = compared(samples, settings, parameters=parameters, begin=bar.begin)
    page = None if report is None else render_comparison(comparison, out=report)
    if json_output:
        typer.echo(json.dumps(to_document(comparison, page)))
    else:
        print_comparison(comparison)
        if page:
            typer.echo(f"Report: {page}")
    if alarm and comparison.found:
        raise typer.Exit(1)


def _named(option: str, text: str) -> list[str]:
    found = names(text)
    repeated = sorted({name for name in found if found.count(name) > 1})
    if not found or repeated:
        raise ValueError(f"{option}: expected names by commas, each once; got {text!r}. For example {option} a,b")
    return found


def _kernels(text: str) -> str | list[str]:
    found = _named("--kernel", text)
    return found[0] if len(found) == 1 else found


def _bandwidths(text: str) -> str | list[float]:
    """The name of a rule, or lengths."""
    try:
        float(names(text)[0])
    except (ValueError, IndexError):
        return text
    return numbers("--bandwidth", text)
