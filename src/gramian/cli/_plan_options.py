"""Options that `stress` and `evolve` share, and how their lists are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CORPUS_PANEL, MODEL_PANEL, RUN_PANEL = "Corpus", "Model", "Run"

Corpus = Annotated[
    str,
    typer.Option(
        help="python-docs, a .txt/.jsonl/.csv/.tsv/.parquet file, or a hub data set.", rich_help_panel="Corpus"
    ),
]
Field = Annotated[str | None, typer.Option(help="The text's field or column.", rich_help_panel="Corpus")]
LabelField = Annotated[str | None, typer.Option(help="A label's field or column.", rich_help_panel="Corpus")]
Split = Annotated[str | None, typer.Option(help="Split of a hub data set.", rich_help_panel="Corpus")]
CorpusRevision = Annotated[str | None, typer.Option(help="Revision of a hub data set.", rich_help_panel="Corpus")]
Keep = Annotated[
    str | None, typer.Option(help="Keep only texts matching this regular expression.", rich_help_panel="Corpus")
]
Drop = Annotated[
    str | None, typer.Option(help="Drop texts matching this regular expression.", rich_help_panel="Corpus")
]
Prompts = Annotated[int, typer.Option(help="How many prompts; 0 for all.", rich_help_panel="Corpus")]
MinTokens = Annotated[int, typer.Option(help="Leave shorter prompts out.", rich_help_panel="Corpus")]
MaxTokens = Annotated[int, typer.Option(help="Cut longer prompts.", rich_help_panel="Corpus")]
Measures = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated names; default: the main ones without views. See `gramian metrics`.",
        rich_help_panel="Run",
    ),
]
Orders = Annotated[str, typer.Option(help="Orders of the entropies.", rich_help_panel="Run")]
Normalize = Annotated[
    str | None, typer.Option(help="final_norm: pass every layer through the model's final norm.", rich_help_panel="Run")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Run directory.", rich_help_panel="Run")]
Overwrite = Annotated[
    bool, typer.Option(help="Start anew whatever run is there, its cells included.", rich_help_panel="Run")
]
Seed = Annotated[
    int, typer.Option(help="Of the sample, the perturbations, the intervals and random weights.", rich_help_panel="Run")
]
Groups = Annotated[
    int, typer.Option(help="Groups of the jackknife: more cost more, and tighten intervals.", rich_help_panel="Run")
]
TokenBudget = Annotated[int, typer.Option(help="Padded tokens of a batch.", rich_help_panel="Run")]
Report = Annotated[bool, typer.Option(help="Write report.html too.", rich_help_panel="Run")]
JsonOutput = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.", rich_help_panel="Run")]
Untrained = Annotated[
    bool, typer.Option(help="Measure the same architecture with random weights too.", rich_help_panel="Model")
]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.", rich_help_panel="Model")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.", rich_help_panel="Model")]
DeviceMap = Annotated[
    str | None, typer.Option(help="Spread a large model over devices: auto, balanced.", rich_help_panel="Model")
]
Blocks = Annotated[
    str | None, typer.Option(help="Path of the block list in an unknown architecture.", rich_help_panel="Model")
]
TrustRemoteCode = Annotated[bool, typer.Option(help="Run code that comes with a hub model.", rich_help_panel="Model")]


def names(text: str) -> list[str]:
    """Names separated by commas, without blanks."""
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers(option: str, text: str) -> list[float]:
    """Numbers separated by commas.

    Raises:
        ValueError: something that is no number.
    """
    try:
        return [float(part) for part in names(text)]
    except ValueError:
        raise ValueError(f"{option}: expected numbers separated by commas; got {text!r}. For example 1,2") from None


def whole_numbers(option: str, text: str) -> list[int]:
    """Whole numbers separated by commas.

    Raises:
        ValueError: something that is no whole number.
    """
    try:
        return [int(part) for part in names(text)]
    except ValueError:
        raise ValueError(
            f"{option}: expected whole numbers separated by commas; got {text!r}. For example 8,32,128"
        ) from None
