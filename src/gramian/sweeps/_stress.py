"""Stress: one model and its untrained copy on the same prompts, perturbed more and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gramian.layers import Condition
from gramian.sweeps._plan import Cell, Plan

# What a perturbation changes without views: one number a prompt, one a data set, the geometry along the prompt, and the sink.
STRESS_MEASURES = ("prompt_entropy", "curvature", "dataset_entropy", "effective_rank", "sink_share")
STRESS_KINDS = ("repetition", "random_tokens", "shuffle", "prefix")
STRENGTHS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
LENGTHS = (8, 16, 32, 64, 128)


def stress_plan(
    model: str,
    *,
    kinds: Sequence[str] = STRESS_KINDS,
    strengths: Sequence[float] = STRENGTHS,
    lengths: Sequence[int] = LENGTHS,
    untrained: bool = True,
    seed: int = 0,
    corpus: str = "python-docs",
    model_options: Mapping[str, Any] | None = None,
    corpus_options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of ``gramian stress``: natural prompts once, then every kind of perturbation at every strength.

    All cells read the same prompts, long enough for the longest prefix, so that nothing but the perturbation differs. The natural
    cell is strength 0 of every kind but ``prefix``, whose strengths are numbers of tokens. Views are not taken: they perturb
    the text themselves.

    Args:
        model: as for `layers.load_model`.
        kinds: of perturbation, as in `layers.Condition`, other than natural.
        strengths: probabilities within ``[0, 1]``, for every kind but ``prefix``; 0 stands for the natural prompts, which are
            measured in any case.
        lengths: of ``prefix``, in tokens, each at least 4.
        untrained: whether the same architecture with random weights is measured too, as a baseline.
        seed: of the perturbations, of the sample of prompts and of the random weights.
        corpus: as for `layers.load_corpus`.
        model_options: more arguments of `load_model`.
        corpus_options: more arguments of `load_corpus`.
        settings: of the plan; by default `STRESS_MEASURES`, 100 prompts, and 128 tokens or as many as the longest prefix has.
            ``min_tokens`` counts where it is above the longest prefix.

    Returns:
        The plan, for `run_plan`.

    Raises:
        ValueError: no kind, an unknown or repeated one, a strength or length out of range or given twice, ``max_tokens`` below
            the longest prefix, or views.
    """
    chosen = dict(settings or {})
    options = dict(model_options or {})
    if options.get("untrained"):
        raise ValueError(
            "model_options: expected no untrained; got one. The untrained copy is a baseline of its own here"
        )
    if chosen.get("views"):
        raise ValueError(
            f"views: expected 0 under stress; got {chosen['views']}. Views perturb the text themselves, and the two would mix"
        )
    conditions = _conditions(kinds, strengths, lengths, seed)
    longest = max(lengths) if "prefix" in kinds else 0
    chosen["views"] = 0
    chosen["seed"] = seed
    chosen.setdefault("measures", list(STRESS_MEASURES))
    chosen.setdefault("prompts", 100)
    if chosen.setdefault("max_tokens", max(128, longest)) < longest:
        raise ValueError(
            f"max_tokens: expected at least {longest}, the longest of the lengths; got {chosen['max_tokens']}. "
            "Raise it, or take shorter lengths"
        )
    chosen["min_tokens"] = max(chosen.get("min_tokens", 8), longest)
    cells = [
        Cell(
            model,
            model_options=options | copy,
            corpus=corpus,
            corpus_options=corpus_options or {},
            condition=condition if condition.kind != "natural" else None,
            axis="strength",
            perturbation=condition.kind,
            strength=float(condition.strength),
        )
        for copy in ({}, *([{"untrained": True}] if untrained else []))
        for condition in conditions
    ]
    return Plan(tuple(cells), chosen, command="stress", threads=None)


def _conditions(kinds: Sequence[str], strengths: Sequence[float], lengths: Sequence[int], seed: int) -> list[Condition]:
    if not kinds or "natural" in kinds:
        raise ValueError(
            f"kinds: expected at least one other than natural, which is always measured; got {', '.join(kinds) or 'none'}. "
            f"For example {', '.join(STRESS_KINDS)}"
        )
    for name, values in (("kinds", kinds), ("strengths", strengths), ("lengths", lengths)):
        if len(set(values)) < len(values):
            raise ValueError(f"{name}: expected each once; got {', '.join(map(str, values))}. Leave one out")
    conditions = [Condition(seed=seed)]
    for kind in kinds:
        if kind == "prefix":
            short = [length for length in lengths if length <= 1]
            if short or not lengths:
                raise ValueError(
                    f"lengths: expected at least one, in tokens; got {short[0] if short else 'none'}. For example 8,32,128"
                )
            conditions += [Condition(kind, length, seed) for length in sorted(lengths)]
            continue
        of_kind = [Condition(kind, strength, seed) for strength in sorted(strengths)]
        conditions += [condition for condition in of_kind if condition.strength > 0]
    if len(conditions) == 1:
        raise ValueError("strengths: expected at least one above 0; got none. For example 0.25,0.5,1")
    return conditions
