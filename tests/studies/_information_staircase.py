"""What estimators say while the information of Gaussian pairs climbs a staircase, step after step of a training.

All see the same batches. Critics, the conditional and the learned bandwidth are trained along with the climb; a value is taken before
the step that its batch gives. Before the climb there is a warm-up on the first stair, so that its values, to which changes are related,
are not those of critics that have hardly begun. What is not trained is measured at every fifth step, of which there are enough.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import gramian as gm
from gramian.multiview import DiMELoss
from tests.studies import _information_bounds as bounds
from tests.studies._runs import study_folder

STAIRS = (2.0, 4.0, 6.0, 8.0, 10.0)
# The paper has 4,000 steps a stair and no warm-up. The last ones of a stair are what is reported.
STEPS, WARM_UP, LAST, BATCH, RATE, SEEDS = 1000, 1000, 500, 64, 5e-4, (0, 1)
BANDWIDTH = math.sqrt(bounds.DIMENSION)
EVERY = 5
VERSIONS = ("linear", "cubed")
# Estimators that stand in one cell share a training, and so its time.
CELLS: dict[str, tuple[str, ...]] = {
    "dime-fixed": ("DiME",),
    "dime-fixed-5": ("DiME, 5 permutations",),
    "dime-order-2": ("DiME, order 2, 5 permutations",),
    "dime-median": ("DiME, median bandwidth, 5 permutations",),
    "dime-learned": ("DiME, learned bandwidth",),
    "matrix": ("matrix mutual information",),
    "infonce": ("InfoNCE",),
    "nwj": ("NWJ",),
    "js": ("Jensen-Shannon", "SMILE"),
    "club": ("CLUB",),
}
IN_NATS = ("InfoNCE", "NWJ", "Jensen-Shannon", "SMILE", "CLUB")
Step = Callable[[Tensor, Tensor, int], list[float]]


def _dime(bandwidth: float | str = BANDWIDTH, **told: Any) -> Step:
    def value(x: Tensor, y: Tensor, step: int) -> list[float]:
        grams = [gm.gaussian_kernel(view, bandwidth=bandwidth) for view in (x, y)]
        return [gm.dime(*grams, seed=step, **told).item()]

    return value


def _matrix(x: Tensor, y: Tensor, step: int) -> list[float]:
    return [
        gm.mutual_information(*(gm.gaussian_kernel(view, bandwidth=BANDWIDTH) for view in (x, y)), alpha=1.01).item()
    ]


def _trained(model: nn.Module, told: Callable[[Tensor, Tensor], tuple[Tensor, list[Tensor]]]) -> Step:
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)

    def value(x: Tensor, y: Tensor, step: int) -> list[float]:
        loss, values = told(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return [one.item() for one in values]

    return value


def _step(cell: str) -> Step:
    if cell == "matrix":
        return _matrix
    if cell == "dime-learned":
        loss = DiMELoss(bandwidth="learned", permutations=1)
        assert loss.log_factor is not None
        with torch.no_grad():
            # From the same bandwidth as the fixed one.
            loss.log_factor.fill_(math.log(BANDWIDTH / math.sqrt(bounds.DIMENSION / 2)))

        def dime(x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
            value = loss([x, y])
            return value, [-value.detach()]

        return _trained(loss, dime)
    if cell == "club":
        conditional = bounds.GaussianConditional()

        def club(x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
            densities = conditional(x, y)
            return -densities.diagonal().mean(), [bounds.club(densities.detach())]

        return _trained(conditional, club)
    if cell in ("infonce", "nwj", "js"):
        critic = bounds.ConcatCritic(half=True)

        def bound(x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
            scores = critic(x, y)
            if cell == "js":
                # The critic is near the log ratio: the estimates are those of the bounds for which that is best.
                held = scores.detach()
                return -bounds.jensen_shannon(scores), [bounds.nwj(held + 1), bounds.smile(held)]
            value = (bounds.infonce if cell == "infonce" else bounds.nwj)(scores)
            return -value, [value.detach()]

        return _trained(critic, bound)
    return {
        "dime-fixed": _dime(permutations=1),
        "dime-fixed-5": _dime(),
        "dime-order-2": _dime(alpha=2),
        "dime-median": _dime("median"),
    }[cell]


def climb(cell: str, version: str, seed: int, *, steps: int = STEPS) -> dict[str, Any]:
    """Values of every estimator of a cell by stair and step, and the processor's seconds a step; read where an earlier run left them."""
    file = study_folder("information-staircase") / f"{cell}-{version}-{seed}-{steps}.json"
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        take = _step(cell)
    trained = cell in ("dime-learned", "infonce", "nwj", "js", "club")
    every = 1 if trained else EVERY
    batch = partial(bounds.correlated_pairs, BATCH, generator=generator, cubed=version == "cubed")
    for step in range(WARM_UP):
        x, y = batch(STAIRS[0])
        if trained:
            take(x, y, -1 - step)
    values: list[list[list[float]]] = []
    seconds = 0.0
    for stair, information in enumerate(STAIRS):
        taken = []
        for step in range(steps):
            x, y = batch(information)
            if step % every == 0:
                start = time.process_time()
                taken.append(take(x, y, stair * steps + step))
                seconds += time.process_time() - start
        values.append(taken)
    content = {
        "values": {name: [[one[place] for one in taken] for taken in values] for place, name in enumerate(CELLS[cell])},
        "every": every,
        "seconds": seconds / sum(map(len, values)),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".tmp")
    aside.write_text(json.dumps(content))
    aside.replace(file)
    return content


def summary(version: str, *, steps: int = STEPS, block: int = 50) -> dict[str, dict[str, Any]]:
    """Of every estimator: values of the stairs, relative changes, coefficient of variation, seconds, and the curve over the steps."""
    found: dict[str, dict[str, Any]] = {}
    for cell, names in CELLS.items():
        runs = [climb(cell, version, seed, steps=steps) for seed in SEEDS]
        every = runs[0]["every"]
        for name in names:
            # Seeds, stairs, steps.
            values = np.array([run["values"][name] for run in runs])
            ends = values[:, :, -(LAST // every) :]
            means = ends.mean(-1)
            stairs = means.mean(0)
            own = {
                "values": stairs.tolist(),
                "relative": (stairs / stairs[0]).tolist(),
                "relative_of_seeds": (means / means[:, :1]).tolist(),
                "variation": float((ends.std(-1, ddof=1) / np.abs(means)).mean()),
                "seconds": float(np.mean([run["seconds"] for run in runs])),
                "curve": values.reshape(len(SEEDS), -1, block // every).mean((0, 2)).tolist(),
            }
            if name in IN_NATS:
                own["bias"] = (stairs - np.array(STAIRS)).tolist()
            found[name] = own
    return found
