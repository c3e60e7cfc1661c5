"""Measures with one value for each prompt, gathered over chunks: prompt entropy, curvature, sink share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gramian.layers._plan import MeasurePlan
from gramian.layers._token_statistics import TOKEN_VARIANTS
from gramian.layers._variants import NORMALIZATIONS, variant
from gramian.runs import RunDirectory


@dataclass(frozen=True)
class PromptSeries:
    """One measure and variant: a value for each stream and prompt."""

    measure: str
    variant: str
    streams: Sequence[tuple[int, str]]
    values: np.ndarray  # (streams, prompts)
    keep: bool  # whether every prompt's value goes into the run, or only the mean


def prompt_lengths(run: RunDirectory, chunks: Sequence[tuple[str, Sequence[int]]]) -> np.ndarray:
    """Measured tokens of every prompt, in corpus order."""
    return _gather(run, chunks, "tokens")


def prompt_series(
    run: RunDirectory,
    chunks: Sequence[tuple[str, Sequence[int]]],
    plan: MeasurePlan,
    *,
    streams: Sequence[tuple[int, str]],
    orders: Sequence[float],
    width: int,
) -> Iterator[PromptSeries]:
    """Every per-prompt measure of the plan, in the registry's order; normalised entropies are made from the raw ones."""
    lengths = prompt_lengths(run, chunks)
    if plan.wants("prompt_entropy"):
        entropy = _gather(run, chunks, "entropy")
        for index, order in enumerate(orders):
            for norm in NORMALIZATIONS:
                for which, tokens in enumerate(TOKEN_VARIANTS):
                    counts = lengths - which
                    name = variant(alpha=order, norm=norm, tokens=tokens)
                    values = entropy[:, index, which] / _entropy_bounds(norm, counts, width)
                    keep = order == (1.0 if 1.0 in orders else orders[0]) and norm in ("raw", "min")
                    yield PromptSeries("prompt_entropy", name, streams, values, keep=keep)
    if plan.wants("curvature"):
        curvature = _gather(run, chunks, "curvature")
        for which, tokens in enumerate(TOKEN_VARIANTS):
            yield PromptSeries("curvature", variant(tokens=tokens), streams, curvature[:, which], keep=True)
    if plan.wants("sink_share"):
        yield PromptSeries("sink_share", "", streams, _gather(run, chunks, "sink_share"), keep=True)


def _entropy_bounds(norm: str, counts: np.ndarray, width: int) -> np.ndarray:
    if norm == "raw":
        return np.ones(len(counts))
    sizes = {"log_n": counts, "log_d": np.full(len(counts), width), "min": np.minimum(counts, width)}[norm]
    return np.asarray(np.log(sizes.astype(np.float64)))


def _gather(run: RunDirectory, chunks: Sequence[tuple[str, Sequence[int]]], name: str) -> np.ndarray:
    total = sum(len(indices) for _, indices in chunks)
    whole: np.ndarray | None = None
    for key, indices in chunks:
        part = run.load_chunk(key)[name]
        if whole is None:
            whole = np.empty((*part.shape[:-1], total), dtype=part.dtype)
        whole[..., np.asarray(indices)] = part
    if whole is None:
        raise ValueError("chunks: expected at least one; got none")
    return whole
