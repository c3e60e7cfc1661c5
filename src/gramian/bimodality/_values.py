"""Per-prompt values of one measure, by layer, out of a run directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gramian.runs import RunRecord, read_run

EXCERPT = 400  # characters of a prompt that a run keeps, docs/design/architecture.md
_PREFERRED = ("norm=raw;tokens=no_first", "tokens=no_first", "norm=raw;tokens=all")


@dataclass(frozen=True, eq=False)
class RunValues:
    """Values of one measure, and the prompts they belong to.

    Attributes:
        path: The run.
        measure: The measure.
        variant: Its variant.
        streams: By layer and stream in order of depth: the prompts' indices ``(n,)`` and their values ``(n,)``.
        ids: Content hash of every prompt.
        texts: What the run keeps of its text.
        cut: Whether that may be less than all of it.
        tokens: Its length in tokens.
        labels: Its label, or None for all where there are none.
    """

    path: Path
    measure: str
    variant: str
    streams: Mapping[tuple[int, str], tuple[NDArray[np.int64], NDArray[np.float64]]]
    ids: Sequence[str]
    texts: Sequence[str]
    cut: Sequence[bool]
    tokens: Sequence[int]
    labels: Sequence[str | None] | None


def read_values(run: str | Path, *, measure: str, variant: str | None) -> RunValues:
    """Read the values of one measure and variant.

    Raises:
        ValueError: the run has no per-prompt values, none of this measure or variant, or those of several conditions.
    """
    record = read_run(run)
    if "prompts" not in record.tables or "texts" not in record.tables:
        raise ValueError(
            f"{record.path}: expected a run with values of single prompts; got {', '.join(sorted(record.tables))}. "
            "Runs of `gramian measure` with prompt_entropy, curvature or sink_share have them; so has each cell of a sweep."
        )
    table = record.table("prompts", ["measure", "variant", "layer", "stream", "prompt", "value"])
    names = np.array(table["measure"].to_pylist())
    variants = np.array(table["variant"].to_pylist())
    chosen = _choose_variant(record.path, names, variants, measure, variant)
    _check_one_condition(record)
    keep = (names == measure) & (variants == chosen)
    layers = table["layer"].to_numpy()[keep]
    streams = np.array(table["stream"].to_pylist())[keep]
    prompts = table["prompt"].to_numpy()[keep].astype(np.int64)
    values = table["value"].to_numpy()[keep]
    texts = record.tables["texts"].to_pylist()
    texts.sort(key=lambda row: int(row["prompt"]))
    found = {}
    for key in sorted(
        set(zip(layers.tolist(), streams.tolist(), strict=True)), key=lambda k: (k[1] != "residual", k[0])
    ):
        here = (layers == key[0]) & (streams == key[1])
        found[key] = (prompts[here], values[here])
    longest = max((len(row["text"]) for row in texts), default=0)
    labels = [row["label"] for row in texts]
    return RunValues(
        path=record.path,
        measure=measure,
        variant=chosen,
        streams=found,
        ids=[row["id"] for row in texts],
        texts=[row["text"] for row in texts],
        # The longest excerpts are those that were cut, unless none reached the limit.
        cut=[len(row["text"]) == longest and longest >= EXCERPT for row in texts],
        tokens=[int(row["tokens"]) for row in texts],
        labels=labels if any(label is not None for label in labels) else None,
    )


def _choose_variant(
    path: Path, names: NDArray[np.str_], variants: NDArray[np.str_], measure: str, variant: str | None
) -> str:
    if measure not in names:
        there = ", ".join(sorted(set(names.tolist()))) or "none"
        raise ValueError(f"measure: expected one with values of single prompts in {path} ({there}); got {measure!r}.")
    offered = list(dict.fromkeys(variants[names == measure].tolist()))
    if variant is None:
        ranked = [one for ending in _PREFERRED for one in offered if one.endswith(ending)]
        return str((ranked or offered)[0])
    if variant not in offered:
        raise ValueError(f"variant: expected one of {', '.join(offered)}; got {variant!r}. Choose one of them.")
    return variant


def _check_one_condition(record: RunRecord) -> None:
    names = ["model", "revision", "corpus", "condition"]
    identities = record.table("prompts", names).group_by(names).aggregate([]).num_rows
    if identities > 1:
        raise ValueError(
            f"{record.path}: expected values of one model, corpus and condition; got {identities}. "
            "Give one of the run directories under cells/."
        )
