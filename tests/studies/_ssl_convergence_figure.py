"""Figures of the convergence study, drawn from the small JSON file that it leaves in `docs/assets`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.studies._figures import ASSETS, _picture

_COLORS = {
    "FroSSL, 2 views": "#91a7ff",
    "FroSSL, 4 views": "#4c6ef5",
    "FroSSL, 8 views": "#1c2f9e",
    "SimCLR": "#d9480f",
    "VICReg": "#2f9e44",
    "Barlow Twins": "#94d82d",
    "SimSiam": "#f783ac",
}

_EPOCHS = ["#ced4da", "#91a7ff", "#4c6ef5", "#1c2f9e"]


def draw_convergence() -> Path:
    """Accuracy of neighbours by epoch, by image view and by second; eigenvalues after the last epoch."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "ssl-convergence.json").read_text(encoding="utf-8"))
    titles = ["by epoch", "by image view", "by second of one core", "eigenvalues, last epoch"]
    figure: Figure = make_subplots(2, 2, subplot_titles=titles, horizontal_spacing=0.1, vertical_spacing=0.16)
    for title, method in study["methods"].items():
        epochs = range(len(method["knn"]))
        axes = [
            epochs,
            [epoch * method["views_per_epoch"] for epoch in epochs],
            [epoch * method["epoch_seconds"] for epoch in epochs],
        ]
        line = {"color": _COLORS[title], "width": 2}
        for place, x in enumerate(axes):
            figure.add_trace(
                Scatter(x=list(x), y=method["knn"], name=title, line=line, showlegend=place == 0),
                row=1 + place // 2,
                col=1 + place % 2,
            )
        last = method["spectra"][-1]["eigenvalues"]
        figure.add_trace(
            Scatter(x=list(range(1, len(last) + 1)), y=last, name=title, line=line, showlegend=False), row=2, col=2
        )
    for row, column in ((1, 1), (1, 2), (2, 1)):
        figure.update_yaxes(title="accuracy of 20 neighbours", row=row, col=column)
    figure.update_yaxes(type="log", title="share of the trace", row=2, col=2)
    return _picture(figure, "ssl-convergence", width=1100, height=760, right=180)


def draw_spectra() -> Path:
    """Eigenvalues of the embeddings' covariance over training, seed 0, a panel for each title."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "ssl-convergence.json").read_text(encoding="utf-8"))
    titles = list(study["methods"])
    figure: Figure = make_subplots(
        2, 4, subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.02, vertical_spacing=0.14
    )
    for number, title in enumerate(titles):
        for place, look in enumerate(study["methods"][title]["spectra"]):
            values = look["eigenvalues"]
            figure.add_trace(
                Scatter(
                    x=list(range(1, len(values) + 1)),
                    y=values,
                    name=f"epoch {look['epoch']:.0f}",
                    legendgroup=str(place),
                    showlegend=number == 0,
                    line={"color": _EPOCHS[place], "width": 2},
                ),
                row=1 + number // 4,
                col=1 + number % 4,
            )
    figure.update_yaxes(type="log")
    for row in (1, 2):
        figure.update_yaxes(title="share of the trace", row=row, col=1)
    return _picture(figure, "ssl-convergence-spectra", width=1100, height=620, right=120)
