"""The choice of a layer: by scores where there are some, by label-free rules, and how each of them does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gramian.downstream._recommend.agreement import recommend_agreement
from gramian.downstream._recommend.inputs import read_inputs
from gramian.downstream._recommend.judge import SUPERVISED, Judge
from gramian.downstream._recommend.probe import LabelledChoice
from gramian.downstream._recommend.results import Recommendation, RuleResult
from gramian.downstream._recommend.rules import DEFAULT_RULES, RULES, rule_named
from gramian.downstream._recommend.sentences import sentences, sink_warning
from gramian.downstream._tables.columns import TableLike

__all__ = ["recommend_layer"]


def recommend_layer(
    measures: TableLike | None = None,
    scores: TableLike | None = None,
    *,
    model: str | None = None,
    revision: str | None = None,
    tasks: Sequence[str] | None = None,
    choose_on: Sequence[str] | None = None,
    split: str | None = None,
    choose_split: str | None = None,
    rule: str | None = None,
    reading: str | None = None,
    streams: str = "all",
    corpus: str | None = None,
    labelled: LabelledChoice | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Recommendation:
    """Which layer of a model to use: what every rule names, and how far that is from the best, the last and a random layer.

    With scores, the layer with the best mean score is recommended, and judged by choosing it again without each task in turn
    (leave one task out). Label-free rules (`RULES`) take the layer where a measure is least or greatest; the measure's variant is that
    of the vectors that were scored, and the result says where there is none. Without scores the recommendation
    is a label-free rule's, and says that nothing was checked.

    *Last* is the last hidden state as the model hands it out: the final-normed state where it was scored. *Random* is the mean
    over all candidate streams.

    Source: [skean2025, Table 2] for the comparison; `RULES` names the source of each rule.

    Args:
        measures: Long table of measures; see `agreement`.
        scores: Long table of scores.
        model: Which model, where the tables hold several.
        revision: Which revision.
        tasks: Tasks to judge by; default: all.
        choose_on: Tasks to choose on, judged by the others; default: all but one in turn.
        split: Split to judge by; default: `test` where there is one, else the mean over splits.
        choose_split: Choose each task's layer on this split, and judge it on `split`.
        rule: The rule to recommend by: `best_on_tasks`, `best_on_labels`, a name of `RULES`, or a direction and a measure such as
            ``least:anisotropy``. Default: the labels' where given, else the scores', else the first of `DEFAULT_RULES` that was measured.
        reading: How vectors are read (`variant` of the scores). Default: the one whose best layer has the highest mean score; without
            scores the mean, without the first token where that carries most of the norm.
        streams: Candidates: ``all``, or ``residual`` to leave out the final-normed state.
        corpus: Which corpus the measures are taken from, where there are several.
        labelled: A choice on a labelled set, from `choose_by_probe`; it counts as one more task.
        resamples: Of the block bootstrap of the agreement.
        seed: Of every bootstrap.

    Returns:
        The recommendation, with every rule, sentence and warning.

    Raises:
        ValueError: Neither measures nor scores, an unknown name, several models or corpora where one must be named, or a table
            that cannot be read.
        TypeError: Something that is no table.

    >>> scores = [{"layer": k, "task": t, "value": v} for t in ("a", "b") for k, v in enumerate([0.1, 0.7, 0.5])]
    >>> recommend_layer(scores=scores).layer
    1
    """
    if streams not in ("all", "residual"):
        raise ValueError(f"streams: expected all or residual; got {streams!r}. Correct it.")
    asked = None if rule is None or rule in SUPERVISED else rule_named(rule)
    inputs = read_inputs(
        measures,
        scores,
        model=model,
        revision=revision,
        tasks=tasks,
        choose_on=choose_on,
        split=split,
        choose_split=choose_split,
        reading=reading,
        streams=streams,
        labelled=labelled,
    )
    rules = [*RULES, *([asked] if asked is not None and asked not in RULES else [])]
    judge = Judge(inputs, corpus=corpus, seed=seed)
    found = [free for one in rules if (free := judge.label_free(one)) is not None]
    missing = [one.name for one in rules if one.name not in {result.rule for result in found}]
    results = [*judge.supervised(labelled), *found, *judge.baselines()]
    chosen = _recommended(results, rule)
    ordered = (chosen, *_by_regret([result for result in results if result is not chosen]))
    pairs, warnings = recommend_agreement(inputs, corpus=corpus, resamples=resamples, seed=seed)
    if chosen.layer is None or chosen.stream is None:
        raise ValueError(
            "rule: expected a rule that names a layer; got random. It is what the others are compared with."
        )
    sink = sink_warning(inputs.curves, inputs.reading, (chosen.layer, chosen.stream))
    result = Recommendation(
        model=inputs.model,
        revision=inputs.revision,
        reading=inputs.reading,
        layer=chosen.layer,
        stream=chosen.stream,
        rule=chosen.rule,
        checked=inputs.board is not None,
        sentences=(),
        warnings=(*inputs.warnings, *([sink] if sink else []), *warnings),
        rules=ordered,
        board=inputs.board,
        agreement=pairs,
        missing=tuple(missing),
    )
    return replace(result, sentences=sentences(result, others=inputs.other_readings, depth=inputs.depth))


def _recommended(results: Sequence[RuleResult], rule: str | None) -> RuleResult:
    by_name = {result.rule: result for result in results}
    if rule is not None:
        if rule in by_name:
            return by_name[rule]
        what = "scores or labels" if rule in SUPERVISED else "its measure at two layers or more"
        raise ValueError(f"rule: expected {what} for {rule}; got none in these tables. Measure or score first.")
    for name in ("best_on_labels", "best_on_tasks", *DEFAULT_RULES):
        if name in by_name:
            return by_name[name]
    if not results:
        raise ValueError(
            f"measures: expected a measure that a rule reads ({', '.join(one.measure for one in RULES)}) at two layers or "
            "more; got none. Measure one, or name a rule such as least:anisotropy."
        )
    return results[0]


def _by_regret(results: Sequence[RuleResult]) -> list[RuleResult]:
    """Supervised rules, then label-free ones by their regret, baselines last."""
    kinds = ("supervised", "label_free", "baseline")
    return sorted(
        results,
        key=lambda one: (
            kinds.index(one.kind),
            one.mean.regret_best.value if one.mean is not None and one.kind == "label_free" else 0.0,
        ),
    )
