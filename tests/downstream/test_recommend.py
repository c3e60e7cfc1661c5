"""The choice of a layer: what each rule names, and its regret worked by hand."""

import pytest

from gramian.downstream import recommend_layer

# Layer 2 is the best of both tasks together; the least entropy is at layer 1.
SCORES = {"a": [0.1, 0.6, 0.7, 0.4], "b": [0.2, 0.3, 0.5, 0.4]}
ENTROPY = [3.0, 1.0, 2.0, 2.5]


def scores(table=SCORES):
    return [{"task": task, "layer": k, "value": v} for task, values in table.items() for k, v in enumerate(values)]


def measures(values=ENTROPY):
    return [{"measure": "dataset_entropy", "layer": k, "value": v} for k, v in enumerate(values)]


def rules(result):
    return {rule.rule: rule for rule in result.rules}


def test_the_best_mean_score_is_recommended_and_regrets_are_those_by_hand():
    result = recommend_layer(measures(), scores())
    assert (result.layer, result.stream, result.rule) == (2, "residual", "best_on_tasks")
    entropy = rules(result)["least_dataset_entropy"]
    assert entropy.layer == 1
    assert entropy.mean.score.value == pytest.approx((0.6 + 0.3) / 2)
    assert entropy.mean.regret_best.value == pytest.approx((0.1 + 0.2) / 2)
    assert entropy.mean.gain_last.value == pytest.approx((0.2 - 0.1) / 2)
    random_a, random_b = sum(SCORES["a"]) / 4, sum(SCORES["b"]) / 4
    assert entropy.mean.gain_random.value == pytest.approx((0.6 - random_a + 0.3 - random_b) / 2)


def test_layers_sort_as_numbers_and_rows_may_come_in_any_order():
    """Twelve layers as text, the best one layer 10, the last layer 11 rather than 9."""
    values = [0.1] * 10 + [0.9, 0.3]
    rows = [{"task": "a", "layer": f"layer_{k}", "value": v} for k, v in enumerate(values)]
    result = recommend_layer(scores=rows[::-1])
    assert result.layer == 10
    assert rules(result)["last"].mean.score.value == pytest.approx(0.3)


def test_without_scores_the_recommendation_says_that_nothing_was_checked():
    result = recommend_layer(measures())
    assert (result.layer, result.checked) == (1, False)
    assert result.rule == "least_dataset_entropy"
    assert "not checked" in " ".join(result.sentences).lower() or "no task" in " ".join(result.sentences).lower()


def test_the_layer_of_each_task_is_chosen_without_that_task():
    """Task a alone prefers layer 1, task b alone layer 2: left out in turn, each is judged at the other's layer."""
    table = {"a": [0.0, 0.9, 0.5], "b": [0.0, 0.2, 0.8]}
    best = rules(recommend_layer(scores=scores(table)))["best_on_tasks"]
    outcomes = {outcome.task: (outcome.layer, outcome.score.value) for outcome in best.tasks}
    assert outcomes == {"a": (2, 0.5), "b": (1, 0.2)}
    assert all(outcome.held_out for outcome in best.tasks)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"rule": "most_beautiful"}, "rule"),
        ({"rule": "best_on_tasks"}, "rule: expected scores or labels for best_on_tasks; got none"),
        ({"streams": "some"}, "streams: expected all or residual; got 'some'"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        recommend_layer(measures(), **arguments)


def test_nothing_to_recommend_from():
    with pytest.raises(ValueError, match="expected"):
        recommend_layer()
