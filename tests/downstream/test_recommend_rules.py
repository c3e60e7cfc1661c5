"""Rules on tables with a planted optimum, and their regrets and intervals against arithmetic by hand."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from gramian.downstream import recommend_layer
from gramian.downstream._recommend.rules import RULES

LAST = 5
# A curve whose least is at layer 2 and whose greatest is at layer 4, neither the best score nor the last layer.
PLANTED = [3.0, 2.0, 1.0, 2.5, 4.0, 3.5]
SCORES = [0.1, 0.3, 0.6, 0.8, 0.5, 0.4]
RAW, WITHOUT, NORMED = (
    "pooling=mean;normalize=raw",
    "pooling=mean_no_first;normalize=raw",
    "pooling=mean;normalize=final_norm",
)


def scored(values, task="t", **more):
    return [{"task": task, "layer": k, "value": v} | more for k, v in enumerate(values)]


def measured(name, values=PLANTED, **more):
    return [{"measure": name, "layer": k, "value": v} | more for k, v in enumerate(values)]


def named(result, rule):
    return next(one for one in result.rules if one.rule == rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_takes_its_measure_s_extreme_and_its_regret_is_that_by_hand(rule):
    found = named(recommend_layer(measured(rule.measure), scored(SCORES)), rule.name)
    layer = {"least": 2, "greatest": 4}[rule.direction]
    assert (found.layer, found.measure, found.source) == (layer, rule.measure, rule.source)
    assert found.mean.score.value == SCORES[layer]
    assert found.mean.regret_best.value == pytest.approx(0.8 - SCORES[layer])
    assert found.mean.gain_last.value == pytest.approx(SCORES[layer] - 0.4)
    assert found.mean.gain_random.value == pytest.approx(SCORES[layer] - 2.7 / 6)


def test_any_measure_can_be_a_rule_in_either_direction():
    for direction, layer in (("least", 2), ("greatest", 4)):
        assert recommend_layer(measured("mine"), scored(SCORES), rule=f"{direction}:mine").layer == layer


def test_the_random_layer_is_the_mean_and_the_last_is_the_last():
    result = recommend_layer(scores=scored(SCORES))
    chance, last = named(result, "random"), named(result, "last")
    assert chance.layer is None
    assert chance.mean.score.value == pytest.approx(2.7 / 6)
    assert chance.mean.gain_random.value == 0
    assert (last.layer, last.mean.gain_last.value) == (LAST, 0)


def test_of_equal_values_the_shallowest_layer_is_taken():
    result = recommend_layer(measured("lidar", [1, 2, 2, 0, 0, 2]), scored([0.1, 0.2, 0.7, 0.3, 0.7, 0.7]))
    assert result.layer == 2
    assert named(result, "greatest_lidar").layer == 1
    assert recommend_layer(measured("dataset_entropy", [1, 1, 0, 0, 0, 0])).layer == 2


def test_a_layer_without_a_value_is_no_choice_and_said_to_be_missing():
    values = [3.0, 2.0, math.nan, 2.5, None, 3.5]
    found = named(recommend_layer(measured("dataset_entropy", values), scored(SCORES)), "least_dataset_entropy")
    assert (found.layer, found.note) == (1, "not measured at 2, 4")


def test_a_layer_without_a_score_is_no_candidate_but_stays_in_the_agreement_of_the_other_task():
    rows = scored(SCORES, "a") + scored([0.1, 0.2, 0.3, math.nan, 0.5, 0.6], "b")
    result = recommend_layer(measured("dataset_entropy"), rows)
    assert result.layer == 4, "layer 3, the best of a, has no score on b"
    assert "Without a score on every task, and left out (scores): layer 3." in result.warnings
    assert {pair.task: pair.layers for pair in result.agreement} == {"a": 6, "b": 5}


@pytest.mark.parametrize("values", [[1.0], [math.nan, 1.0, math.nan]])
def test_one_layer_is_nothing_to_choose_from(values):
    with pytest.raises(ValueError, match="at two layers or more"):
        recommend_layer(measured("dataset_entropy", values))
    with pytest.raises(ValueError, match="expected at least 2 streams scored on every task"):
        recommend_layer(scores=scored(values))


def test_the_final_normed_state_is_a_candidate_and_the_last_unless_left_out():
    rows = [*scored(SCORES), {"task": "t", "layer": LAST, "stream": "final_norm", "value": 0.9}]
    rows = [{"stream": "residual"} | row for row in rows]
    result = recommend_layer(scores=rows)
    assert (result.layer, result.stream) == (LAST, "final_norm")
    assert named(result, "last").mean.score.value == 0.9
    assert named(result, "best_on_tasks").mean.gain_last.value == 0
    without = recommend_layer(scores=rows, streams="residual")
    assert (without.layer, without.stream) == (3, "residual")
    assert named(without, "last").mean.score.value == 0.4


def test_a_rule_may_name_the_final_normed_state_only_where_it_was_scored():
    normed = {"measure": "dataset_entropy", "layer": LAST, "stream": "final_norm", "value": 0.0}
    curve = [*measured("dataset_entropy"), normed]
    with_it = [*scored(SCORES), {"task": "t", "layer": LAST, "stream": "final_norm", "value": 0.45}]
    assert named(recommend_layer(curve, with_it), "least_dataset_entropy").stream == "final_norm"
    assert named(recommend_layer(curve, scored(SCORES)), "least_dataset_entropy").layer == 2
    assert all(pair.layers == 6 for pair in recommend_layer(curve, with_it).agreement)


def test_of_several_readings_the_one_with_the_highest_best_layer_is_taken_and_each_has_its_measure():
    rows = scored(SCORES, variant=RAW) + scored([v + 0.1 for v in SCORES[::-1]], variant=WITHOUT)
    curves = measured("dataset_entropy", variant="tokens=all")
    curves += measured("dataset_entropy", PLANTED[::-1], variant="tokens=no_first")
    result = recommend_layer(curves, rows)
    assert (result.reading, result.layer) == (WITHOUT, 2)
    entropy = named(result, "least_dataset_entropy")
    assert (entropy.layer, entropy.variant, entropy.matched, entropy.note) == (3, "tokens=no_first", True, None)
    other = recommend_layer(curves, rows, reading=RAW)
    assert (other.reading, other.layer) == (RAW, 3)
    assert named(other, "least_dataset_entropy").layer == 2
    with pytest.raises(ValueError, match="reading: expected one of"):
        recommend_layer(curves, rows, reading=NORMED)


def test_a_reading_of_one_layer_does_not_spoil_the_others():
    rows = scored(SCORES, variant=RAW) + scored([0.9], variant=WITHOUT)
    result = recommend_layer(scores=rows)
    assert (result.reading, result.layer) == (RAW, 3)
    assert result.warnings == (f"Left out, with fewer than 2 streams scored on every task: {WITHOUT}.",)


@pytest.mark.parametrize(
    ("of_measure", "reading", "note"),
    [
        ({"variant": "tokens=all"}, WITHOUT, "means over all tokens, the score of pooling mean_no_first"),
        ({"variant": "tokens=all"}, NORMED, "of raw layers, the score of final-normed ones"),
        (
            {"variant": "tokens=all", "condition": "natural, every layer final-normed"},
            RAW,
            "of final-normed layers, the score of raw ones",
        ),
    ],
)
def test_a_measure_of_other_vectors_than_those_scored_is_marked(of_measure, reading, note):
    result = recommend_layer(measured("dataset_entropy", **of_measure), scored(SCORES, variant=reading))
    found = named(result, "least_dataset_entropy")
    assert found.matched is False
    assert note in found.note
    assert result.agreement[0].matched is False


def test_where_the_scores_do_not_say_how_they_were_read_a_match_is_not_claimed():
    result = recommend_layer(measured("dataset_entropy"), scored(SCORES))
    assert named(result, "least_dataset_entropy").matched is None
    assert result.agreement[0].matched is None
    assert "read as" not in recommend_layer(measured("dataset_entropy")).sentences[0]


def test_measures_of_another_condition_or_order_are_not_the_rule_s():
    curves = measured("dataset_entropy", PLANTED[::-1], variant="alpha=2;norm=raw;tokens=all", condition="natural")
    curves += measured("dataset_entropy", PLANTED[::-1], variant="alpha=1;norm=raw;tokens=all", condition="shuffled")
    curves += measured("dataset_entropy", PLANTED, variant="alpha=1;norm=raw;tokens=all", condition="natural")
    found = named(recommend_layer(curves, scored(SCORES)), "least_dataset_entropy")
    assert (found.layer, found.variant) == (2, "alpha=1;norm=raw;tokens=all")


def test_a_task_s_own_texts_come_before_a_corpus_and_several_corpora_need_a_name():
    curves = measured("dataset_entropy", PLANTED[::-1], corpus="t") + measured("dataset_entropy", corpus="other")
    rows = scored(SCORES, "t") + scored(SCORES, "u")
    found = named(recommend_layer(curves, rows), "least_dataset_entropy")
    assert {outcome.task: outcome.layer for outcome in found.tasks} == {"t": 3, "u": 2}
    curves += measured("dataset_entropy", corpus="third")
    with pytest.raises(ValueError, match="corpus: expected one of other, third"):
        recommend_layer(curves, rows)
    assert recommend_layer(curves, rows, corpus="third").layer == 3


def ends(values, half):
    return [row | {"low": row["value"] - half, "high": row["value"] + half} for row in values]


def test_with_few_tasks_regret_intervals_add_the_scores_own_errors():
    """Halves 0.03 and 0.04 make 0.05 of a difference; of the mean of two such tasks 0.05 / sqrt(2)."""
    one = scored(SCORES)
    rows = [
        row | {"low": row["value"] - h, "high": row["value"] + h}
        for row, h in zip(one, [0.04] * 3 + [0.03] * 3, strict=True)
    ]
    regret = named(recommend_layer(measured("dataset_entropy"), rows), "least_dataset_entropy").mean.regret_best
    assert (regret.value, regret.low, regret.high) == pytest.approx((0.2, 0.15, 0.25))
    both = rows + [row | {"task": "u"} for row in rows]
    outcome = named(recommend_layer(measured("dataset_entropy"), both), "least_dataset_entropy").mean
    assert outcome.interval == "scores"
    half = 0.05 / math.sqrt(2)
    assert (outcome.regret_best.low, outcome.regret_best.high) == pytest.approx((0.2 - half, 0.2 + half))


def test_a_layer_less_itself_has_no_error():
    rows = ends(scored(SCORES), 0.03)
    best = named(recommend_layer(scores=rows), "best_on_tasks").mean.regret_best
    assert (best.value, best.low, best.high) == (0, 0, 0)


def test_without_intervals_of_scores_there_is_none_of_regrets():
    outcome = named(recommend_layer(measured("dataset_entropy"), scored(SCORES)), "least_dataset_entropy").mean
    assert outcome.interval is None
    assert math.isnan(outcome.regret_best.low)


def test_over_many_tasks_the_bootstrap_gives_student_s_interval():
    """Expanded percentiles are made to agree with it for a mean; 40 tasks, regrets of layer 0 against layer 1 drawn normal."""
    drawn = np.random.default_rng(0).normal(0.5, 0.1, 40)
    rows = [row for k, regret in enumerate(drawn) for row in scored([0.0, regret, 0.0], f"t{k}")]
    outcome = named(recommend_layer(measured("lidar", [1.0, 0.0, 0.0]), rows), "greatest_lidar").mean
    half = student.ppf(0.975, 39) * drawn.std(ddof=1) / math.sqrt(40)
    assert outcome.interval == "tasks"
    assert outcome.regret_best.value == pytest.approx(drawn.mean())
    assert outcome.regret_best.low == pytest.approx(drawn.mean() - half, abs=0.1 * half)
    assert outcome.regret_best.high == pytest.approx(drawn.mean() + half, abs=0.1 * half)
    named_again = named(recommend_layer(measured("lidar", [1.0, 0.0, 0.0]), rows), "greatest_lidar").mean
    assert named_again == outcome, "the same seed, the same interval"


@pytest.mark.parametrize(("layers", "refused"), [(12, True), (13, False)])
def test_agreement_has_intervals_from_thirteen_layers_on(layers, refused):
    rng = np.random.default_rng(1)
    curve = measured("dataset_entropy", rng.normal(size=layers).tolist())
    (pair,) = recommend_layer(curve, scored(rng.normal(size=layers).tolist())).agreement
    assert math.isnan(pair.spearman_low) == refused


def test_choosing_on_some_tasks_judges_by_the_others():
    rows = scored(SCORES, "a") + scored([0.9, 0.1, 0.2, 0.3, 0.2, 0.1], "b")
    result = recommend_layer(scores=rows, choose_on=["a"])
    assert (result.layer, [outcome.task for outcome in result.rules[0].tasks]) == (3, ["b"])
    assert result.rules[0].mean.regret_best.value == pytest.approx(0.6)
    assert result.rules[0].mean.held_out


def test_choosing_on_one_split_judges_by_the_other():
    rows = scored(SCORES, split="test") + scored([0.9, 0.1, 0.2, 0.3, 0.2, 0.1], split="dev")
    result = recommend_layer(scores=rows, choose_split="dev")
    assert (result.layer, result.rules[0].mean.score.value, result.rules[0].mean.held_out) == (0, 0.1, True)
