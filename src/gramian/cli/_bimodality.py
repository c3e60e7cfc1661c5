"""`gramian bimodality`: one mode or two in every layer's per-prompt values, and what separates them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from gramian.bimodality import Bimodality

DOCUMENT = "bimodality.json"


def bimodality_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A finished run of gramian measure.")],
    measure: Annotated[
        str, typer.Option(help="One with a value a prompt: prompt_entropy, curvature, sink_share.")
    ] = "prompt_entropy",
    variant: Annotated[
        str | None, typer.Option(help="Of the measure; default: unnormalised, without the first token.")
    ] = None,
    level: Annotated[float, typer.Option(help="Chance of any false flag in the run.")] = 0.05,
    corpus: Annotated[
        str | None,
        typer.Option(help="The run's corpus, for the full text of long prompts; the run keeps 400 characters."),
    ] = None,
    field: Annotated[str | None, typer.Option(help="The corpus's field or column of text.")] = None,
    training_corpus: Annotated[
        str | None, typer.Option(help="Text the model was trained on, for n-gram overlap: a file or a hub data set.")
    ] = None,
    training_field: Annotated[str | None, typer.Option(help="Its field or column of text.")] = None,
    ngram: Annotated[int, typer.Option(help="Words of an n-gram.")] = 8,
    seed: Annotated[int, typer.Option(help="Of null distributions, mixtures and permutations.")] = 0,
    report: Annotated[bool, typer.Option(help="Write report.html again, with the marks.")] = True,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Test every layer for two modes of its per-prompt values, and name what separates them."""
    from gramian.bimodality import find_modes, sentences, to_document
    from gramian.layers import load_corpus
    from gramian.report import render
    from gramian.runs import write_document

    texts = None
    if corpus is not None:
        loaded = load_corpus(corpus, field=field)
        texts = dict(zip(loaded.ids, loaded.texts, strict=True))
    training = load_corpus(training_corpus, field=training_field, paragraphs=None).texts if training_corpus else None
    result = find_modes(
        directory,
        measure=measure,
        variant=variant,
        level=level,
        texts=texts,
        training=training,
        ngram=ngram,
        seed=seed,
    )
    words = sentences(result)
    document = to_document(result, words)
    written = write_document(directory / DOCUMENT, document)
    page = render([directory]) if report else None
    if json_output:
        typer.echo(json.dumps(document))
        return
    console = Console()
    console.print(_table(result))
    for line in (*words, *result.notes):
        console.print(line, markup=False, highlight=False)
    typer.echo(f"Written: {written}")
    if page:
        typer.echo(f"Report:  {page}")


def _table(result: Bimodality) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("layer", "prompts", "dip", "p", "corrected", "modes", "BIC gain", "separated by"):
        table.add_column(title, justify="left" if title in ("modes", "separated by") else "right")
    for layer in result.layers:
        low, high = layer.mixture.means
        modes = f"{low:.3g} ({100 * layer.mixture.weights[0]:.0f} %), {high:.3g}" if layer.bimodal else "one"
        causes = [f"{one.feature} {one.effect:.2f}" for one, p in layer.separations if p <= result.level]
        table.add_row(
            str(layer.layer) if layer.stream == "residual" else "normed",
            str(layer.n),
            f"{layer.dip:.4f}",
            f"{layer.pvalue:.2g}",
            f"{layer.corrected:.2g}",
            modes,
            f"{layer.mixture.bic_gain:.0f}",
            ", ".join(causes),
        )
    return table
