"""A recommendation in plain words: what to use, what it gains, which label-free rule finds it, and what is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gramian.downstream._agreement.readings import pairs_of
from gramian.downstream._recommend.choices import MeasureCurve
from gramian.downstream._recommend.inputs import HEAVY_SINK
from gramian.downstream._recommend.regret import Quantity
from gramian.downstream._recommend.results import Recommendation, RuleResult
from gramian.downstream._recommend.scores import Stream

__all__ = ["reading_in_words", "sentences", "sink_warning", "stream_in_words"]

_POOLINGS = {
    "mean": "the mean over all tokens",
    "mean_no_first": "the mean over all tokens but the first",
    "last": "the last token",
    "first": "the first token",
    "weighted_mean": "the mean weighted by position",
}


def sentences(result: Recommendation, *, others: Sequence[tuple[str, float]], depth: int) -> tuple[str, ...]:
    """Three to five sentences on a recommendation.

    Args:
        result: The recommendation, without its sentences.
        others: Other readings and the mean score of their best layers.
        depth: The deepest layer.
    """
    chosen = result.rules[0]
    first = _use(result, depth)
    free = [rule for rule in result.rules if rule.kind == "label_free"]
    if not result.checked:
        return (first, _unchecked(chosen), *_disagreement(free, chosen), _ASK)
    told = [
        first,
        _gain(result, chosen),
        *_certainty(result, chosen),
        *_label_free(free, chosen),
        *_readings(result, others),
    ]
    return tuple(told)


_ASK = "Score tasks with `gramian downstream` and ask again to know what the choice gains or costs."


def reading_in_words(reading: str) -> str:
    """A reading for people; as it is where it is not ours."""
    pairs = pairs_of(reading)
    words = _POOLINGS.get(pairs.get("pooling", ""))
    if words is None:
        return reading
    return words + (" after the model's final norm" if pairs.get("normalize") == "final_norm" else "")


def stream_in_words(layer: int, stream: str) -> str:
    """``layer 17``, or the last hidden state."""
    return f"layer {layer}" if stream == "residual" else f"the last hidden state (final-normed, after layer {layer})"


def sink_warning(curves: Sequence[MeasureCurve], reading: str, stream: Stream) -> str | None:
    """That a raw mean is mostly the first token at this layer, where it is so."""
    if pairs_of(reading) != {"pooling": "mean", "normalize": "raw"}:
        return None
    shares = [
        curve.values[stream]
        for curve in curves
        if curve.measure == "sink_share" and math.isfinite(curve.values.get(stream, math.nan))
    ]
    if not shares or np.mean(shares) <= HEAVY_SINK:
        return None
    return (
        f"At {stream_in_words(*stream)} the first token carries {100 * np.mean(shares):.0f} % of the squared norm: a raw mean over "
        "all tokens is mostly that token there. Compare the reading pooling=mean_no_first;normalize=raw."
    )


def _use(result: Recommendation, depth: int) -> str:
    of = f" of {depth}" if result.stream == "residual" else ""
    reading = f", read as {reading_in_words(result.reading)}" if result.reading else ""
    return f"Use {stream_in_words(result.layer, result.stream)}{of}{reading}."


def _unchecked(chosen: RuleResult) -> str:
    return f"It has the {chosen.title} of all layers measured; this was not checked against any task."


def _disagreement(free: Sequence[RuleResult], chosen: RuleResult) -> list[str]:
    others = [rule for rule in free if rule is not chosen]
    if not others:
        return []
    same = sum((rule.layer, rule.stream) == (chosen.layer, chosen.stream) for rule in others)
    layers = sorted({rule.layer for rule in free if rule.layer is not None})
    span = f"layers {layers[0]} to {layers[-1]}" if len(layers) > 1 else f"layer {layers[0]}"
    agree = "none of them names it" if not same else f"{same} of them name{'s' if same == 1 else ''} it"
    return [
        f"{_count(len(others))} other label-free rule{'s' if len(others) > 1 else ''}: {agree}, and together they name {span}."
    ]


def _gain(result: Recommendation, chosen: RuleResult) -> str:
    board = result.board
    mean = chosen.mean
    if board is None or mean is None:
        return _unchecked(chosen)
    on = board.tasks[0] if len(board.tasks) == 1 else f"{len(board.tasks)} tasks on average"
    own = float(board.values[:, board.streams.index((result.layer, result.stream))].mean())
    last = float(board.values[:, board.last].mean())
    chance = float(board.values.mean())
    scores = f"On {on} it scores {own:.3f}, the last layer {last:.3f}, a layer drawn at random {chance:.3f}"
    if chosen.kind == "supervised" and not mean.held_out:
        return f"{scores}; it was chosen on this very score, so expect less on other data."
    if chosen.rule == "best_on_tasks" and len(board.tasks) > 1:
        return (
            f"{scores}; chosen each time without the score it is judged by, a layer gains {_signed(mean.gain_last)} on the last and "
            f"stays {_plain(mean.regret_best)} below the best of each task."
        )
    if chosen.rule == "best_on_labels":
        return f"{scores}; judged on texts that had no part in the choice, the gain on the last layer is {_signed(mean.gain_last)}."
    return f"{scores}; it stays {_plain(mean.regret_best)} below the best of each task."


def _certainty(result: Recommendation, chosen: RuleResult) -> list[str]:
    board, mean = result.board, chosen.mean
    if board is None or mean is None or (result.layer, result.stream) == board.streams[board.last]:
        return ["No other layer does better than the last."] if chosen.kind == "supervised" else []
    gain = mean.gain_last
    if not math.isfinite(gain.low):
        return ["The scores have no intervals, so whether it is better than the last layer beyond chance is not known."]
    if gain.high < 0:
        return ["It is worse than the last layer."]
    if gain.low <= 0:
        return ["The interval of that gain includes zero: it may be no better than the last layer."]
    return []


def _label_free(free: Sequence[RuleResult], chosen: RuleResult) -> list[str]:
    known = [(rule, rule.mean) for rule in free if rule.mean is not None]
    if not known:
        return ["No measure that a label-free rule reads was given."]
    rule, mean = min(known, key=lambda pair: pair[1].regret_best.value)
    several = f"Of {_count(len(known)).lower()} label-free rules" if len(known) > 1 else "The label-free rule"
    comes = " comes nearest" if len(known) > 1 else ""
    layer = _layers_of(rule)
    nearest = f"{several}, {rule.title} ({layer}){comes}, {mean.regret_best.value:.3f} below the best"
    sure = [one for one, outcome in known if outcome.gain_last.low > 0]
    better = [one for one, outcome in known if outcome.gain_last.value > 0]
    if not better:
        return [f"{nearest}; no label-free rule beats the last layer here."]
    if sure:
        return [
            f"{nearest}; {len(sure)} of {len(known)} beat{'s' if len(sure) == 1 else ''} the last layer beyond their intervals."
        ]
    return [
        f"{nearest}; {len(better)} of {len(known)} do better than the last layer, none of them beyond its interval."
    ]


def _layers_of(rule: RuleResult) -> str:
    named = {(outcome.layer, outcome.stream) for outcome in rule.tasks}
    if len(named) > 1:
        return f"{len(named)} different layers for {len(rule.tasks)} tasks"
    return stream_in_words(rule.layer, rule.stream) if rule.layer is not None and rule.stream is not None else "none"


def _readings(result: Recommendation, others: Sequence[tuple[str, float]]) -> list[str]:
    board = result.board
    if not others or board is None:
        return []
    name, value = max(others, key=lambda pair: pair[1])
    best = float(board.values.mean(0).max())
    return [
        f"Of {len(others) + 1} readings this one has the highest best layer ({best:.3f}); next is {reading_in_words(name)} ({value:.3f})."
    ]


def _signed(quantity: Quantity) -> str:
    return f"{quantity.value:+.3f}{_ends(quantity)}"


def _plain(quantity: Quantity) -> str:
    return f"{quantity.value:.3f}{_ends(quantity)}"


def _ends(quantity: Quantity) -> str:
    if not math.isfinite(quantity.low):
        return ""
    return f" [{quantity.low:.3f}, {quantity.high:.3f}]"


def _count(number: int) -> str:
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    return words[number] if number < len(words) else str(number)
