"""Eigenvalues of the embedding covariance of a linear encoder under gradient descent on FroSSL, VICReg and Barlow Twins.

The slopes that `docs/design/why-frossl-is-fast.md` derives, and how many steps they take until the largest eigenvalues
are alike. `tests/ssl/test_eigenvalue_flow.py` holds the slopes against autograd on the losses themselves.
`python -m tests.studies._eigenvalue_flow` writes `docs/assets/eigenvalue-flow.json` and the figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.studies._figures import _MAMBA, _NEOX, ASSETS, _picture, write_json

TOP, STEPS = 14, 5_000
_COLORS = {"FroSSL, 2 views": _NEOX, "FroSSL, 4 views": "#7048e8", "VICReg": _MAMBA, "Barlow Twins": "#2f9e44"}
Slope = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class FroSSL:
    """Slope of the loss by the eigenvalues ``c``; ``share`` is each direction's part of the variance that views share."""

    views: int
    samples: int
    weight: float = 1.0

    def __call__(self, c: np.ndarray, share: np.ndarray) -> np.ndarray:
        total = c.sum()
        kappa = self.views * (self.views - 1) * len(c) / self.samples
        invariance = -kappa * (share - (share * c).sum() / total) / total
        return 2 * self.views * (c / (c**2).sum() - 1 / total) + self.weight * invariance


@dataclass(frozen=True)
class VICReg:
    """As lightly: variance by N - 1, its hinge at 1, weights 25, 25 and 1."""

    samples: int
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0
    eps: float = 1e-4

    def __call__(self, c: np.ndarray, share: np.ndarray) -> np.ndarray:
        width, unbiased = len(c), self.samples / (self.samples - 1)
        deviation = np.sqrt(unbiased * c.sum() / width + self.eps)
        hinge = -unbiased / (2 * width * deviation) if deviation < 1 else 0.0
        off_diagonal = 4 * unbiased**2 / width * (c - c.sum() / width)
        return self.variance * hinge + self.covariance * off_diagonal + self.invariance * 2 / width * (1 - share)


@dataclass(frozen=True)
class BarlowTwins:
    """As lightly, without the eps of its batch norm."""

    off_diagonal: float = 5e-3

    def __call__(self, c: np.ndarray, share: np.ndarray) -> np.ndarray:
        width, total, shared = len(c), c.sum(), share * c
        mean = shared.sum() / total
        along = (share - mean) / total
        squares = 2 * width**2 * (share * shared / total**2 - (shared**2).sum() / total**3)
        return -2 * width * (1 - mean) * along + self.off_diagonal * (squares - 2 * width * mean * along)


def descend(slope: Slope, variance: np.ndarray, share: np.ndarray, start: np.ndarray, rate: float, steps: int):
    """Eigenvalues after every step of gradient descent on the gains ``a``, where ``c = variance * a^2``."""
    gains, path = np.sqrt(start / variance), np.empty((steps + 1, len(start)))
    for step in range(steps + 1):
        path[step] = c = variance * gains**2
        if not np.isfinite(c).all() or c.max() > 1e12:
            return path[: step + 1]
        gains = gains - rate * 2 * variance * gains * slope(c, share)
    return path


def steps_until_alike(path: np.ndarray, *, factor: float = 2.0) -> int | None:
    """First step from which the largest `TOP` eigenvalues lie within the factor of each other, and stay so to the end."""
    ordered = np.sort(path, axis=1)[:, ::-1]
    apart = np.flatnonzero(ordered[:, 0] > factor * ordered[:, TOP - 1])
    first = int(apart[-1]) + 1 if len(apart) else 0
    return first if first < len(path) else None


