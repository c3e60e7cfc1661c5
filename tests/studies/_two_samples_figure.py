"""Figures of the two-sample studies, drawn from the small JSON files that they leave in `docs/assets`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.studies._figures import _MAMBA, _NEOX, ASSETS, _picture

_COLORS = {
    "several bandwidths, order 2": _NEOX,
    "several bandwidths, order 1": "#7048e8",
    "several bandwidths, order 0.5": "#ae3ec9",
    "one bandwidth learned on further samples, order 0.5": "#d6336c",
    "median bandwidth, order 2": "#adb5bd",
    "MMD-FUSE": _MAMBA,
    "MMDAgg": "#f08c00",
    "RJSD, learned": "#2f9e44",
}


def draw_power() -> Path:
    """Power of every test at every problem: ours as discs, published figures as diamonds."""
    from plotly.graph_objects import Figure, Scatter

    study = json.loads((ASSETS / "two-sample-power.json").read_text(encoding="utf-8"))
    figure: Figure = Figure()
    for title, color in _COLORS.items():
        pairs = [
            (name, (problem["ours"] | problem["published"])[title])
            for name, problem in study["problems"].items()
            if title in problem["ours"] | problem["published"]
        ]
        symbol = "circle" if title in study["problems"][pairs[0][0]]["ours"] else "diamond-open"
        figure.add_trace(
            Scatter(
                x=[power for _, power in pairs],
                y=[name for name, _ in pairs],
                mode="markers",
                name=title,
                marker={"color": color, "size": 11, "symbol": symbol, "line": {"width": 2}},
            )
        )
    figure.update_xaxes(title=f"power at level 0.05, {study['repetitions']} repetitions", range=[-0.02, 1.02])
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(legend={"x": 1.02, "y": 1.0})
    return _picture(figure, "two-sample-power", width=1100, height=460, right=230)


def draw_gaussian() -> Path:
    """Rejection rates of the mean and the variance tests over the dimension, averaged over the differences."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "gaussian-two-sample.json").read_text(encoding="utf-8"))
    colors = {"order 1.01": "#7048e8", "order 2": _NEOX, "order 5": "#2f9e44", "MMD": _MAMBA}
    figure: Figure = make_subplots(
        1, 2, subplot_titles=["means differ", "variances differ"], horizontal_spacing=0.08, shared_yaxes=True
    )
    for column, kind in enumerate(("means", "variances"), 1):
        for title, color in colors.items():
            figure.add_trace(
                Scatter(
                    x=study["dimensions"],
                    y=study[kind][title],
                    name=title,
                    mode="lines+markers",
                    line={"color": color, "width": 2},
                    showlegend=column == 1,
                ),
                row=1,
                col=column,
            )
        figure.update_xaxes(title="dimension", type="log", row=1, col=column)
    figure.update_yaxes(title="rejection rate at 0.05", row=1, col=1)
    figure.update_layout(legend={"x": 1.02, "y": 1.0})
    return _picture(figure, "gaussian-two-sample", width=1050, height=400, right=130)


if __name__ == "__main__":
    for draw in (draw_power, draw_gaussian):
        print(draw())
