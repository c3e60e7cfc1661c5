"""One training for every objective: the same encoders from the same first weights, the same batches, the same number of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gramian.multiview import mlp_encoder
from gramian.probes import linear_probe
from tests.studies._paired_views import Images, Pairs, batches, paired
from tests.studies._view_objectives import linear_cca, objective

UNTRAINED, LINEAR_CCA, SUPERVISED = "first weights", "linear CCA", "supervised"
_HIDDEN = (128, 128)
_WARM_UP, _LAST, _STARTS_APART = 0.25, 10, 1_000
# Probes see draws of views that no training saw, and other ones on either side.
_LEARN_DRAW, _TEST_DRAW = 10_000, 20_000


@dataclass(frozen=True)
class Trained:
    """Encoders of both views, frozen, and the mean loss of the last steps (zero steps: NaN)."""

    encoders: list[nn.Module]
    loss: float


@dataclass(frozen=True)
class Budget:
    """What every objective has of a data set: steps of Adam and samples a step; and pairs an image for the probes."""

    steps: int
    batch: int
    copies: int


def trained(
    name: str,
    images: Images,
    *,
    latent: int,
    seed: int,
    budget: Budget,
    lr: float = 0.0,
    start: int = 0,
    **settings: Any,
) -> Trained:
    """An encoder a view. `UNTRAINED` are the encoders that all start from; other numbers of ``start`` have other first weights.

    Adam's rate rises linearly over the first quarter of the steps and is multiplied by a cosine that falls to zero.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed + _STARTS_APART * start)
        shape = tuple(images.pixels.shape[1:])
        encoders = [mlp_encoder(shape, latent, hidden=_HIDDEN) for _ in range(2)]
        loss = None if name == UNTRAINED else objective(name, latent=latent, seed=seed, **settings)
    if loss is None:
        return Trained([encoder.eval() for encoder in encoders], math.nan)
    weights = [weight for module in (*encoders, loss) for weight in module.parameters()]
    optimizer = torch.optim.Adam(weights, lr=lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, budget.steps))
    values = []
    for pairs in batches(images, size=budget.batch, steps=budget.steps, seed=seed):
        codes = [encoder(view) for encoder, view in zip(encoders, pairs.views, strict=True)]
        labels = (pairs.labels,) if name == SUPERVISED else ()
        optimizer.zero_grad()
        value = loss(codes, *labels)
        value.backward()
        optimizer.step()
        schedule.step()
        values.append(value.item())
    return Trained([encoder.eval() for encoder in encoders], float(np.mean(values[-_LAST:])))


def _rate(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / (_WARM_UP * steps)) * (0.5 + 0.5 * math.cos(math.pi * step / steps))


def measured(
    name: str, learn: Images, test: Images, *, latent: int, seed: int, budget: Budget, start: int = 0, **told: Any
) -> dict[str, list[float]]:
    """Of each view: ``accuracy`` of a linear probe on test codes, fitted on training codes of that view; ``dimensions`` of the codes.

    Dimensions are counted by the participation ratio of the covariance's eigenvalues, from 1 to ``latent``. ``loss`` has the mean
    loss of the last ten steps, and nothing where nothing was trained.
    """
    fit = paired(learn, seed=seed + _LEARN_DRAW, copies=budget.copies)
    held = paired(test, seed=seed + _TEST_DRAW, copies=budget.copies)
    if name == LINEAR_CCA:
        flat = [[view.flatten(1).double().numpy() for view in pairs.views] for pairs in (fit, held)]
        losses: list[float] = []
        *maps, _ = linear_cca(*flat[0], latent=latent, **told)
        coded = [[to_code(view) for to_code, view in zip(maps, views, strict=True)] for views in flat]
    else:
        found = trained(name, learn, latent=latent, seed=seed, budget=budget, start=start, **told)
        losses = [] if math.isnan(found.loss) else [found.loss]
        coded = [_codes(found.encoders, pairs) for pairs in (fit, held)]
    scores = [
        linear_probe(own, fit.labels, test=(other, held.labels), regularization=1.0).score
        for own, other in zip(*coded, strict=True)
    ]
    return {"accuracy": scores, "dimensions": [participation(code) for code in coded[0]], "loss": losses}


def participation(code: npt.NDArray[np.floating]) -> float:
    """Squared sum of the covariance's eigenvalues over the sum of their squares: how many directions carry the variance."""
    covariance = np.atleast_2d(np.cov(code.T))
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())


def _codes(encoders: list[nn.Module], pairs: Pairs) -> list[npt.NDArray[np.float64]]:
    return [_encoded(encoder, view) for encoder, view in zip(encoders, pairs.views, strict=True)]


def _encoded(encoder: nn.Module, view: Tensor) -> npt.NDArray[np.float64]:
    with torch.no_grad():
        found: npt.NDArray[np.float64] = torch.cat([encoder(rows) for rows in view.split(2048)]).double().numpy()
    return found