def fewest_steps(slope: Slope, variance: np.ndarray, share: np.ndarray, start: np.ndarray, *, steps: int = STEPS):
    """The rate of a grid (factors of the fourth root of 2) that needs the fewest steps, and its path.

    A rate at which the eigenvalues leave each other again within `steps` does not count: it is not stable.
    """
    best: tuple[int, float, np.ndarray] | None = None
    for rate in 2.0 ** np.arange(-12, 4, 0.25):
        with np.errstate(all="ignore"):
            path = descend(slope, variance, share, start, rate, steps)
        count = steps_until_alike(path) if len(path) == steps + 1 else None
        if count is not None and (best is None or count < best[0]):
            best = count, float(rate), path[: 2 * count + 50]
    return best


SETTINGS = {
    "power 1, share 0.9": (1.0, lambda k: np.full(len(k), 0.9)),
    "power 2, share 0.9": (2.0, lambda k: np.full(len(k), 0.9)),
    "power 2, share falling": (2.0, lambda k: 1 / (1 + 0.1 * k)),
}


def study(width: int = 256, samples: int = 256) -> list[dict[str, object]]:
    """Fewest steps of each loss on data of a power law, from an encoder that passes every direction alike."""
    k = np.arange(1, width + 1)
    losses: dict[str, Slope] = {f"FroSSL, {views} views": FroSSL(views, samples) for views in (2, 4, 8)}
    losses["FroSSL, 8 views, weight 1/7"] = FroSSL(8, samples, 1 / 7)  # the balance that two views have
    losses |= {"VICReg": VICReg(samples), "Barlow Twins": BarlowTwins()}
    rows: list[dict[str, object]] = []
    for title, (power, shares) in SETTINGS.items():
        variance = k**-power
        variance = variance * width / variance.sum()
        for name, slope in losses.items():
            best = fewest_steps(slope, variance, shares(k), variance)
            if best is None:
                rows.append({"setting": title, "loss": name, "steps": None, "rate": None})
                continue
            count, rate, path = best
            ordered = np.sort(path, axis=1)[:, ::-1]
            shown = np.unique(np.geomspace(1, len(path), 60).astype(int) - 1)
            row = {"setting": title, "loss": name, "steps": count, "rate": rate}
            row["shown"] = shown.tolist()
            row["ratio"] = (ordered[shown, 0] / ordered[shown, TOP - 1]).tolist()
            rows.append(row)
    return rows


def draw() -> Path:
    """Largest over fourteenth eigenvalue by step, at each loss's best rate."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    found = json.loads((ASSETS / "eigenvalue-flow.json").read_text(encoding="utf-8"))
    settings = list(dict.fromkeys(row["setting"] for row in found["rows"]))
    figure: Figure = make_subplots(
        1, len(settings), subplot_titles=settings, shared_yaxes=True, horizontal_spacing=0.05
    )
    for row in found["rows"]:
        if row["steps"] is None or row["loss"] not in _COLORS:
            continue
        column = settings.index(row["setting"]) + 1
        figure.add_trace(
            Scatter(
                x=[step + 1 for step in row["shown"]],
                y=row["ratio"],
                name=row["loss"],
                line={"color": _COLORS[row["loss"]], "width": 2},
                showlegend=column == 1,
            ),
            row=1,
            col=column,
        )
    for column in range(1, len(settings) + 1):
        figure.add_hline(y=2, line={"color": "#adb5bd", "dash": "dot"}, row=1, col=column)
    figure.update_xaxes(title="steps + 1", type="log", dtick=1)
    figure.update_yaxes(type="log", dtick=1)
    figure.update_yaxes(title="largest over 14th eigenvalue", row=1, col=1)
    figure.update_layout(legend={"x": 1.02, "y": 1.0})
    return _picture(figure, "eigenvalue-flow", width=1150, height=400, right=170)


def main() -> None:
    rows = study()
    for row in rows:
        print(row["setting"], row["loss"], row["steps"], row["rate"], sep="; ")
    write_json("eigenvalue-flow", {"width": 256, "samples": 256, "top": TOP, "within": STEPS, "rows": rows})
    print(draw())


if __name__ == "__main__":
    main()
