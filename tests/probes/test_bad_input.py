"""Input for which no probe is defined is refused with what was expected and what came."""

import numpy as np
import pytest
import torch

from gramian.probes import knn_probe, linear_probe, ridge_probe

from ._samples import classes, line

X, Y = classes(count=60)
_, TARGET = line(count=60)
WITH_NAN = np.where(np.arange(360).reshape(60, 6) == 5, np.nan, X)
RARE = np.where(np.arange(60) < 2, 9, Y)

VECTORS = [
    (ValueError, "x: expected .*finite", WITH_NAN),
    (ValueError, r"x: expected shape \(n, d\); got \(60,\)", X[:, 0]),
    (ValueError, "x: expected at least one element", X[:0]),
    (TypeError, "x: expected a floating dtype", X.astype(int)),
    (TypeError, "x: expected a NumPy array or a torch tensor; got list", X.tolist()),
    (ValueError, "x: expected vectors that differ within every training fold", np.ones_like(X)),
]
LABELS = [
    (ValueError, "y: expected at least two classes; got only 1", np.ones(60, dtype=int)),
    (ValueError, r"at least 5 examples of every class, one a fold; got 2 in the rarest and too few in 1 of 4", RARE),
    (ValueError, r"y: expected shape \(60,\), one entry an example; got \(59,\)", Y[:-1]),
    (TypeError, "y: expected integers, booleans or strings; got float64", Y.astype(float)),
    (TypeError, "y: expected strings or integers of one kind; got None", [None, *["a", "b"] * 29, "a"]),
]
TARGETS = [
    (ValueError, "y: expected a target that varies; got only", np.ones(60)),
    (ValueError, "y: expected finite numbers; got nan at index 3", np.where(np.arange(60) == 3, np.nan, TARGET)),
    (ValueError, r"y: expected shape \(60,\), one entry an example; got \(59,\)", TARGET[:-1]),
    (TypeError, "y: expected numbers; got <U1", ["a"] * 60),
]
OPTIONS = [
    (ValueError, "folds: expected at least 2; got 1", {"folds": 1}),
    (TypeError, "folds: expected an integer; got float", {"folds": 5.0}),
    (TypeError, "standardize: expected True or False; got 1", {"standardize": 1}),
    (ValueError, r"groups: expected shape \(60,\)", {"groups": np.arange(7)}),
    (TypeError, "seed: expected an integer, a torch.Generator or None; got str", {"seed": "0"}),
    (TypeError, r"test: expected a tuple \(x, y\); got 3 entries", {"test": (X, Y, Y)}),
    (TypeError, r"test: expected a tuple \(x, y\); got list", {"test": [X, Y]}),
    (ValueError, r"test x: expected 6 columns, as x has; got shape \(60, 5\)", {"test": (X[:, 1:], Y)}),
    (ValueError, "test y: expected shape", {"test": (X, Y[1:])}),
    (ValueError, "test x: expected .*finite", {"test": (WITH_NAN, Y)}),
    (TypeError, "as groups is given; got 2 entries", {"groups": np.arange(60), "test": (X, Y)}),
]
GRIDS = [
    (ValueError, "regularization: expected at least one number; got none", ()),
    (ValueError, "regularization: expected finite numbers above 0; got 0", 0),
    (ValueError, "regularization: expected finite numbers above 0; got nan", (1.0, float("nan"))),
    (TypeError, "regularization: expected a number or several; got str", "strong"),
    (TypeError, "regularization: expected numbers; got 'a'", ("a",)),
    (TypeError, "regularization: expected a number or several; got bool", True),
]
PROBES = [(linear_probe, Y), (knn_probe, Y), (ridge_probe, TARGET)]


@pytest.mark.parametrize(("probe", "y"), PROBES)
@pytest.mark.parametrize(("kind", "message", "x"), VECTORS)
def test_vectors_without_a_defined_score_are_refused(probe, y, kind, message, x):
    with pytest.raises(kind, match=message):
        probe(x, y if len(x) else y[:0])


@pytest.mark.parametrize("probe", [linear_probe, knn_probe])
@pytest.mark.parametrize(("kind", "message", "y"), LABELS)
def test_labels_without_a_defined_score_are_refused(probe, kind, message, y):
    with pytest.raises(kind, match=message):
        probe(X, y)


@pytest.mark.parametrize(("kind", "message", "y"), TARGETS)
def test_targets_without_a_defined_score_are_refused(kind, message, y):
    with pytest.raises(kind, match=message):
        ridge_probe(X, y)


@pytest.mark.parametrize(("probe", "y"), PROBES)
@pytest.mark.parametrize(("kind", "message", "options"), OPTIONS)
def test_options_that_cannot_be_followed_are_refused(probe, y, kind, message, options):
    with pytest.raises(kind, match=message):
        probe(X, y, **options)


@pytest.mark.parametrize(("probe", "y"), [(linear_probe, Y), (ridge_probe, TARGET)])
@pytest.mark.parametrize(("kind", "message", "grid"), GRIDS)
def test_penalties_must_be_positive_numbers(probe, y, kind, message, grid):
    with pytest.raises(kind, match=message):
        probe(X, y, regularization=grid)


def test_a_test_label_that_training_lacks_is_refused():
    with pytest.raises(ValueError, match="test y: expected labels that occur in y; got 7"):
        linear_probe(X, Y, test=(X[:2], [0, 7]))


def test_nothing_is_left_to_choose_by_where_a_class_has_one_training_example():
    fit = [0, 1, 2]
    with pytest.raises(
        ValueError, match="regularization: expected one value where a class has a single training example"
    ):
        linear_probe(X[fit], Y[fit], test=(X[3:], Y[3:]))
    assert linear_probe(X[fit], Y[fit], test=(X[3:], Y[3:]), regularization=1.0).n == 57


def test_fewer_examples_than_folds_are_refused():
    with pytest.raises(ValueError, match="y: expected at least 5 examples, one a fold; got 4"):
        ridge_probe(X[:4], TARGET[:4])


def test_gradients_and_read_only_arrays_are_no_obstacle():
    frozen = X.copy()
    frozen.flags.writeable = False
    assert linear_probe(frozen, Y) == linear_probe(torch.tensor(X, requires_grad=True), Y)
