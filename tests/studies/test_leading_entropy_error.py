"""How far DiME by leading eigenvalues is from DiME by all of them, in value and gradient: order 1.01, two permutations, seed 0.

About four minutes of one core; the table is in `docs/design/dime-without-eigenvectors.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import gramian as gm
from tests.studies._figures import write_json

pytestmark = pytest.mark.study
RANKS, SEED = (32, 64, 128, 256, 512), 0


@dataclass(frozen=True)
class Case:
    """Two views in ``d`` dimensions: Gaussians correlated by ``strength``, clusters with such centres, or a sine."""

    kind: str
    d: int
    strength: float = 0.0
    bandwidth: str | float = "dimension"

    def views(self, n: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(SEED)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        if self.kind == "clusters":
            centres, chosen = self.strength * normal(2, 10, self.d), torch.randint(10, (n,), generator=generator)
            return centres[0, chosen] + normal(n, self.d), centres[1, chosen] + normal(n, self.d)
        x, noise = normal(n, self.d), normal(n, self.d)
        if self.kind == "sine":
            return x, torch.sin(4 * x) + self.strength * noise
        return x, self.strength * x + math.sqrt(1 - self.strength**2) * noise


CASES = {
    "Gaussians, d = 2, correlation .5": Case("gaussians", 2, 0.5),
    "d = 2, .9": Case("gaussians", 2, 0.9),
    "d = 10, .5": Case("gaussians", 10, 0.5),
    "d = 10, .9": Case("gaussians", 10, 0.9),
    "d = 10, .99": Case("gaussians", 10, 0.99),
    "d = 20, .9": Case("gaussians", 20, 0.9),
    "d = 10, independent": Case("gaussians", 10, 0.0),
    "ten clusters, d = 10": Case("clusters", 10, 3.0),
    "ten clusters, d = 10, centres 1": Case("clusters", 10, 1.0),
    "ten clusters, d = 2": Case("clusters", 2, 3.0),
    "sine, d = 1": Case("sine", 1, 0.3),
    "d = 10, .9, bandwidth 1.0": Case("gaussians", 10, 0.9, 1.0),
    "ten clusters, d = 10, bandwidth median": Case("clusters", 10, 3.0, "median"),
    "d = 10, .9, bandwidth median": Case("gaussians", 10, 0.9, "median"),
}
LARGE = ("d = 2, .9", "d = 10, .9", "d = 10, .99", "ten clusters, d = 10")


def _measured(case: Case, n: int, ranks: tuple[int, ...], *, gradient: bool) -> dict[str, Any]:
    views = [view.requires_grad_(gradient) for view in case.views(n)]

    def found(rank: int | None) -> tuple[float, Tensor | None]:
        grams = (gm.gaussian_kernel(view, bandwidth=case.bandwidth) for view in views)
        value = gm.dime(*grams, permutations=2, rank=rank, seed=SEED)
        slopes = torch.autograd.grad(value, views) if gradient else None
        return float(value.detach()), None if slopes is None else torch.cat([slope.flatten() for slope in slopes])

    exact, slope = found(None)
    rows: dict[str, Any] = {"exact": exact, "change": {}, "cosine": {}}
    for rank in ranks:
        value, close = found(rank)
        rows["change"][str(rank)] = value / exact - 1
        if slope is not None and close is not None:
            rows["cosine"][str(rank)] = float(torch.cosine_similarity(slope, close, dim=0))
    return rows


@pytest.fixture(scope="module")
def errors():
    torch.set_num_threads(1)
    content = {
        "1000": {name: _measured(case, 1000, RANKS, gradient=True) for name, case in CASES.items()},
        "3000": {name: _measured(CASES[name], 3000, RANKS[1:], gradient=False) for name in LARGE},
    }
    write_json("dime-rank", {"seed": SEED, "alpha": 1.01, "permutations": 2, "pairs": content})
    return content


def test_at_rank_256_values_are_within_five_percent_where_dime_does_not_vanish(errors):
    for rows in errors.values():
        for name, row in rows.items():
            if abs(row["exact"]) > 0.01:
                assert abs(row["change"]["256"]) < 0.05, name


def test_at_rank_256_gradients_point_the_exact_way(errors):
    assert min(row["cosine"]["256"] for row in errors["1000"].values()) > 0.99
