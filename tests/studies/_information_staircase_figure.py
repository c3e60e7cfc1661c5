"""Figure of the information staircase, drawn from the small JSON file that the study leaves in `docs/assets`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.studies._figures import _INK, _MAMBA, _NEOX, ASSETS, _picture

_COLORS = {
    "DiME": _NEOX,
    "DiME, median bandwidth, 5 permutations": "#15aabf",
    "DiME, learned bandwidth": "#7048e8",
    "DiME, order 2, 5 permutations": "#74c0fc",
    "matrix mutual information": "#868e96",
    "InfoNCE": _MAMBA,
    "NWJ": "#f08c00",
    "Jensen-Shannon": "#2f9e44",
    "SMILE": "#d6336c",
    "CLUB": "#a9742f",
}


def draw_staircase() -> Path:
    """Values over the steps: estimators of nats on the left, what is compared by its change on the right; a version a row."""
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    study = json.loads((ASSETS / "information-staircase.json").read_text(encoding="utf-8"))
    steps, stairs = study["steps"], study["stairs"]
    kinds = {"linear": "Gaussian pairs", "cubed": "y cubed"}
    titles = [f"{kind}, {unit}" for kind in kinds.values() for unit in ("nats", "relative to the first stair")]
    figure: Figure = make_subplots(
        2, 2, subplot_titles=titles, horizontal_spacing=0.07, vertical_spacing=0.12, shared_xaxes=True
    )
    for row, version in enumerate(kinds, 1):
        estimators = study["versions"][version]
        for column in (1, 2):
            truth = [value / (1 if column == 1 else stairs[0]) for value in stairs]
            figure.add_trace(
                Scatter(
                    x=[steps * place for stair in range(len(stairs)) for place in (stair, stair + 1)],
                    y=[value for value in truth for _ in range(2)],
                    name="truth",
                    mode="lines",
                    line={"color": _INK, "width": 2, "dash": "dot"},
                    showlegend=row == column == 1,
                ),
                row=row,
                col=column,
            )
        for name, color in _COLORS.items():
            own = estimators[name]
            nats = "bias" in own
            size = steps * len(stairs) / len(own["curve"])
            figure.add_trace(
                Scatter(
                    x=[size * (place + 0.5) for place in range(len(own["curve"]))],
                    y=own["curve"] if nats else [value / own["values"][0] for value in own["curve"]],
                    name=name,
                    mode="lines",
                    line={"color": color, "width": 1.6},
                    showlegend=row == 1,
                ),
                row=row,
                col=1 if nats else 2,
            )
        figure.update_yaxes(range=[0, 16], row=row, col=1)
        figure.update_yaxes(range=[0, 6.5], row=row, col=2)
    for column in (1, 2):
        figure.update_xaxes(title="step", row=2, col=column)
    figure.update_layout(legend={"x": 1.02, "y": 1.0})
    return _picture(figure, "information-staircase", width=1200, height=720, right=290)


if __name__ == "__main__":
    print(draw_staircase())
