"""Views and options that FroSSL and LARS do not take, and what is said."""

import math

import numpy as np
import pytest
import torch

from gramian.ssl import LARS, FroSSLLoss, frossl_loss

GOOD = torch.eye(4)
VIEWS = [
    (np.eye(4), TypeError, r"views: expected a list of tensors \(n, d\); got ndarray"),
    ([np.eye(4), np.eye(4)], TypeError, r"views\[0\]: expected a torch tensor; got ndarray"),
    (GOOD, ValueError, r"views: expected two or more tensors .* one tensor of shape \(4, 4\)"),
    ([], ValueError, "views: expected two or more views; got 0"),
    ([GOOD], ValueError, "views: expected two or more views; got 1"),
    (GOOD[None], ValueError, "views: expected two or more views; got 1"),
    ([GOOD, GOOD.long()], TypeError, r"views\[1\]: expected a floating dtype"),
    ([GOOD, GOOD[:3]], ValueError, r"views\[1\]: expected the shape of views\[0\], \(4, 4\); got \(3, 4\)"),
    ([GOOD[0], GOOD[0]], ValueError, r"views\[0\]: expected a matrix \(n, d\)"),
    ([GOOD[:0], GOOD[:0]], ValueError, r"views\[0\]: expected a matrix \(n, d\) with values; got shape \(0, 4\)"),
    ([GOOD[:1], GOOD[:1]], ValueError, "views: expected two or more samples"),
    ([GOOD, GOOD.to("meta")], ValueError, r"views\[1\]: expected the device of views\[0\]"),
]
OPTIONS = [
    ({"invariance_weight": -1}, ValueError, "invariance_weight: expected a non-negative number; got -1"),
    ({"invariance_weight": math.nan}, ValueError, "invariance_weight: expected a non-negative number; got nan"),
    ({"invariance_weight": math.inf}, ValueError, "invariance_weight"),
    ({"invariance_weight": "1"}, TypeError, "invariance_weight: expected a number; got str"),
    ({"invariance_weight": True}, TypeError, "invariance_weight: expected a number; got bool"),
    ({"alpha": 0}, ValueError, "alpha: expected an order above 0"),
    ({"alpha": -1}, ValueError, "alpha: expected an order from 0 to infinity"),
    ({"alpha": math.nan}, ValueError, "alpha: expected an order from 0 to infinity"),
    ({"alpha": "2"}, TypeError, "alpha: expected a number; got str"),
    (
        {"normalization": "batch"},
        ValueError,
        "normalization: expected one of feature, standardized, sample; got 'batch'",
    ),
    ({"invariance": "sum"}, ValueError, "invariance: expected one of released, mean; got 'sum'"),
    ({"batch": "gather"}, ValueError, "batch: expected one of global, local; got 'gather'"),
]
LARS_OPTIONS = [
    ({"lr": -0.1}, ValueError, "lr: expected a non-negative number; got -0.1"),
    ({"lr": math.nan}, ValueError, "lr: expected a non-negative number"),
    ({"lr": "fast"}, TypeError, "lr: expected a number; got str"),
    ({"lr": 0.1, "momentum": 1.0}, ValueError, r"momentum: expected a number within \[0, 1\); got 1.0"),
    ({"lr": 0.1, "weight_decay": -1}, ValueError, "weight_decay: expected a non-negative number"),
    ({"lr": 0.1, "eta": None}, TypeError, "eta: expected a number; got NoneType"),
    ({"lr": 0.1, "momentum": 0, "nesterov": True}, ValueError, "nesterov: expected a positive momentum"),
]


@pytest.mark.parametrize(("views", "kind", "match"), VIEWS)
def test_views_that_are_none(views, kind, match):
    with pytest.raises(kind, match=match):
        frossl_loss(views)


@pytest.mark.parametrize(("options", "kind", "match"), OPTIONS)
def test_options_are_refused_by_function_and_class(options, kind, match):
    with pytest.raises(kind, match=match):
        frossl_loss([GOOD, GOOD], **options)
    with pytest.raises(kind, match=match):
        FroSSLLoss(**options)


def test_orders_below_one_are_refused_where_rounding_hides_the_rank():
    views = [torch.randn(300, 4, generator=torch.Generator().manual_seed(0)).bfloat16()] * 2
    with pytest.raises(ValueError, match="alpha: expected an order of at least 1 where rounding hides the rank"):
        frossl_loss(views, alpha=0.5)


@pytest.mark.parametrize(("options", "kind", "match"), LARS_OPTIONS)
def test_rates_that_are_none(options, kind, match):
    with pytest.raises(kind, match=match):
        LARS([torch.nn.Parameter(GOOD)], **options)
    optimizer = LARS([torch.nn.Parameter(GOOD)], lr=0.1)
    with pytest.raises(kind, match=match):
        optimizer.add_param_group({"params": [torch.nn.Parameter(GOOD)], **options})
