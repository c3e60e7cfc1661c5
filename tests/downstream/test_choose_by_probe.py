"""The supervised choice: it finds a planted layer, and its check never looks at what it is checked on."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from gramian.downstream import choose_by_probe, recommend_layer

COUNT, FOLDS = 60, 5
LABELS = np.array(["a", "b", "c"] * (COUNT // 3))
STREAMS = [(layer, "residual") for layer in range(4)]


def noise(seed, streams=4):
    return np.random.default_rng(seed).normal(size=(streams, COUNT, 8))


def told(x, rows, strength=6.0):
    """Add the label's own direction to some rows."""
    codes = np.unique(LABELS, return_inverse=True)[1]
    x = x.copy()
    x[rows, codes[rows]] += strength
    return x


def chosen(x, *, labels=LABELS, streams=STREAMS, **more):
    return choose_by_probe(lambda layer, stream: x[layer], labels, streams=streams, probe="knn", **more)


def outer_folds():
    return [
        rest
        for _, rest in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(LABELS, LABELS, range(COUNT))
    ]


@pytest.mark.parametrize("probe", ["knn", "logistic"])
def test_a_planted_layer_is_found_by_every_fold_and_recommended(probe):
    x = noise(0)
    x[2] = told(x[2], np.arange(COUNT))
    found = choose_by_probe(lambda layer, stream: x[layer], LABELS, streams=STREAMS[1:], probe=probe)
    assert found.board.streams[found.place] == (2, "residual")
    assert set(found.chosen) == {(2, "residual")}
    assert found.held_out.value > 0.9
    result = recommend_layer(labelled=found)
    assert (result.layer, result.rule) == (2, "best_on_labels")
    (outcome,) = result.rules[0].tasks
    assert outcome.score == found.held_out, "the score that is shown is that of texts without part in the choice"


def test_a_layer_that_leaks_the_labels_of_the_held_out_texts_alone_is_not_chosen_there():
    """Layer 3 holds the answers for one outer fold's texts only: whoever peeks takes it, and scores 1."""
    held_out = outer_folds()[0]
    x = noise(1)
    x[1] = told(x[1], np.arange(COUNT), strength=1.5)
    clean = chosen(x)
    x[3] = told(x[3], held_out)
    leaked = chosen(x)
    assert leaked.chosen[0] == clean.chosen[0] == (1, "residual")
    assert leaked.board.values[0, 3] > clean.board.values[0, 3] - 0.1


@pytest.mark.slow
def test_among_many_layers_of_noise_the_check_stays_at_chance_while_the_best_score_does_not():
    """Fifteen layers, mean of five draws: the best of the plain scores promises what no layer holds."""
    streams = [(layer, "residual") for layer in range(15)]
    found = [chosen(noise(seed, 15), streams=streams) for seed in range(5)]
    best = np.mean([one.board.values.max() for one in found])
    checked = np.mean([one.held_out.value for one in found])
    assert best > 1 / 3 + 0.1
    assert checked == pytest.approx(1 / 3, abs=0.07)


def test_copies_of_a_text_never_lie_on_both_sides():
    """Ten texts six times each, with labels that mean nothing: ungrouped, a probe knows the copies by heart."""
    rng = np.random.default_rng(2)
    texts = np.repeat(np.arange(10), 6)
    labels = rng.permutation(["a", "b"] * 5)[texts]
    x = rng.normal(size=(2, 10, 32))[:, texts]
    alone, together = (
        choose_by_probe(lambda layer, stream: x[layer], labels, streams=STREAMS[:2], groups=groups)
        for groups in (None, texts)
    )
    assert alone.held_out.value == 1
    assert together.held_out.value < 0.75


def test_a_stream_of_one_vector_is_left_out():
    x = noise(3)
    x[0] = 1.0
    assert chosen(x).board.streams == tuple(STREAMS[1:])
    x[1:3] = 0.0
    with pytest.raises(ValueError, match="vectors: expected texts that differ in 2 streams or more; got 1"):
        chosen(x)


def test_the_same_seed_gives_the_same_choice():
    x = noise(4)
    first, again, other = chosen(x), chosen(x), chosen(x, seed=1)
    assert (first.held_out, first.chosen) == (again.held_out, again.chosen)
    assert not np.array_equal(first.board.values, other.board.values)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"streams": STREAMS[:1]}, "streams: expected at least 2 to choose from; got 1"),
        ({"labels": ["a"] * COUNT}, "labels: expected 2 classes or more"),
        ({"labels": ["a"] * (COUNT - 3) + ["b"] * 3}, "the rarest with 3"),
        ({"groups": [1, 2]}, "groups: expected 60, one a label; got 2"),
    ],
)
def test_wrong_input_is_refused_in_words(more, match):
    with pytest.raises(ValueError, match=match):
        chosen(noise(0), **more)


def test_an_unknown_probe_is_refused():
    with pytest.raises(ValueError, match="probe: expected logistic or knn; got 'ridge'"):
        choose_by_probe(lambda layer, stream: noise(0)[layer], LABELS, streams=STREAMS, probe="ridge")


def test_a_choice_beside_scores_is_one_more_task_and_its_layers_must_have_been_scored():
    x = noise(5)
    x[2] = told(x[2], np.arange(COUNT))
    found = chosen(x)
    scores = [{"task": "t", "layer": layer, "value": layer / 10} for layer in range(4)]
    result = recommend_layer(scores=scores, labelled=found)
    assert [outcome.task for outcome in result.rules[0].tasks] == ["t", "labels"]
    assert result.layer == 2
    with pytest.raises(
        ValueError, match=r"labelled: expected a choice among the 3 streams that are candidates; got layer 2"
    ):
        recommend_layer(scores=[row for row in scores if row["layer"] != 2], labelled=found)
    with pytest.raises(ValueError, match="labelled: expected another name"):
        recommend_layer(scores=[row | {"task": "labels"} for row in scores], labelled=found)
